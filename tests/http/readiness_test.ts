import assert from "node:assert/strict";
import { type ReadinessFacts, unreadyReasons } from "../../src/http/readiness.ts";

const WELL: ReadinessFacts = {
  isOpen: true,
  isDraining: false,
  source: { isAssigned: true, hasPositions: true, silentMs: 3_000 },
  uncommittedMs: 4_000,
  commitWithinMs: 35_000,
  failedTries: 0,
  isDiskWritable: true,
};

Deno.test("unreadyReasons() finds none where all is well, with a group and without one", () => {
  assert.deepEqual(unreadyReasons(WELL), []);
  assert.deepEqual(unreadyReasons({ ...WELL, source: null }), []);
});

Deno.test("unreadyReasons() names each reason, and several at once", () => {
  const source = { isAssigned: true, hasPositions: true, silentMs: 0 };
  const cases: readonly (readonly [Partial<ReadinessFacts>, string])[] = [
    [{ isDraining: true }, "draining"],
    [{ source: { ...source, isAssigned: false, hasPositions: false } }, "not_assigned"],
    [{ source: { ...source, hasPositions: false } }, "lag_unknown"],
    [{ source: { ...source, silentMs: 10_001 } }, "lag_unknown"],
    [{ failedTries: 1 }, "commit_failing"],
    [{ uncommittedMs: 35_001 }, "commit_late"],
    [{ isDiskWritable: false }, "disk_not_writable"],
  ];
  for (const [facts, reason] of cases) {
    assert.deepEqual(unreadyReasons({ ...WELL, ...facts }), [reason]);
  }
  const two = { isDraining: true, isDiskWritable: false };
  assert.deepEqual(unreadyReasons({ ...WELL, ...two }), ["draining", "disk_not_writable"]);
});

Deno.test("unreadyReasons() says of a lake that is being opened that alone", () => {
  const source = { isAssigned: false, hasPositions: false, silentMs: 0 };
  assert.deepEqual(unreadyReasons({ ...WELL, isOpen: false, source }), ["starting"]);
});
