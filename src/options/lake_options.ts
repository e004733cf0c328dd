import { MAX_KEPT_BYTES } from "../core/record.ts";
import { LAKE, option, STARTERS, WRITERS } from "./option.ts";
import { duration, integer, lakePlace, oneOf, ratio } from "./option_parsers.ts";

/** The lake, its batches, and how long an event id counts as seen. */
export const lakeOptions = {
  outDir: option(lakePlace(), {
    default: "datasets/processed/pi2/",
    modes: LAKE,
    meaning:
      "Folder of the lake, the checkpoint and metrics.txt, made where it is missing; or s3://BUCKET/PREFIX",
  }),
  batchMaxEvents: option(integer(1, 1_000_000), {
    default: "50000",
    modes: WRITERS,
    unit: "records",
    meaning: "Commit when this many records are buffered",
  }),
  batchMaxBytes: option(integer(1, MAX_KEPT_BYTES), {
    default: "67108864",
    modes: WRITERS,
    unit: "bytes",
    meaning: "Commit when the buffered keys, values and headers have this many bytes",
  }),
  batchMaxDates: option(integer(1, 10_000), {
    default: "1000",
    modes: WRITERS,
    unit: "dates",
    meaning: "Commit when the buffered events have more different dates than this, each a file",
  }),
  batchMaxLatencyMs: option(integer(10, 3_600_000), {
    default: "5000",
    modes: WRITERS,
    unit: "ms",
    meaning: "Commit when the oldest buffered record has waited this long",
  }),
  maxRecordBytes: option(integer(1, MAX_KEPT_BYTES), {
    default: "16777216",
    modes: WRITERS,
    unit: "bytes",
    meaning: "A record with more bytes (key, value and headers) is a dead letter, and is not read",
  }),
  tableFormat: option(oneOf(["plain", "delta"]), {
    default: "plain",
    modes: WRITERS,
    meaning:
      "With delta each commit is also a version of a Delta Lake table (OUT_DIR/_delta_log); once begun it goes on",
  }),
  dedupeTtl: option(duration(), {
    default: "7d",
    modes: [...WRITERS, "verify", "rebuild", "trace"],
    meaning: "How long an event_id counts as seen; 0 is for ever",
  }),
  seenMemoryBytes: option(integer(0, 2 ** 40), {
    default: "67108864",
    modes: WRITERS,
    unit: "bytes",
    meaning:
      "Memory for the filters of seen ids; those beyond are read from checkpoint.sqlite for each batch",
  }),
  duplicateTtl: option(duration(), {
    default: "7d",
    modes: [...WRITERS, "rebuild"],
    meaning: "How long it is kept where duplicates lay, for trace; 0 is for ever",
  }),
  rejectRatioMax: option(ratio(), {
    default: "1",
    modes: STARTERS,
    meaning: "Stop, exit 1, when a larger share of the last records is rejected; 1 is no limit",
  }),
  rejectWindow: option(integer(1, 10_000_000), {
    default: "10000",
    modes: STARTERS,
    unit: "records",
    meaning: "How many records that share is of: the last ones",
  }),
} as const;
