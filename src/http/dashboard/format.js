/** Numbers as people read them, each with its unit. What is not known is a dash. */

const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** `12,345`. */
export function count(value) {
  return isKnown(value) ? whole.format(value) : UNKNOWN;
}

/** `12.3K`: for axes. */
export function short(value) {
  return isKnown(value) ? compact.format(value) : UNKNOWN;
}

/** `1.5 MiB`. */
export function bytes(value) {
  if (!isKnown(value)) return UNKNOWN;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0, rest = value;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${unit === 0 ? whole.format(rest) : digits(rest)} ${units[unit]}`;
}

/** `35 ms`, `2.4 s`, `12 min`, `3.1 h` or `4 d`, from seconds. */
export function duration(seconds) {
  if (!isKnown(seconds)) return UNKNOWN;
  if (seconds < 1) return `${whole.format(seconds * 1000)} ms`;
  if (seconds < 120) return `${digits(seconds)} s`;
  if (seconds < 7_200) return `${digits(seconds / 60)} min`;
  if (seconds < 172_800) return `${digits(seconds / 3_600)} h`;
  return `${digits(seconds / 86_400)} d`;
}

/** `5.2 s ago`. */
export function ago(seconds) {
  return seconds < 1 ? "<1 s ago" : `${duration(seconds)} ago`;
}

/** `1,234/s`, with a digit more where it is small. */
export function rate(perSecond) {
  if (!isKnown(perSecond)) return UNKNOWN;
  return `${perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : whole.format(perSecond)}/s`;
}

/** `1.2%` of a whole. */
export function share(part, all) {
  if (!isKnown(part) || !all) return UNKNOWN;
  const percent = 100 * part / all;
  return `${percent > 0 && percent < 0.1 ? "<0.1" : digits(percent)}%`;
}

/** `14:05:09`, local time. */
export function timeOfDay(time) {
  return time === null ? UNKNOWN : clock.format(new Date(time));
}

/** Three digits are enough to read, and steady enough to watch. */
function digits(value) {
  return value >= 100 ? whole.format(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function isKnown(value) {
  return typeof value === "number" && Number.isFinite(value);
}
