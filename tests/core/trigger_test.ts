import assert from "node:assert/strict";
import { hasNoRoom, reachedTrigger } from "../../src/core/trigger.ts";

const LIMITS = { maxEvents: 10, maxBytes: 100, maxDates: 3 };
const EMPTY = { receivedCount: 0, bytes: 0, dateCount: 0 };

Deno.test("reachedTrigger() is null below all limits", () => {
  assert.equal(reachedTrigger(EMPTY, LIMITS), null);
  assert.equal(reachedTrigger({ receivedCount: 9, bytes: 99, dateCount: 3 }, LIMITS), null);
});

Deno.test("reachedTrigger() names the limit that is reached, records first, dates last", () => {
  assert.equal(reachedTrigger({ ...EMPTY, receivedCount: 10 }, LIMITS), "events");
  assert.equal(reachedTrigger({ ...EMPTY, receivedCount: 1, bytes: 100 }, LIMITS), "bytes");
  assert.equal(reachedTrigger({ ...EMPTY, receivedCount: 1, bytes: 5_000 }, LIMITS), "bytes");
  assert.equal(
    reachedTrigger({ receivedCount: 11, bytes: 101, dateCount: 9 }, LIMITS),
    "events",
  );
  assert.equal(reachedTrigger({ receivedCount: 9, bytes: 101, dateCount: 9 }, LIMITS), "bytes");
  assert.equal(reachedTrigger({ receivedCount: 9, bytes: 99, dateCount: 4 }, LIMITS), "dates");
});

Deno.test("hasNoRoom() says when a record would bring a batch over its bytes, never an empty batch", () => {
  const batch = { receivedCount: 2, bytes: 60, dateCount: 1 };
  assert.equal(hasNoRoom(batch, 40, LIMITS), false);
  assert.equal(hasNoRoom(batch, 41, LIMITS), true);
  assert.equal(hasNoRoom(EMPTY, 5_000, LIMITS), false);
});
