import type { Measured, StoreMeasured } from "./load.ts";

/**
 * What was measured: `deno task bench` for the consumer alone, `deno task bench --consumers 1 --store …` for the stores.
 * README's sizing follows from it; ORILLA_UPDATE_README=1 writes it there.
 */
export const MEASURED: Measured = {
  consumerCpuSeconds: 8.4,
  consumerMegabytes: 307,
  recordBytes: 109,
  parquetBytes: 11.5,
};

export const STORES: readonly StoreMeasured[] = [
  {
    name: "SQLite",
    consumerCpuSeconds: 8.4,
    serverCpuSeconds: 0,
    serverCores: null,
    loggedBytes: 0,
    bytesPerId: 20,
    heldIn: "disk",
    heldFor: 1.25,
  },
  {
    name: "PostgreSQL",
    consumerCpuSeconds: 8.6,
    serverCpuSeconds: 4.3,
    serverCores: null,
    loggedBytes: 187,
    bytesPerId: 111,
    heldIn: "disk",
    heldFor: 1,
  },
  {
    name: "Redis",
    consumerCpuSeconds: 7.4,
    serverCpuSeconds: 2.7,
    serverCores: 1,
    loggedBytes: 24,
    bytesPerId: 72,
    heldIn: "memory",
    heldFor: 1.25,
  },
];
