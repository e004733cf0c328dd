import type { Measured, StoreMeasured } from "./load.ts";

/** README, "Sizing": what `deno task bench --consumers 1 …` measured, and when. */
export const MEASURED: Measured = {
  consumerCpuSeconds: 5.1,
  consumerMegabytes: 291,
  recordBytes: 0,
  parquetBytes: 0,
};

/** The same of the checkpoints' stores, with `--store`. */
export const STORES: readonly StoreMeasured[] = [];
