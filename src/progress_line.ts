import { thousands } from "./core/count_text.ts";
import type { Progress } from "./runtime/reporting.ts";

export interface ProgressLook {
  /** Whether the bar may be made of block elements. */
  readonly isUnicode: boolean;
}

/** A line that says how far work is. */
export interface ProgressLine {
  /** Null where there is no end, or no room. */
  readonly bar: { readonly filled: string; readonly empty: string } | null;
  readonly text: string;
}

const MAX_BAR = 30, MIN_BAR = 8;

/** What a line says; the larger the rank, the sooner it is left out where there is no room. */
interface Part {
  readonly text: string;
  readonly rank: number;
}

/** Progress as a line of at most `columns` characters: what matters most stays where there is little room. */
export function fittedProgress(
  progress: Progress,
  columns: number,
  look: ProgressLook,
): ProgressLine {
  const { done, total, unit, ratePerSecond, note } = progress;
  const perSecond = ratePerSecond ?? 0;
  const rate = {
    text: ratePerSecond === null ? "" : `${thousands(Math.round(perSecond))}/s`,
    rank: 3,
  };
  if (total === null || total === 0) {
    const count = { text: `${thousands(done)} ${unit}`, rank: 0 };
    return { bar: null, text: fitted([count, rate, { text: note, rank: 1 }], columns) };
  }
  const share = Math.min(1, done / total);
  const left = perSecond > 0 && done < total ? `${duration((total - done) / perSecond)} left` : "";
  const parts: readonly Part[] = [
    { text: `${Math.floor(share * 100)}%`.padStart(4), rank: 0 },
    { text: `${thousands(done)} of ${thousands(total)} ${unit}`, rank: 2 },
    rate,
    { text: left, rank: 1 },
    { text: note, rank: 4 },
  ];
  const text = fitted(parts, columns);
  const room = columns - [...text].length - "[] ".length;
  if (room < MIN_BAR) return { bar: null, text };
  return { bar: barOf(share, Math.min(MAX_BAR, room), look), text };
}

/** Parts side by side, without those that do not fit; the first one is cut where not even that does. */
function fitted(parts: readonly Part[], columns: number): string {
  let kept = parts.filter(({ text }) => text !== "");
  const joined = () => kept.map(({ text }) => text).join("  ");
  while (kept.length > 1 && [...joined()].length > columns) {
    const last = Math.max(...kept.map(({ rank }) => rank));
    kept = kept.filter(({ rank }) => rank !== last);
  }
  return [...joined()].slice(0, Math.max(0, columns)).join("");
}

/** Block elements of one to seven eighths. */
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

function barOf(share: number, width: number, { isUnicode }: ProgressLook) {
  if (!isUnicode) {
    const filled = Math.floor(share * width);
    return { filled: "#".repeat(filled), empty: ".".repeat(width - filled) };
  }
  const eighths = Math.floor(share * width * 8);
  const filled = "█".repeat(eighths >> 3) + (EIGHTHS[eighths & 7] ?? "");
  return { filled, empty: "░".repeat(width - filled.length) };
}

/** Seconds as people say them: 45 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const units = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]] as const;
  const first = units.findIndex(([, size]) => whole >= size);
  const [large, small] = [units[first], units[first + 1]];
  if (large === undefined || small === undefined) return `${whole} s`;
  const count = Math.floor(whole / large[1]), rest = Math.floor(whole % large[1] / small[1]);
  if (count > 999) return "more than 999 d";
  return rest === 0 ? `${count} ${large[0]}` : `${count} ${large[0]} ${rest} ${small[0]}`;
}
