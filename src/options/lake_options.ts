import { LAKE, option, WRITERS } from "./option.ts";
import { duration, integer, path } from "./option_parsers.ts";

/** The lake, its batches, and how long an event id counts as seen. */
export const lakeOptions = {
  outDir: option(path(), {
    default: "datasets/processed/pi2/",
    modes: LAKE,
    meaning: "Folder of the lake, the checkpoint and metrics.txt; made where it is missing",
  }),
  batchMaxEvents: option(integer(1, 1_000_000), {
    default: "50000",
    modes: WRITERS,
    unit: "records",
    meaning: "Commit when this many records are buffered",
  }),
  batchMaxBytes: option(integer(1, 2_147_483_647), {
    default: "67108864",
    modes: WRITERS,
    unit: "bytes",
    meaning: "Commit when the buffered keys and values have this many bytes",
  }),
  batchMaxLatencyMs: option(integer(10, 3_600_000), {
    default: "5000",
    modes: WRITERS,
    unit: "ms",
    meaning: "Commit when the oldest buffered record has waited this long",
  }),
  dedupeTtl: option(duration(), {
    default: "7d",
    modes: [...WRITERS, "verify", "rebuild"],
    meaning: "How long an event_id counts as seen; 0 is for ever",
  }),
} as const;
