import { parseIso8601 } from "../core/timestamp.ts";
import { type Mode, option, STARTERS } from "./option.ts";
import { boolean, duration, integer, maybe, textParser } from "./option_parsers.ts";
import { TEXT_OR_LIST } from "./value_schema.ts";

const COMPACTING: readonly Mode[] = [...STARTERS, "compact"];

/** Dates as days since 1970-01-01 UTC, separated by commas. */
const dates = textParser("dates (2026-11-24), separated by commas", (text) => {
  const days = text.split(",").map((date) =>
    /^\d{4}-\d\d-\d\d$/.test(date.trim()) ? parseIso8601(date.trim())?.day : undefined
  );
  const known = days.filter((day) => day !== undefined);
  return known.length === days.length ? [...new Set(known)] : undefined;
}, TEXT_OR_LIST);

/** Small files, merged into larger ones. */
export const compactionOptions = {
  date: option(maybe("closed", dates), {
    default: "closed",
    modes: ["compact"],
    operandOf: ["compact"],
    environment: "COMPACT_DATE",
    meaning: "Dates whose files are merged; closed are all that are over for --compact-after",
  }),
  autoCompact: option(boolean(), {
    default: "false",
    modes: STARTERS,
    meaning: "Merge the small files of dates that are over between commits",
  }),
  compactAfter: option(duration(), {
    default: "6h",
    modes: COMPACTING,
    meaning: "How long after its end, in UTC, a date counts as over",
  }),
  targetFileBytes: option(integer(65_536, 1_073_741_824), {
    default: "134217728",
    modes: COMPACTING,
    unit: "bytes",
    meaning: "About how large merged files are; files of half of it or more stay as they are",
  }),
  compactDryRun: option(boolean(), {
    default: "false",
    modes: ["compact"],
    flag: "--dry-run",
    environment: "COMPACT_DRY_RUN",
    meaning: "Say what would be merged, and write nothing",
  }),
} as const;
