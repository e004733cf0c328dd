import assert from "node:assert/strict";
import { History, HISTORY_COLUMNS, type HistoryRow, rowValues } from "../../src/http/history.ts";

function row(time: number, values: Partial<HistoryRow> = {}): HistoryRow {
  const empty = Object.fromEntries(HISTORY_COLUMNS.map((name) => [name, null])) as HistoryRow;
  return { ...empty, time, ...values };
}

function column(history: History, name: (typeof HISTORY_COLUMNS)[number]) {
  return history.columns[HISTORY_COLUMNS.indexOf(name)];
}

Deno.test("the history has rows in their order, and null for what is not known", () => {
  const history = new History(3);
  assert.deepEqual(history.columns, HISTORY_COLUMNS.map(() => []));
  history.add(row(1, { lag: 0 }));
  history.add(row(2));
  assert.deepEqual(column(history, "time"), [1, 2]);
  assert.deepEqual(column(history, "lag"), [0, null]);
});

Deno.test("the oldest rows of a full history give way, as often as it takes", () => {
  const history = new History(3);
  for (let time = 1; time <= 8; time++) history.add(row(time, { received: 10 * time }));
  assert.deepEqual(column(history, "time"), [6, 7, 8]);
  assert.deepEqual(column(history, "received"), [60, 70, 80]);
});

Deno.test("rowValues() has a row's values in the order of the columns", () => {
  const values = rowValues(row(5, { ageP99Seconds: 2 }));
  assert.deepEqual([values[0], values.at(-1), values.length], [5, 2, HISTORY_COLUMNS.length]);
});
