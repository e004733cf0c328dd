import type { Measured, StoreMeasured } from "./load.ts";

/**
 * What was measured: `deno task bench` for the consumer alone, `deno task bench --consumers 1 --store …` for the stores.
 * README's sizing follows from it; ORILLA_UPDATE_README=1 writes it there.
 */
export const MEASURED: Measured = {
  consumerCpuSeconds: 5.9,
  consumerMegabytes: 342,
  recordBytes: 109,
  parquetBytes: 11.4,
};

export const STORES: readonly StoreMeasured[] = [
  {
    name: "SQLite",
    consumerCpuSeconds: 5.9,
    serverCpuSeconds: 0,
    serverCores: null,
    loggedBytes: 0,
    bytesPerId: 20,
    heldIn: "disk",
    heldFor: 1.25,
  },
  {
    name: "PostgreSQL",
    consumerCpuSeconds: 6.4,
    serverCpuSeconds: 5.0,
    serverCores: null,
    loggedBytes: 188,
    bytesPerId: 112,
    heldIn: "disk",
    heldFor: 1,
  },
  {
    name: "Redis",
    consumerCpuSeconds: 6.1,
    serverCpuSeconds: 2.7,
    serverCores: 1,
    loggedBytes: 24,
    bytesPerId: 59,
    heldIn: "memory",
    heldFor: 1.25,
  },
];
