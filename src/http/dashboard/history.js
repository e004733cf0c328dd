/** The last hour, column by column, as the server tells it; and what is derived from it. */

/** Rates are means over so many seconds. */
const RATE_SECONDS = 10;
const KEPT_SECONDS = 3_600;

export class History {
  #names = [];
  #columns = [];

  /** Begins anew with what the server kept. */
  reset({ names, columns }) {
    this.#names = names;
    this.#columns = columns;
  }

  /** Adds a row, and drops what is too old. */
  add(row) {
    const times = this.#columns[0];
    if (times === undefined || row.length !== this.#names.length) return;
    row.forEach((value, i) => this.#columns[i].push(value));
    const oldest = row[0] - KEPT_SECONDS;
    let count = 0;
    while (times[count] < oldest) count++;
    if (count > 0) this.#columns.forEach((column) => column.splice(0, count));
  }

  /** The values of a column. */
  column(name) {
    return this.#columns[this.#names.indexOf(name)] ?? [];
  }

  /** How fast a counter rose, a second; null where that is not known yet. */
  rate(name) {
    return rates(this.column("time"), this.column(name));
  }

  /** The index of the first row that is not older than so many seconds. */
  since(seconds) {
    const times = this.column("time");
    const from = (times.at(-1) ?? 0) - seconds;
    const index = times.findIndex((time) => time >= from);
    return index < 0 ? 0 : index;
  }
}

/**
 * Rates from one rise of the counter to another, over the last seconds or, where it rises seldom, the last two
 * rises: what comes in bursts (commits) has the same rate as what comes evenly. One that stopped has rate 0.
 */
export function rates(times, values) {
  let rises = [];
  let first = 0;
  return values.map((value, i) => {
    if (value < values[i - 1]) {
      // After a crash it goes on from the last commit.
      rises = [];
      first = 0;
    }
    if (rises.length === 0 || value > values[i - 1]) rises.push(i);
    while (first < rises.length - 2 && times[i] - times[rises[first]] > RATE_SECONDS + 0.5) first++;
    const from = rises[first], to = rises.at(-1);
    const span = times[to] - times[from];
    if (times[i] - times[to] > Math.max(RATE_SECONDS, 2 * span)) return 0;
    return span < 0.5 ? null : (values[to] - values[from]) / span;
  });
}
