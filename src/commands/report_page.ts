import type {
  AccionKey,
  Bucket,
  CommitBucket,
  DateReport,
  LakeReport,
} from "../core/lake_report.ts";
import { noAcciones } from "../core/lake_report.ts";
import { barPlot, escapeHtml, legend, rowPlot, type Series } from "./report_plot.ts";
import { REPORT_STYLE } from "./report_style.ts";
import { thousands } from "../core/count_text.ts";
import { byteText } from "./summary.ts";

/** The latest dates that are shown one by one; JSON has all. */
const MAX_DATES = 366;

/** The report as one page of HTML, which needs nothing else and runs nothing. */
export async function reportPage(report: LakeReport, outDir: string): Promise<string> {
  const policy = [
    "default-src 'none'",
    `style-src '${await hashOf(REPORT_STYLE)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ];
  const made = isoMinute(report.madeAtMs);
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy.join("; ")}">`,
    '<meta name="referrer" content="no-referrer">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>orilla: what is in the lake, ${made}</title>`,
    `<style>${REPORT_STYLE}</style>`,
    "</head>",
    "<body>",
    "<header><h1>What is in the lake</h1>",
    `<p class="quiet">${escapeHtml(outDir)}, ${made}, orilla ${
      escapeHtml(report.version)
    }</p></header>`,
    "<main>",
    figures(report),
    ...warning(report),
    datesPart(report),
    outcomesPart(report),
    freshnessPart(report),
    filesPart(report),
    commitsPart(report),
    "</main>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

/** A source of a content security policy that allows a text by its hash. */
async function hashOf(text: string): Promise<string> {
  const hash = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
  );
  return `sha256-${btoa(String.fromCharCode(...hash))}`;
}

function figures(report: LakeReport): string {
  const { outcomes, files, bytes, dates, commits, seenIds, deadLetterFiles } = report;
  const pairs = [
    ["events", thousands(outcomes.published)],
    ["dates", thousands(dates.length)],
    ["files", thousands(files)],
    ["size", byteText(bytes)],
    ["commits", thousands(commits)],
    ["seen ids", thousands(seenIds)],
    ["dead-letter files", thousands(deadLetterFiles)],
  ];
  return `<dl>${
    pairs.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("")
  }</dl>`;
}

function warning({ unreadable }: LakeReport): string[] {
  if (unreadable.length === 0) return [];
  return [
    `<p class="warning"><strong>${
      thousands(unreadable.length)
    } files could not be read</strong>; their events are ` +
    `counted by date, but not by accion and age. <code>orilla verify</code> says more.</p>`,
  ];
}

const ACCION_NAMES: Readonly<Record<AccionKey, string>> = {
  click: "click",
  view: "view",
  purchase: "purchase",
  none: "(none)",
  other: "(another)",
};
const ACCION_KEYS = Object.keys(noAcciones()) as AccionKey[];

function datesPart({ dates, acciones }: LakeReport): string {
  const keys = ACCION_KEYS.filter((key) => acciones[key] > 0);
  const shown = dates.slice(-MAX_DATES);
  const left = dates.length - shown.length;
  const series = keys.map((key): Series => ({
    name: ACCION_NAMES[key],
    colour: ACCION_KEYS.indexOf(key),
    values: shown.map((date) => date.acciones[key]),
  }));
  const row = ({ date, events, files, bytes, acciones }: DateReport) => [
    date,
    thousands(events),
    ...keys.map((key) => thousands(acciones[key])),
    thousands(files),
    byteText(bytes),
  ];
  return part("Events by date and accion", {
    text: left > 0
      ? `The latest ${thousands(shown.length)} dates of ${thousands(dates.length)}.`
      : "By the UTC date of ts.",
    plot: barPlot({
      label: `Events by date: ${thousands(dates.length)} dates, each a bar made of its acciones`,
      categories: shown.map(({ date }) => date),
      series,
      format: short,
    }) + legend(series),
    columns: ["date", "events", ...keys.map((key) => ACCION_NAMES[key]), "files", "size"],
    rows: shown.toReversed().map(row),
  });
}

function outcomesPart({ outcomes, rejectedByReason }: LakeReport): string {
  const rows = [
    { name: "published", value: outcomes.published, colour: 0 },
    { name: "duplicate", value: outcomes.duplicate, colour: 4 },
    { name: "rejected", value: outcomes.rejected, colour: 1 },
  ];
  const share = (count: number) =>
    outcomes.received === 0 ? "" : percent(count / outcomes.received);
  const outcomesHtml = part("Outcomes", {
    text: `${thousands(outcomes.received)} records were received; each has one outcome.`,
    plot: rowPlot({ label: "Records by outcome", rows, format: thousands }),
    columns: ["outcome", "records", "share"],
    rows: rows.map(({ name, value }) => [name, thousands(value), share(value)]),
  });
  if (rejectedByReason.length === 0) return outcomesHtml;
  return outcomesHtml + part("Rejected by reason", {
    text: "Dead letters that were ever written, replayed and purged ones among them.",
    plot: rowPlot({
      label: "Rejected records by reason",
      rows: rejectedByReason.map(([name, value]) => ({ name, value, colour: 1 })),
      format: thousands,
    }),
    columns: ["reason", "records", "share"],
    rows: rejectedByReason.map(([reason, count]) => [reason, thousands(count), share(count)]),
  });
}

function freshnessPart({ freshness }: LakeReport): string {
  const { buckets, future, p50, p90, p99 } = freshness;
  const shown = [
    ...(future > 0 ? [{ name: "future", count: future }] : []),
    ...namedBuckets(buckets, duration),
  ];
  const text = p50 === null || p90 === null || p99 === null
    ? "No events yet."
    : `When their batch was staged (processing_ts − ts), half of the events were at most ${
      duration(p50)
    } old, ` +
      `90 % at most ${duration(p90)}, 99 % at most ${duration(p99)}.`;
  return part("Freshness", { text, ...bucketPlot("Events by age", shown, ["age", "events"]) });
}

function filesPart({ fileSizes, files, outcomes }: LakeReport): string {
  const { smallest, median, largest, buckets } = fileSizes;
  const perFile = files === 0 ? 0 : Math.round(outcomes.published / files);
  return part("File sizes", {
    text: files === 0
      ? "No files yet."
      : `From ${byteText(smallest)} to ${byteText(largest)}, the median is ${
        byteText(median)
      }; about ${thousands(perFile)} events a file.`,
    ...bucketPlot(
      "Files by size",
      namedBuckets(buckets, (bytes) => byteText(bytes).replace(".0 ", " ")),
      ["size", "files"],
    ),
  });
}

function commitsPart({ commitsOverTime: { widthMs, buckets } }: LakeReport): string {
  const kinds = [["published", 0], ["duplicate", 4], ["rejected", 1]] as const;
  const series = kinds.map(([name, colour]): Series => ({
    name,
    colour,
    values: buckets.map((bucket) => bucket[name]),
  }));
  const row = (
    { fromMs, commits, published, duplicate, rejected }: CommitBucket,
  ) => [isoMinute(fromMs, widthMs), ...[commits, published, duplicate, rejected].map(thousands)];
  return part("Commits over time", {
    text: buckets.length === 0
      ? "No commits yet."
      : `Each bar is ${duration(widthMs / 1000)} (UTC).`,
    plot: barPlot({
      label: "Records by the time of their commit, each bar made of its outcomes",
      categories: buckets.map(({ fromMs }) =>
        isoMinute(fromMs, widthMs).slice(widthMs < DAY_MS ? 5 : 0)
      ),
      series,
      format: short,
    }) + legend(series),
    columns: ["from", "commits", ...kinds.map(([name]) => name)],
    rows: buckets.filter(({ commits }) => commits > 0).toReversed().map(row),
  });
}

interface NamedBucket {
  readonly name: string;
  readonly count: number;
}

/** From the first bucket that holds something to the last one. */
function namedBuckets(
  buckets: readonly Bucket[],
  format: (bound: number) => string,
): NamedBucket[] {
  const first = buckets.findIndex(({ count }) => count > 0);
  const last = buckets.findLastIndex(({ count }) => count > 0);
  return buckets.map(({ upTo, count }, i) => ({
    name: upTo === null ? `> ${format(buckets[i - 1]?.upTo ?? 0)}` : `≤ ${format(upTo)}`,
    count,
  })).slice(Math.max(0, first), last + 1);
}

function bucketPlot(label: string, buckets: readonly NamedBucket[], columns: readonly string[]) {
  return {
    plot: barPlot({
      label,
      categories: buckets.map(({ name }) => name),
      series: [{ name: columns[1] ?? "", colour: 0, values: buckets.map(({ count }) => count) }],
      format: short,
    }),
    columns,
    rows: buckets.map(({ name, count }) => [name, thousands(count)]),
  };
}

/** A heading, a sentence, a plot, and beside it the table of what it shows. */
function part(
  title: string,
  { text, plot, columns, rows }: {
    readonly text: string;
    readonly plot: string;
    readonly columns: readonly string[];
    readonly rows: readonly (readonly string[])[];
  },
): string {
  const head = columns.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join("");
  const body = rows.map(([first = "", ...cells]) =>
    `<tr><th scope="row">${escapeHtml(first)}</th>${
      cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")
    }</tr>`
  );
  return `<section><h2>${title}</h2><p>${
    escapeHtml(text)
  }</p><div class="pair"><figure>${plot}</figure>` +
    `<div class="scroll" tabindex="0" role="region" aria-label="${title}, as a table"><table>` +
    `<caption>${title}</caption><thead><tr>${head}</tr></thead><tbody>${
      body.join("\n")
    }</tbody></table></div>` +
    `</div></section>`;
}

const DAY_MS = 86_400_000;

/** 2026-11-24 10:15 UTC; where buckets are days or more, the date alone; with seconds where they are less than a minute. */
function isoMinute(ms: number, widthMs = 60_000): string {
  const text = new Date(ms).toISOString().replace("T", " ");
  return text.slice(0, widthMs >= DAY_MS ? 10 : widthMs < 60_000 ? 19 : 16);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.001 ? 4 : 2)} %`;
}

/** A number for an axis: 1500000 → 1.5M. */
function short(value: number): string {
  for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (value >= unit) return `${Number((value / unit).toFixed(2))}${letter}`;
  }
  return String(Number(value.toFixed(2)));
}

/** Seconds in the largest unit that fits: 5400 → 1.5 h. */
export function duration(seconds: number): string {
  for (const [unit, name] of [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]] as const) {
    if (seconds >= unit) return `${Number((seconds / unit).toFixed(1))} ${name}`;
  }
  return `${Math.round(seconds * 1000)} ms`;
}
