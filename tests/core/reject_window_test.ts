import assert from "node:assert/strict";
import fc from "fast-check";
import { type Reason, REASON_CODES } from "../../src/core/outcome.ts";
import { EARLIER, RejectWindow } from "../../src/core/reject_window.ts";
import { checkProperty } from "../property_seed.ts";

const anyOutcome: fc.Arbitrary<Reason | null> = fc.oneof(
  fc.constant(null),
  fc.constantFrom(...REASON_CODES),
);

/** Takes in an outcome: why a record was rejected, or null. */
function note(window: RejectWindow, outcome: Reason | null): void {
  if (outcome === null) window.noteAccepted(1);
  else window.noteRejected(outcome);
}

Deno.test("RejectWindow holds the last records' outcomes, as a list of them all would", () => {
  const anyOutcomes = fc.array(anyOutcome, { maxLength: 200 });
  const anyLimit = fc.record({
    ratioMax: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
    windowSize: fc.integer({ min: 1, max: 50 }),
  });
  checkProperty(
    fc.property(anyLimit, anyOutcomes, (limit, outcomes) => {
      const window = new RejectWindow(limit);
      const allowed = Math.round(limit.ratioMax * 100) * limit.windowSize;
      outcomes.forEach((outcome, i) => {
        note(window, outcome);
        const last = outcomes.slice(0, i + 1).slice(-limit.windowSize);
        const rejected = last.filter((reason) => reason !== null);
        assert.equal(window.seenCount, last.length);
        assert.equal(window.rejectedCount, rejected.length);
        // In whole numbers: no rounding here.
        assert.equal(window.isExceeded, rejected.length * 100 > allowed);
        const counted = new Map(window.reasons());
        for (const reason of REASON_CODES) {
          assert.equal(counted.get(reason) ?? 0, rejected.filter((it) => it === reason).length);
        }
      });
    }),
  );
});

Deno.test("RejectWindow names the most frequent reason first", () => {
  const window = new RejectWindow({ ratioMax: 0.5, windowSize: 10 });
  for (const reason of ["not_json", "ts_missing", "ts_missing", null] as const) {
    note(window, reason);
  }
  assert.deepEqual(window.reasons(), [["ts_missing", 2], ["not_json", 1]]);
});

Deno.test("RejectWindow remembers no more than its size of earlier commits, and as much as they had", () => {
  const anyCommit = fc.nat(60).chain((receivedCount) =>
    fc.record({ receivedCount: fc.constant(receivedCount), rejectedCount: fc.nat(receivedCount) })
  );
  checkProperty(
    fc.property(fc.array(anyCommit, { maxLength: 8 }), (commits) => {
      const windowSize = 100;
      const window = new RejectWindow({ ratioMax: 1, windowSize });
      let asked = 0;
      window.remember((function* () {
        for (const commit of commits) {
          asked++;
          yield commit;
        }
      })());
      const total = commits.reduce((sum, commit) => sum + commit.receivedCount, 0);
      assert.equal(window.seenCount, Math.min(windowSize, total));
      let room = windowSize, expected = 0, needed = 0;
      for (const { receivedCount, rejectedCount } of commits) {
        if (room === 0) break;
        needed++;
        const taken = Math.min(room, receivedCount);
        expected += receivedCount === 0 ? 0 : rejectedCount * taken / receivedCount;
        room -= taken;
      }
      assert.equal(asked, needed);
      assert.ok(Math.abs(window.rejectedCount - expected) <= 1, `${window.rejectedCount}`);
      if (window.rejectedCount > 0) {
        assert.deepEqual(window.reasons(), [[EARLIER, window.rejectedCount]]);
      }
    }),
  );
});

Deno.test("RejectWindow forgets the oldest commits first", () => {
  const window = new RejectWindow({ ratioMax: 1, windowSize: 20 });
  window.remember([
    { receivedCount: 10, rejectedCount: 0 },
    { receivedCount: 10, rejectedCount: 10 },
  ]);
  assert.equal(window.rejectedCount, 10);
  window.noteAccepted(9);
  assert.equal(window.rejectedCount, 1);
  window.noteAccepted(1_000);
  assert.equal(window.rejectedCount, 0);
  assert.equal(window.seenCount, 20);
});

Deno.test("RejectWindow allows whole records, whatever binary fractions make of the share", () => {
  for (let percent = 0; percent <= 100; percent++) {
    for (const windowSize of [1, 7, 100, 10_000]) {
      const { allowedCount } = new RejectWindow({ ratioMax: percent / 100, windowSize });
      assert.equal(allowedCount, Math.floor(percent * windowSize / 100), `${percent}%`);
    }
  }
});
