import type { Measured, StoreMeasured } from "./load.ts";

/**
 * What was measured: `deno task bench` for the consumer alone, `deno task bench --consumers 1 --store …` for the stores.
 * README's sizing follows from it; ORILLA_UPDATE_README=1 writes it there.
 */
export const MEASURED: Measured = {
  consumerCpuSeconds: 4.6,
  consumerMegabytes: 322,
  recordBytes: 109,
  parquetBytes: 11.4,
};

export const STORES: readonly StoreMeasured[] = [
  {
    name: "SQLite",
    consumerCpuSeconds: 4.6,
    serverCpuSeconds: 0,
    serverCores: null,
    loggedBytes: 0,
    bytesPerId: 20,
    heldIn: "disk",
    heldFor: 1.25,
  },
  {
    name: "PostgreSQL",
    consumerCpuSeconds: 5.6,
    serverCpuSeconds: 3.6,
    serverCores: null,
    loggedBytes: 141,
    bytesPerId: 112,
    heldIn: "disk",
    heldFor: 1,
  },
  {
    name: "Redis",
    consumerCpuSeconds: 4.9,
    serverCpuSeconds: 2.3,
    serverCores: 1,
    loggedBytes: 24,
    bytesPerId: 59,
    heldIn: "memory",
    heldFor: 1.25,
  },
];
