import assert from "node:assert/strict";
import { HASH_WORDS } from "../src/core/id_hash.ts";
import type { Encoder } from "../src/lake/encoder.ts";
import { encoderHere } from "../src/lake/encoder_server.ts";
import { NO_PROTECTION } from "../src/lake/protection.ts";
import { TakenAhead } from "../src/pipeline/taken_ahead.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { batchOfEvents } from "./core/samples.ts";

/** Two batches of as many ids, with an encoder and a store that says what it is told to. */
function ahead(
  { seenAmong, take }: {
    readonly seenAmong: (hashes: Uint32Array) => Promise<Uint8Array>;
    readonly take?: Encoder["take"];
  },
) {
  const here = encoderHere();
  const encoder = { ...here, take: take ?? here.take };
  const checkpoint = { idKey: new Uint32Array(HASH_WORDS), seenAmong };
  const parts = { encoder, checkpoint, protection: NO_PROTECTION, clock: systemClock };
  return { taken: new TakenAhead(parts), batch: batchOfIds("a", "b", "c", "d") };
}

function batchOfIds(...ids: readonly string[]) {
  return batchOfEvents(ids.map((event_id) => ({ event_id })));
}

function none(hashes: Uint32Array): Promise<Uint8Array> {
  return Promise.resolve(new Uint8Array(hashes.length / HASH_WORDS));
}

Deno.test("of a batch taken ahead, ids that a commit accepts meanwhile count as seen, whenever the store was asked", async () => {
  const answer = Promise.withResolvers<void>();
  const { taken, batch } = ahead({
    seenAmong: async (hashes) => {
      await answer.promise;
      return await none(hashes);
    },
  });
  const { encoding: { hashes } } = await taken.take(batch);
  const third = hashes.slice(2 * HASH_WORDS, 3 * HASH_WORDS);
  // Of a commit before, which the store knows when it is asked.
  taken.noteCommitted(hashes);
  taken.begin(batch);
  taken.noteCommitted(third);
  answer.resolve();
  assert.deepEqual([...(await taken.take(batch)).isSeen ?? []], [0, 0, 1, 0]);
  assert.equal((await taken.take(batch)).isSeen, null, "each answer is given once");
});

Deno.test("a store that fails is to be asked again, an encoder that fails is told of", async () => {
  const failing = ahead({ seenAmong: () => Promise.reject(new Error("away")) });
  failing.taken.begin(failing.batch);
  const { encoding, isSeen } = await failing.taken.take(failing.batch);
  assert.deepEqual([isSeen, encoding.hashes.length], [null, 4 * HASH_WORDS]);

  const broken = ahead({ seenAmong: none, take: () => Promise.reject(new Error("broken")) });
  broken.taken.begin(broken.batch);
  await assert.rejects(broken.taken.take(broken.batch), /broken/);
});

Deno.test("a batch that was not begun is taken in then, and what was begun stays until it is asked for", async () => {
  let askedCount = 0;
  const { taken, batch } = ahead({
    seenAmong: (hashes) => {
      askedCount++;
      return none(hashes);
    },
  });
  taken.begin(batch);
  taken.begin(batch);
  assert.equal((await taken.take(batchOfIds("x"))).isSeen, null);
  assert.deepEqual([...(await taken.take(batch)).isSeen ?? []], [0, 0, 0, 0]);
  assert.equal(askedCount, 1);
});
