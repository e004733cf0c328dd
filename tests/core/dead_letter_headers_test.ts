import assert from "node:assert/strict";
import { deadLetterHeaders } from "../../src/core/dead_letter_headers.ts";
import type { RecordHeader } from "../../src/core/record.ts";
import { bytesOf, recordOf } from "./samples.ts";

/** The headers of a record that was rejected, as text. */
function headersOf(headers: readonly RecordHeader[], path: string | null = "monto") {
  const record = recordOf(bytesOf("x"), {
    offset: 2n ** 60n,
    timestampMs: 1_795_000_000_123,
    headers,
  });
  const letter = {
    record,
    topicPartition: { topic: "events", partition: 3 },
    rejected: { kind: "rejected", reason: "monto_negative", path, eventId: "e1" },
    attempts: 1,
  } as const;
  return deadLetterHeaders(letter, "1.2.3").map(({ name, value }) => [
    name,
    new TextDecoder().decode(value ?? undefined),
  ]);
}

const header = (name: string, text: string): RecordHeader => ({ name, value: bytesOf(text) });

const SAID = [
  ["orilla.reason", "monto_negative"],
  ["orilla.path", "monto"],
  ["orilla.topic", "events"],
  ["orilla.partition", "3"],
  ["orilla.offset", "1152921504606846976"],
  ["orilla.timestamp", "1795000000123"],
  ["orilla.attempts", "1"],
  ["orilla.version", "1.2.3"],
];

Deno.test("deadLetterHeaders() keeps the record's own headers, and says why and from where it came", () => {
  const own = [header("trace", "a"), header("trace", "b"), header("orillas", "c")];
  const kept = own.map(({ name, value }) => [name, new TextDecoder().decode(value ?? undefined)]);
  assert.deepEqual(headersOf(own), [...kept, ...SAID]);
});

Deno.test("deadLetterHeaders() leaves the path out where the record as a whole failed", () => {
  assert.deepEqual(headersOf([], null), SAID.filter(([name]) => name !== "orilla.path"));
});

Deno.test("deadLetterHeaders() counts attempts on, and replaces what it said the last time", () => {
  const earlier = SAID.map(([name = "", text = ""]) =>
    header(name, text === "1" ? "4" : `old ${text}`)
  );
  assert.deepEqual(
    headersOf(earlier),
    SAID.map(([name, text]) => name === "orilla.attempts" ? [name, "5"] : [name, text]),
  );
});

Deno.test("deadLetterHeaders() begins at 1 where the attempts it came with are no number", () => {
  for (const text of ["", "-1", "1e3", "many", "99999999999"]) {
    const attempts = headersOf([header("orilla.attempts", text)]).find(([name]) =>
      name === "orilla.attempts"
    );
    assert.deepEqual(attempts, ["orilla.attempts", "1"], text);
  }
});
