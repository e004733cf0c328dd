import assert from "node:assert/strict";
import { reachedTrigger } from "../../src/core/trigger.ts";

const LIMITS = { maxEvents: 10, maxBytes: 100 };

Deno.test("reachedTrigger() is null below both limits", () => {
  assert.equal(reachedTrigger({ receivedCount: 0, bytes: 0 }, LIMITS), null);
  assert.equal(reachedTrigger({ receivedCount: 9, bytes: 99 }, LIMITS), null);
});

Deno.test("reachedTrigger() names the limit that is reached, records first", () => {
  assert.equal(reachedTrigger({ receivedCount: 10, bytes: 0 }, LIMITS), "events");
  assert.equal(reachedTrigger({ receivedCount: 1, bytes: 100 }, LIMITS), "bytes");
  assert.equal(reachedTrigger({ receivedCount: 1, bytes: 5_000 }, LIMITS), "bytes");
  assert.equal(reachedTrigger({ receivedCount: 11, bytes: 101 }, LIMITS), "events");
});
