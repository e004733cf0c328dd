import assert from "node:assert/strict";
import { OPERATION_LABELS, SimulatedCrash } from "../../src/runtime/operations.ts";
import { FAULT_FORM, FAULT_KINDS, faultHooks, readFault } from "../../src/simulation/faults.ts";
import { canPassLater } from "../../src/runtime/retry.ts";

Deno.test("readFault() reads a label, an occurrence and a kind", () => {
  assert.deepEqual(readFault("publish:link=crash"), {
    label: "publish:link",
    occurrence: 1,
    kind: "crash",
  });
  assert.deepEqual(readFault("stage:write:12=torn"), {
    label: "stage:write",
    occurrence: 12,
    kind: "torn",
  });
  for (const label of OPERATION_LABELS) {
    for (const kind of FAULT_KINDS) assert.equal(readFault(`${label}:2=${kind}`)?.label, label);
  }
});

Deno.test("readFault() is undefined for other texts", () => {
  const others = [
    "",
    "none",
    "publish:link",
    "publish:link=explode",
    "publish:nothing=crash",
    "publish:link:0=crash",
    "publish:link:-1=crash",
    "publish:link:x=crash",
    " publish:link=crash",
    "publish:link=crash,stage:write=crash",
  ];
  for (const text of others) assert.equal(readFault(text), undefined, text);
});

Deno.test("FAULT_FORM names every label and every kind", () => {
  for (const word of [...OPERATION_LABELS, ...FAULT_KINDS]) assert.ok(FAULT_FORM.includes(word));
});

function hooksOf(text: string) {
  const fault = readFault(text);
  assert.ok(fault !== undefined);
  return faultHooks(fault);
}

Deno.test("faultHooks() fails the n-th operation of its label, and no other", () => {
  const hooks = hooksOf("stage:write:2=error");
  hooks.before("stage:write", "a");
  hooks.before("stage:fsync", "a");
  assert.throws(() => hooks.before("stage:write", "b"), /injected failure of stage:write on b/);
  hooks.before("stage:write", "b");
  hooks.after("stage:write", "b");
  assert.equal(hooks.written("stage:write", "b", 10), 10);
});

Deno.test("faultHooks() makes a full disk a failure that can pass", () => {
  const hooks = hooksOf("stage:write=enospc");
  assert.throws(() => hooks.before("stage:write", "a"), canPassLater);
  hooks.before("stage:write", "a");
});

Deno.test("faultHooks() lets nothing more happen after a crash", () => {
  const hooks = hooksOf("stage:fsync=crash");
  hooks.before("stage:write", "a");
  assert.throws(() => hooks.before("stage:fsync", "a"), SimulatedCrash);
  assert.throws(() => hooks.before("publish:link", "b"), SimulatedCrash);
  assert.throws(() => hooks.after("publish:link", "b"), SimulatedCrash);
});

Deno.test("faultHooks() writes half of the bytes of a torn write, then crashes", () => {
  const hooks = hooksOf("stage:write=torn");
  assert.equal(hooks.written("stage:write", "a", 11), 11);
  hooks.before("stage:write", "a");
  assert.equal(hooks.written("stage:write", "a", 11), 5);
  assert.equal(hooks.written("metrics:write", "m", 11), 11);
  assert.throws(() => hooks.after("stage:write", "a"), SimulatedCrash);
  assert.throws(() => hooks.before("stage:fsync", "a"), SimulatedCrash);
});
