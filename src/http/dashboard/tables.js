import { bytes, count, duration, share, timeOfDay } from "./format.js";

/** Columns: a head, a text for each row, and whether it is a number. */
const number = (head, text) => ({ head, text, className: "number" });
const text = (head, text, className = "") => ({ head, text, className });

const LAG = [
  text("topic", ({ topic }) => topic),
  number("partition", ({ partition }) => String(partition)),
  number("lag, records", ({ lag }) => count(lag)),
  number("not committed yet, records", ({ unpublished }) => count(unpublished)),
];

const DATES = [
  text("date (UTC)", ({ date }) => date),
  number("files", ({ fileCount }) => count(fileCount)),
  number("rows", ({ rowCount }) => count(rowCount)),
  number("size", (date) => bytes(date.bytes)),
];

const COMMITS = [
  number("number", ({ sequence }) => count(sequence)),
  text("time", ({ at }) => timeOfDay(at)),
  text("because of", ({ trigger }) => trigger),
  number("received", ({ received }) => count(received)),
  number("published", ({ published }) => count(published)),
  number("duplicate", ({ duplicate }) => count(duplicate)),
  number("rejected", ({ rejected }) => count(rejected)),
  number("files", ({ files }) => count(files)),
  number("size", (commit) => bytes(commit.bytes)),
  number("took", ({ durationMs }) => duration(durationMs / 1000)),
  number("age, p50", ({ ageP50Seconds }) => duration(ageP50Seconds)),
  number("age, p99", ({ ageP99Seconds }) => duration(ageP99Seconds)),
];

/** Shows what a status says in tables. */
export function showTables(status) {
  const { lag, deadLetters, dates, otherDates, commits, totals } = status;
  fill("lag", LAG, lag.partitions);
  const hidden = lag.partitionCount - lag.partitions.length;
  note(
    "lag-note",
    lag.partitionCount === 0
      ? "No partition is known yet."
      : hidden > 0
      ? `The ${lag.partitions.length} that are furthest behind, of ${lag.partitionCount}.`
      : "",
  );
  const letters = [
    text("reason", ({ reason }) => reason),
    number("records", (letter) => count(letter.count)),
    number("share", (letter) => share(letter.count, totals.received)),
    text("meaning", ({ meaning }) => meaning, "wrap"),
  ];
  fill("letters", letters, deadLetters);
  note("letters-note", deadLetters.length === 0 ? "None: no record was rejected." : "");
  fill("dates", DATES, dates);
  note(
    "dates-note",
    dates.length === 0
      ? "Nothing is published yet."
      : otherDates.fileCount > 0
      ? `Other dates: ${count(otherDates.fileCount)} files, ${count(otherDates.rowCount)} rows, ${
        bytes(otherDates.bytes)
      }.`
      : "",
  );
  fill("commits", COMMITS, commits);
  note("commits-note", commits.length === 0 ? "No commit since the process was started." : "");
}

/** Fills a table; texts that did not change are left as they are, so that a selection stays. */
function fill(id, columns, rows) {
  const table = document.getElementById(id);
  table.hidden = rows.length === 0;
  if (table.tHead === null) {
    const head = table.createTHead().insertRow();
    for (const column of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = column.className;
      cell.textContent = column.head;
      head.append(cell);
    }
    table.createTBody();
  }
  const [body] = table.tBodies;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((row, i) => {
    const line = body.rows[i] ?? body.insertRow();
    columns.forEach((column, j) => {
      const cell = line.cells[j] ?? line.insertCell();
      cell.className = column.className;
      setText(cell, column.text(row));
    });
  });
}

function note(id, text) {
  setText(document.getElementById(id), text);
}

/** Sets a text where it is another one. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
