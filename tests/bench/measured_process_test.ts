import assert from "node:assert/strict";
import { runMeasured } from "./measured_process.ts";
import { quantile, spreadText } from "./report.ts";

Deno.test("runMeasured() sees the CPU time of a process and of its children, and passes on all else", async () => {
  const busy = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done";
  const script = `echo out; echo err >&2; sh -c '${busy}'; exit 3`;
  const { code, stdout, stderr, seconds, cpuSeconds } = await runMeasured({
    path: "sh",
    args: ["-c", script],
  });
  assert.deepEqual({ code, stdout, stderr }, { code: 3, stdout: "out\n", stderr: "err\n" });
  assert.ok(cpuSeconds > 0.01, `${cpuSeconds} s of CPU in ${seconds} s`);
});

Deno.test({
  name: "runMeasured() sees the memory of a process",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const script = "new Uint8Array(200e6).fill(1); setTimeout(() => {}, 500)";
    const { peakBytes } = await runMeasured({ path: Deno.execPath(), args: ["eval", script] });
    assert.ok((peakBytes ?? 0) > 200e6, `${peakBytes} bytes`);
  },
});

Deno.test("runMeasured() ends what takes longer than its limit, with all it started", async () => {
  const { seconds, code } = await runMeasured({
    path: "sh",
    args: ["-c", "sleep 60; true"],
    limitMs: 300,
  });
  assert.notEqual(code, 0);
  assert.ok(seconds < 30);
});

Deno.test("quantile() and spreadText() tell the middle and the range of runs", () => {
  assert.equal(quantile([1, 2, 3, 10], 0.5), 2.5);
  assert.equal(quantile(Float64Array.of(5), 0.99), 5);
  assert.equal(spreadText([30_000, 1_000, 2_000]), "2,000 (1,000–30,000)");
  assert.equal(spreadText([6.25], 1), "6.3");
});
