import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import { type Log, setUpLogs } from "../src/runtime/logs.ts";
import { bytesOf, eventRecord, eventText, recordOf } from "./core/samples.ts";
import { AT, openLake } from "./pipeline_parts.ts";

/** Four records: one of each outcome, and one that is rejected without an id. */
const RECORDS = [
  eventRecord({ event_id: "first", monto: 77.25, secreto: "hidden" }, { offset: 5n }),
  eventRecord({ event_id: "first", monto: 77.25 }, { offset: 6n }),
  recordOf(bytesOf(eventText({ event_id: "wrong", monto: -77.25 })), { offset: 7n }),
  recordOf(bytesOf('{"secreto":"hidden"'), { offset: 8n }),
];

/** The lines that a commit of the records writes. */
async function linesOf(level: "debug" | "info"): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  const log: Log = setUpLogs({ format: "json", level, write: (line) => lines.push(line) });
  await using lake = await openLake({ log, logsRecords: level === "debug" });
  await lake.session.pipeline.add({ ...AT, records: new RecordList(RECORDS) });
  assert.ok(lines.every((line) => !line.includes('"record"')), "not before the commit");
  await lake.session.pipeline.commit("end");
  assert.doesNotMatch(lines.join(), /hidden|77\.25|secreto/);
  return lines.map((line) => JSON.parse(line));
}

Deno.test("at level debug each record has a line with its id, position and outcome, after its commit", async () => {
  const lines = await linesOf("debug");
  const messages = lines.map(({ message }) => message);
  assert.ok(messages.indexOf("record") > messages.indexOf("committed"));
  const records = lines.filter(({ message }) => message === "record").map(
    ({ time: _time, ...rest }) => rest,
  );
  const line = { level: "debug", message: "record", topic: AT.topic, partition: AT.partition };
  assert.deepEqual(records, [
    { ...line, eventId: "first", outcome: "published", offset: "5" },
    { ...line, eventId: "first", outcome: "duplicate", offset: "6" },
    { ...line, eventId: "wrong", outcome: "rejected", reason: "monto_negative", offset: "7" },
    { ...line, outcome: "rejected", reason: "not_json", offset: "8" },
  ]);
});

Deno.test("at level info a commit is one line with counts, and records have none", async () => {
  const lines = (await linesOf("info")).filter(({ message }) => message !== "opened the lake");
  assert.deepEqual(lines.map(({ message }) => message), ["committed"]);
  const { received, published, duplicate, rejected } = lines[0] ?? {};
  assert.deepEqual([received, published, duplicate, rejected], [4, 1, 1, 2]);
});
