import assert from "node:assert/strict";
import { WarmUp } from "../src/commands/warm_up.ts";
import type { EncodableBatch, Encoder } from "../src/lake/encoder.ts";
import { encoderHere } from "../src/lake/encoder_server.ts";

/** What an encoder in this thread was given, and what became of it. */
function watched(onTaken: () => void = () => {}) {
  const here = encoderHere();
  const seen = { taken: 0, released: 0, bytes: 0, splits: new Array<EncodableBatch>() };
  const take: Encoder["take"] = async (batch, how) => {
    seen.taken++;
    const encoding = await here.take(batch, how);
    onTaken();
    return {
      hashes: encoding.hashes,
      split: async (isSeen) => {
        const split = await encoding.split(isSeen);
        seen.splits.push(split);
        return split;
      },
      encodeEvents: async (place, origin) => {
        const file = await encoding.encodeEvents(place, origin);
        seen.bytes += file.bytes.length;
        return file;
      },
      encodeLetters: async (letters, origin) => {
        assert.ok(letters.length > 0, "records that are rejected are among what is made up");
        const file = await encoding.encodeLetters(letters, origin);
        seen.bytes += file.bytes.length;
        return file;
      },
      canEncode: () => Promise.reject(new Error("nothing is poison here")),
      [Symbol.dispose]: () => {
        seen.released++;
        encoding[Symbol.dispose]();
      },
    };
  };
  return { encoder: { ...here, take }, seen };
}

Deno.test("a warm-up has files made of events, duplicates and rejected records, and gives every batch back", async () => {
  const { encoder, seen } = watched();
  using warmUp = new WarmUp(encoder);
  await warmUp.ended;
  assert.ok(seen.taken >= 10 && seen.bytes > 0);
  assert.equal(seen.released, seen.taken);
  for (const { groups, fresh, duplicates } of seen.splits) {
    assert.ok(groups.length > 1, "several dates");
    assert.ok(fresh.length > 1_000 && duplicates.length > 0);
  }
});

Deno.test("a warm-up that is no longer wanted ends with the batches that it has begun", async () => {
  const { encoder, seen } = watched(() => warmUp[Symbol.dispose]());
  const warmUp: WarmUp = new WarmUp(encoder);
  await warmUp.ended;
  assert.ok(seen.taken <= 2, `${seen.taken} batches were taken in`);
  assert.equal(seen.released, seen.taken);
});

Deno.test("a warm-up does not begin where it is no longer wanted before", async () => {
  const { encoder, seen } = watched();
  const warmUp = new WarmUp(encoder);
  warmUp[Symbol.dispose]();
  await warmUp.ended;
  assert.equal(seen.taken, 0);
});

Deno.test("a warm-up that fails leaves the telling to the first batch", async () => {
  const take = () => Promise.reject(new Error("the encoder did not load"));
  using warmUp = new WarmUp({ ...encoderHere(), take });
  await warmUp.ended;
});
