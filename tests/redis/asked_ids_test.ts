import assert from "node:assert/strict";
import { afterOwn, areKnownFresh, type AskedIds } from "../../src/checkpoint/redis/asked_ids.ts";

/** Hashes that begin with these words, which must rise. */
function hashesOf(...words: readonly number[]): Uint32Array {
  return Uint32Array.from(words.flatMap((word) => [word, 0, 0, 0]));
}

const asked: AskedIds = {
  hashes: hashesOf(1, 2, 3),
  isSeen: Uint8Array.of(0, 1, 0),
  nowMs: 1_000,
  addedCount: "7",
};

function commitOf(freshHashes: Uint32Array, committedAtMs = 1_000) {
  return { freshHashes, committedAtMs };
}

Deno.test("ids are known to be fresh that were asked for and not seen, and not at an earlier time", () => {
  assert.equal(areKnownFresh(commitOf(hashesOf(1, 3)), asked), true);
  assert.equal(areKnownFresh(commitOf(hashesOf()), asked), true);
  assert.equal(areKnownFresh(commitOf(hashesOf(1, 2)), asked), false);
  assert.equal(areKnownFresh(commitOf(hashesOf(1, 4)), asked), false);
  assert.equal(areKnownFresh(commitOf(hashesOf(1), 999), asked), false);
});

Deno.test("after a commit of one's own an answer holds without its ids, where nobody else added some", () => {
  const after = afterOwn(commitOf(hashesOf(0, 3, 9)), asked, 8);
  assert.deepEqual(after, { ...asked, isSeen: Uint8Array.of(0, 1, 1), addedCount: "8" });
  assert.deepEqual([...asked.isSeen], [0, 1, 0], "what its asker was told stays");
  // Somebody else's came between, or after; or the commit added none.
  assert.equal(afterOwn(commitOf(hashesOf(3)), asked, 9), asked);
  assert.equal(afterOwn(commitOf(hashesOf(3)), asked, 7), asked);
  assert.equal(afterOwn(commitOf(hashesOf()), asked, 8), asked);
});
