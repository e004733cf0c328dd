import assert from "node:assert/strict";
import {
  assert as assertInvariant,
  damagedError,
  gapError,
  messageOf,
  operatingError,
  OrillaError,
  usageError,
} from "../../src/core/errors.ts";

Deno.test("each kind of failure has its exit code, its message and its cause", () => {
  const cause = new Error("below");
  const made = [operatingError, usageError, damagedError, gapError].map((make) =>
    make("above", cause)
  );
  assert.deepEqual(made.map(({ exitCode }) => exitCode), [1, 2, 3, 4]);
  for (const error of made) {
    assert.ok(error instanceof OrillaError);
    assert.deepEqual([error.name, error.message, error.cause], ["OrillaError", "above", cause]);
  }
});

Deno.test("messageOf() is the text of anything thrown", () => {
  assert.equal(messageOf(new TypeError("no")), "no");
  assert.equal(messageOf("no"), "no");
  assert.equal(messageOf(undefined), "undefined");
  assert.equal(messageOf(null), "null");
});

Deno.test("assert() throws an Error that is no OrillaError where its condition is false", () => {
  assertInvariant(true, "fine");
  const isDefect = (error: unknown) => error instanceof Error && !(error instanceof OrillaError);
  assert.throws(() => assertInvariant(false, "a holds"), isDefect);
  assert.throws(() => assertInvariant(false, "a holds"), /^Error: Assertion failed: a holds$/);
});
