import assert from "node:assert/strict";
import { probeWriting } from "../../src/runtime/write_probe.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** A clock on which each look is a millisecond later than the one before takes one more. */
function slowingClock() {
  let looks = 0, ms = 0;
  return { nowMs: () => 0, monotonicMs: () => ms += ++looks };
}

Deno.test("probeWriting() times five fsyncs, and leaves nothing", async () => {
  await using folder = await temporaryFolder();
  const tookMs = await probeWriting(folder.path, { name: "0a1b2c3d", clock: slowingClock() });
  assert.equal(tookMs.length, 5);
  assert.deepEqual(tookMs, [...tookMs].sort((a, b) => a - b));
  assert.ok(tookMs.every((ms) => ms > 0));
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("probeWriting() throws what the system says, and writes through no link", async () => {
  await using folder = await temporaryFolder();
  const clock = slowingClock();
  await assert.rejects(
    probeWriting(`${folder.path}/none`, { name: "0a1b2c3d", clock }),
    Deno.errors.NotFound,
  );
  const outside = `${folder.path}/outside`, lake = `${folder.path}/lake`;
  await Deno.writeTextFile(outside, "as it was");
  await Deno.mkdir(lake);
  await Deno.symlink(outside, `${lake}/_doctor_0a1b2c3d`);
  await probeWriting(lake, { name: "0a1b2c3d", clock });
  assert.equal(await Deno.readTextFile(outside), "as it was");
});
