import assert from "node:assert/strict";
import { Batch } from "../../src/core/batch.ts";
import { dedupe, type Deduped } from "../../src/core/dedupe.ts";
import { distinctHashes } from "../../src/core/hash_order.ts";
import { hashTexts, KEY_WORDS } from "../../src/core/id_hash.ts";
import { REPLAY_PARTITION, replaysFrom, replaysOf, replaysText } from "../../src/core/replay.ts";
import { bytesOf, eventText, HERE, ingestRecord, recordOf } from "./samples.ts";

function letterAt(offset: bigint, attempts = 1) {
  return { topic: "events", partition: 2, offset, attempts };
}

function replayed(batch: Batch, values: readonly string[]): void {
  values.forEach((text, i) =>
    ingestRecord(
      batch,
      REPLAY_PARTITION,
      recordOf(bytesOf(text), { offset: BigInt(i), origin: letterAt(BigInt(100 + i), i + 1) }),
    )
  );
}

/** The rows of a batch by outcome, where an event_id was seen before. */
function dedupedOf(batch: Batch, seen?: string): Deduped {
  const distinct = distinctHashes(hashTexts(batch.eventIds, new Uint32Array(KEY_WORDS)));
  const isSeen = Uint8Array.from(distinct.rows, (row) => +(batch.eventIds.at(row) === seen));
  return dedupe(batch.length, distinct, isSeen);
}

Deno.test("each replayed dead letter of a batch has the outcome of its record", () => {
  const batch = new Batch();
  ingestRecord(batch, HERE, recordOf(bytesOf(eventText({ event_id: "fresh" }))));
  replayed(batch, [
    eventText({ event_id: "a" }),
    eventText({ event_id: "seen" }),
    eventText({ event_id: "a" }),
    "{",
  ]);
  const deduped = dedupedOf(batch, "seen");
  const replays = replaysOf(batch, deduped);
  assert.deepEqual(replays, [
    { letter: letterAt(100n, 1), outcome: "published", detail: null },
    { letter: letterAt(101n, 2), outcome: "duplicate", detail: null },
    { letter: letterAt(102n, 3), outcome: "duplicate", detail: null },
    { letter: letterAt(103n, 4), outcome: "rejected", detail: "not_json" },
  ]);
  assert.deepEqual(replaysFrom(replaysText(replays)), replays);
  assert.deepEqual(replaysFrom(undefined), []);
});

Deno.test("a batch without replays has none, and a cleared one forgets them", () => {
  const batch = new Batch();
  replayed(batch, [eventText()]);
  batch.clear();
  ingestRecord(batch, HERE, recordOf(bytesOf(eventText())));
  ingestRecord(batch, HERE, recordOf(null, { offset: 1n }));
  assert.deepEqual(replaysOf(batch, dedupedOf(batch)), []);
});

Deno.test("a replay that is rejected again has one more attempt", () => {
  const batch = new Batch();
  ingestRecord(batch, HERE, recordOf(null));
  ingestRecord(batch, REPLAY_PARTITION, recordOf(null, { origin: letterAt(7n, 3) }));
  assert.deepEqual([...batch.rejected].map(({ attempts }) => attempts), [1, 4]);
});
