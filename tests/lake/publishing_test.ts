import assert from "node:assert/strict";
import type { ManifestFile } from "../../src/core/commit.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { STAGING_FOLDER } from "../../src/core/lake_path.ts";
import { publish, recoverLake } from "../../src/lake/publishing.ts";
import type { FaultHooks } from "../../src/runtime/operations.ts";
import { Files } from "../../src/runtime/files.ts";
import { batchOfEvents, HERE, ingestRecord, recordOf } from "../core/samples.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { InjectedFailure } from "../runtime/recording_hooks.ts";
import { type EmptyLake, emptyLake, stageBatch } from "./staged_lake.ts";

/** Stages two dates and a dead letter, and forgets which operations that took. */
async function staged(lake: EmptyLake): Promise<readonly ManifestFile[]> {
  const batch = batchOfEvents([
    { event_id: "a", ts: "2026-11-23" },
    { event_id: "b", ts: "2026-11-24" },
  ]);
  ingestRecord(batch, HERE, recordOf(null, { offset: 2n }));
  const manifest = await stageBatch(lake, batch);
  lake.hooks.begun.length = lake.hooks.done.length = 0;
  return manifest;
}

async function assertPublished(lake: EmptyLake, manifest: readonly ManifestFile[]): Promise<void> {
  assert.deepEqual((await readLake(lake.outDir)).map(({ event_id }) => event_id), ["a", "b"]);
  assert.equal((await readDeadLetters(lake.outDir)).length, 1);
  for (const { finalPath, bytes } of manifest) {
    assert.equal(await lake.files.size(finalPath), bytes);
  }
  assert.deepEqual(await lake.files.list(STAGING_FOLDER), []);
}

function isDamage(part: string) {
  return (error: unknown) =>
    error instanceof OrillaError && error.exitCode === 3 && error.message.includes(part);
}

Deno.test("publish() gives staged files their final names", async () => {
  await using lake = await emptyLake();
  const manifest = await staged(lake);
  assert.deepEqual(await readLake(lake.outDir), []);
  await publish(lake.files, manifest);
  await assertPublished(lake, manifest);
});

Deno.test("publish() makes the final names durable before the staged ones go", async () => {
  await using lake = await emptyLake();
  await publish(lake.files, await staged(lake));
  const labels = lake.hooks.done.map((line) => line.split(" ")[0]);
  const last = (label: string) => labels.lastIndexOf(label);
  const first = (label: string) => labels.indexOf(label);
  assert.ok(last("publish:link") < first("publish:fsync"));
  assert.ok(last("publish:fsync") < first("publish:unlink"));
  const synced = lake.hooks.done.filter((line) => line.startsWith("publish:fsync"))
    .map((line) => line.split(" ")[1]);
  assert.deepEqual(synced.toSorted(), [
    ".",
    "_dead_letters",
    "_dead_letters/date=2026-11-25",
    "date=2026-11-23",
    "date=2026-11-24",
  ]);
});

Deno.test("publish() changes nothing where all is published", async () => {
  await using lake = await emptyLake();
  const manifest = await staged(lake);
  await publish(lake.files, manifest);
  lake.hooks.done.length = 0;
  await publish(lake.files, manifest);
  await assertPublished(lake, manifest);
  assert.ok(lake.hooks.done.every((line) => line.startsWith("publish:fsync ")));
});

Deno.test("publish() of nothing does nothing", async () => {
  await using lake = await emptyLake();
  lake.hooks.begun.length = 0;
  await publish(lake.files, []);
  assert.deepEqual(lake.hooks.begun, []);
});

Deno.test("publish() adds to a lake partition that has files", async () => {
  await using lake = await emptyLake();
  await publish(lake.files, await staged(lake));
  const more = await stageBatch(lake, batchOfEvents([{ event_id: "c" }]), { sequence: 2 });
  await publish(lake.files, more);
  const ids = (await readLake(lake.outDir)).map(({ event_id }) => event_id);
  assert.deepEqual(ids, ["a", "b", "c"]);
});

Deno.test("publish() never replaces a file, and says that it is not the committed one", async () => {
  await using lake = await emptyLake();
  const [file, ...rest] = await staged(lake);
  assert.ok(file !== undefined);
  const folder = file.finalPath.split("/")[0] ?? "";
  await Deno.mkdir(lake.files.absolute(folder));
  await Deno.writeTextFile(lake.files.absolute(file.finalPath), "theirs");
  await assert.rejects(publish(lake.files, [file, ...rest]), isDamage(file.finalPath));
  assert.equal(await Deno.readTextFile(lake.files.absolute(file.finalPath)), "theirs");
  assert.equal(await lake.files.size(file.stagedPath), file.bytes);
});

Deno.test("publish() refuses a file that is neither staged nor published", async () => {
  await using lake = await emptyLake();
  const manifest = await staged(lake);
  const gone = manifest[1];
  assert.ok(gone !== undefined);
  await Deno.remove(lake.files.absolute(gone.stagedPath));
  await assert.rejects(publish(lake.files, manifest), isDamage(gone.finalPath));
});

Deno.test("publish() refuses a staged file that is not whole", async () => {
  await using lake = await emptyLake();
  const manifest = await staged(lake);
  const [torn] = manifest;
  assert.ok(torn !== undefined);
  await Deno.truncate(lake.files.absolute(torn.stagedPath), torn.bytes - 1);
  await assert.rejects(publish(lake.files, manifest), isDamage(torn.stagedPath));
  assert.deepEqual(await readLake(lake.outDir), []);
});

/** Hooks that fail around the n-th operation alone. */
function failingAt(operation: number, when: "before" | "after"): FaultHooks {
  let begun = 0, done = 0;
  return {
    before: () => {
      if (++begun === operation && when === "before") throw new InjectedFailure();
    },
    after: () => {
      if (++done === operation && when === "after") throw new InjectedFailure();
    },
    written: (_label, _path, length) => length,
  };
}

for (const when of ["before", "after"] as const) {
  Deno.test(`publish() goes on after it failed ${when} any of its operations`, async () => {
    let operation = 1, failureCount = 0;
    for (let isFailing = true; isFailing; operation++) {
      await using lake = await emptyLake();
      const manifest = await staged(lake);
      const failing = new Files(lake.outDir, failingAt(operation, when));
      isFailing = await publish(failing, manifest).then(() => false, (error) => {
        assert.ok(error instanceof InjectedFailure);
        return true;
      });
      if (isFailing) failureCount++;
      await publish(lake.files, manifest);
      await assertPublished(lake, manifest);
    }
    // 4 folders made, 3 files linked, 5 folders synced, 3 staged names removed.
    assert.equal(failureCount, 15);
  });
}

Deno.test(
  "publish() makes a new folder's name durable also when it goes on after a failure",
  async () => {
    await using lake = await emptyLake();
    const manifest = (await staged(lake)).slice(0, 1);
    lake.hooks.failBefore = "publish:link";
    await assert.rejects(publish(lake.files, manifest), InjectedFailure);
    await publish(lake.files, manifest);
    assert.ok(lake.hooks.done.includes("publish:fsync ."));
  },
);

Deno.test("recoverLake() publishes what was committed, then deletes what was not", async () => {
  await using lake = await emptyLake();
  const manifest = await staged(lake);
  await stageBatch(lake, batchOfEvents([{ event_id: "never" }]), { sequence: 2 });
  await Deno.writeTextFile(lake.files.absolute(`${STAGING_FOLDER}/stranger`), "");
  assert.deepEqual(await recoverLake(lake.files, manifest), { publishedCount: 3, deletedCount: 2 });
  await assertPublished(lake, manifest);
});

Deno.test("recoverLake() does nothing to a lake that is in order", async () => {
  await using lake = await emptyLake();
  const manifest = await staged(lake);
  await publish(lake.files, manifest);
  assert.deepEqual(await recoverLake(lake.files, []), { publishedCount: 0, deletedCount: 0 });
  await assertPublished(lake, manifest);
});

Deno.test("recoverLake() deletes nothing of a damaged lake", async () => {
  await using lake = await emptyLake();
  const manifest = await staged(lake);
  const [gone] = manifest;
  assert.ok(gone !== undefined);
  await Deno.remove(lake.files.absolute(gone.stagedPath));
  await assert.rejects(recoverLake(lake.files, manifest), isDamage(gone.finalPath));
  assert.equal((await lake.files.list(STAGING_FOLDER)).length, 2);
});
