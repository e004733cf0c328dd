import { thousands } from "../core/count_text.ts";
import type { Counters } from "../core/counters.ts";
import { REASONS } from "../core/outcome.ts";
import type { FileTotals, RunSummary } from "../pipeline/run_summary.ts";

export interface SummaryOptions {
  readonly title: string;
  readonly summary: RunSummary;
  readonly counters: Readonly<Counters>;
  readonly elapsedMs: number;
  readonly outDir: string;
  /** Path of metrics.txt; null where a run writes none. */
  readonly metricsFile: string | null;
  /** What shows some rows. */
  readonly duckdb: string;
}

/** What a run did, for people. */
export function summaryText(options: SummaryOptions): string {
  const { title, summary, counters, elapsedMs, outDir, metricsFile } = options;
  const rate = elapsedMs > 0 ? Math.round(summary.receivedCount * 1000 / elapsedMs) : 0;
  const lines = [
    title,
    "",
    ...counts([
      ["received", summary.receivedCount, ""],
      ["published", summary.publishedCount, "rows in the lake"],
      ["duplicate", summary.duplicateCount, "their event_id had been accepted before"],
      ["rejected", summary.rejectedCount, "in the dead letters"],
    ]),
    ...rejectedLines(summary, counters),
    ...folderLines(summary.folders),
    "",
    `  elapsed    ${(elapsedMs / 1000).toFixed(2)} s, ${thousands(rate)} events/s`,
    `  lake       ${outDir}`,
    ...(metricsFile === null ? [] : [`  metrics    ${metricsFile}`]),
    ...adviceLines(options),
  ];
  return `${lines.join("\n")}\n`;
}

function counts(rows: readonly (readonly [string, number, string])[]): string[] {
  const width = Math.max(...rows.map(([, count]) => thousands(count).length));
  return rows.map(([label, count, note]) =>
    `  ${label.padEnd(10)} ${thousands(count).padStart(width)}  ${count > 0 ? note : ""}`.trimEnd()
  );
}

function rejectedLines(summary: RunSummary, counters: Readonly<Counters>): string[] {
  const meanings: Readonly<Record<string, string>> = REASONS;
  return summary.rejectedByReason(counters).map(([reason, count]) =>
    `    ${reason.padEnd(24)} ${thousands(count).padStart(9)}  ${meanings[reason] ?? ""}`
  );
}

const MAX_FOLDER_LINES = 20;

function folderLines(folders: ReadonlyMap<string, FileTotals>): string[] {
  if (folders.size === 0) return [];
  const rows = [...folders].sort(([a], [b]) => a < b ? -1 : 1);
  const shown = rows.slice(0, MAX_FOLDER_LINES).map(([folder, { fileCount, rowCount, bytes }]) =>
    `    ${folder.padEnd(32)} ${thousands(fileCount).padStart(6)} ${
      thousands(rowCount).padStart(12)
    } ${byteText(bytes).padStart(10)}`
  );
  const left = rows.length - shown.length;
  return [
    "",
    `    ${"folder".padEnd(32)} ${"files".padStart(6)} ${"rows".padStart(12)} ${
      "size".padStart(10)
    }`,
    ...shown,
    ...(left > 0 ? [`    … and ${left} more`] : []),
  ];
}

function adviceLines({ summary, duckdb }: SummaryOptions): string[] {
  if (summary.publishedCount > 0) {
    return ["", `  look at it:  ${duckdb}`];
  }
  if (summary.duplicateCount > 0) {
    return [
      "",
      "  All valid events were duplicates, and that is right: their ids are in this lake's checkpoint from an",
      "  earlier run, so publishing them again would put them into the lake twice. For new events use another",
      "  --first-id, for example --first-id 1000000, or another --out-dir.",
    ];
  }
  return [];
}

/** How long ago something was: `12 s ago`, `3 h ago`; `in 5 s` where a clock is wrong. */
export function agoText(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  const [count, unit] = seconds < 120
    ? [seconds, "s"]
    : seconds < 7_200
    ? [seconds / 60, "min"]
    : seconds < 172_800
    ? [seconds / 3_600, "h"]
    : [seconds / 86_400, "days"];
  return ms < 0 ? `in ${Math.round(count)} ${unit}` : `${Math.round(count)} ${unit} ago`;
}

/** 1536 → 1.5 KiB */
export function byteText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes, unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** 3.14 → 3.1 ms */
export function msText(ms: number): string {
  return `${ms.toLocaleString("en-US", { maximumFractionDigits: 1 })} ms`;
}
