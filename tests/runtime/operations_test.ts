import assert from "node:assert/strict";
import {
  isOperationLabel,
  noFaults,
  operate,
  operateSync,
  OPERATION_LABELS,
  SimulatedCrash,
} from "../../src/runtime/operations.ts";
import { InjectedFailure, recordingHooks } from "./recording_hooks.ts";

const OPERATION = { label: "publish:link", path: "a" } as const;

Deno.test("every operation has a label of its own", () => {
  assert.equal(new Set(OPERATION_LABELS).size, OPERATION_LABELS.length);
  for (const label of OPERATION_LABELS) {
    assert.match(label, /^[a-z]+:[a-z]+$/);
    assert.ok(isOperationLabel(label));
  }
  for (const text of ["", "publish", "publish:", "publish:LINK"]) {
    assert.equal(isOperationLabel(text), false);
  }
});

Deno.test("operate() runs an action between its hooks", async () => {
  const hooks = recordingHooks();
  assert.equal(await operate(hooks, OPERATION, () => Promise.resolve(7)), 7);
  assert.deepEqual([hooks.begun, hooks.done], [["publish:link a"], ["publish:link a"]]);
});

Deno.test("operate() does not run an action whose hook fails before it", async () => {
  const hooks = recordingHooks();
  hooks.failBefore = "publish:link";
  let isRun = false;
  const operating = operate(hooks, OPERATION, () => Promise.resolve(isRun = true));
  await assert.rejects(operating, InjectedFailure);
  assert.equal(isRun, false);
});

Deno.test("operate() runs an action whose hook fails after it, and calls no hook after a failure", async () => {
  const hooks = recordingHooks();
  hooks.failAfter = "publish:link";
  let isRun = false;
  const operating = operate(hooks, OPERATION, () => Promise.resolve(isRun = true));
  await assert.rejects(operating, InjectedFailure);
  assert.ok(isRun);
  const failing = operate(hooks, OPERATION, () => Promise.reject(new Error("disk")));
  await assert.rejects(failing, /disk/);
  assert.equal(hooks.done.length, 1);
});

Deno.test("operateSync() does the same without waiting", () => {
  const hooks = recordingHooks();
  assert.equal(operateSync(hooks, OPERATION, () => 7), 7);
  assert.deepEqual([hooks.begun, hooks.done], [["publish:link a"], ["publish:link a"]]);
  hooks.failBefore = "publish:link";
  assert.throws(() => operateSync(hooks, OPERATION, () => 7), InjectedFailure);
  hooks.failAfter = "publish:link";
  assert.throws(() => operateSync(hooks, OPERATION, () => 7), InjectedFailure);
});

Deno.test("noFaults does nothing, and writes all bytes", () => {
  noFaults.before("stage:write", "a");
  noFaults.after("stage:write", "a");
  assert.equal(noFaults.written("stage:write", "a", 12), 12);
});

Deno.test("SimulatedCrash says where it was", () => {
  assert.equal(
    String(new SimulatedCrash("stage:write")),
    "SimulatedCrash: crashed on purpose at stage:write",
  );
});
