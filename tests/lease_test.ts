import assert from "node:assert/strict";
import { MembershipLease } from "../src/kafka/lease.ts";

/** A lease on a session of 10 s, with clocks that the test moves. */
function leaseAt() {
  const now = { monotonicMs: 1_000, wallMs: 50_000 };
  const clock = { nowMs: () => now.wallMs, monotonicMs: () => now.monotonicMs };
  return { now, lease: new MembershipLease(clock, 10_000) };
}

Deno.test("a lease is valid for half a session from when the accepted request was sent", () => {
  const { now, lease } = leaseAt();
  assert.equal(lease.isValid, false);
  lease.noteSent();
  assert.equal(lease.isValid, false, "nothing was accepted yet");
  now.monotonicMs += 3_000;
  lease.noteAccepted();
  assert.equal(lease.isValid, true);
  now.monotonicMs += 1_999;
  assert.equal(lease.isValid, true);
  now.monotonicMs += 1;
  assert.equal(lease.isValid, false);
});

Deno.test("an answer that is read after a sleep is worth nothing", () => {
  const { now, lease } = leaseAt();
  lease.noteSent();
  now.monotonicMs += 9_000;
  lease.noteAccepted();
  assert.equal(lease.isValid, false);
});

Deno.test("a lease ends while the machine sleeps, though the monotonic clock stands still", () => {
  const { now, lease } = leaseAt();
  lease.noteSent();
  lease.noteAccepted();
  now.wallMs += 5_000;
  assert.equal(lease.isValid, false);
});

Deno.test("a wall clock that is set back does not make a lease longer", () => {
  const { now, lease } = leaseAt();
  lease.noteSent();
  lease.noteAccepted();
  now.wallMs -= 1_000_000;
  now.monotonicMs += 5_000;
  assert.equal(lease.isValid, false);
});
