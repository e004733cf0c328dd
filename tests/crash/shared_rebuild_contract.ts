import assert from "node:assert/strict";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { repairedLetters } from "../../src/pipeline/letters_to_replay.ts";
import { replayIntoLake } from "../../src/pipeline/replay.ts";
import { testLimits, testSession } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";
import { BAD_COUNT, CONTROL, repairedLines, sourceOf, topicWithLetters } from "./replayed_lake.ts";
import { differences, type ServerKind, type SharedLake, withLake } from "./shared_crash_matrix.ts";
import {
  contentOf,
  expectSame,
  findingsOf,
  processOf,
  rebuildShared,
  runShared,
  toldByFiles,
} from "./shared_rebuild.ts";

const TOPIC = variedTopic(90), LONGER_TOPIC = variedTopic(140);

/** A lake of several processes, with merged files, of one of which nothing is left but in others. */
export async function writeLake(lake: SharedLake, tableFormat: "plain" | "delta"): Promise<void> {
  await runShared(lake, variedTopic(40), { tableFormat });
  await runShared(lake, variedTopic(60), { tableFormat });
  await runShared(lake, variedTopic(75), { tableFormat, folderCount: 2 });
  await runShared(lake, TOPIC, { tableFormat, folderCount: 1 });
}

/** Replays the repaired dead letters of a lake; says how many of them were done before. */
async function replayShared(lake: SharedLake): Promise<number> {
  const limits = testLimits({ maxEvents: 4 });
  const options = processOf(lake, { limits });
  await using session = await LakeSession.open(testSession(lake.outDir, options));
  const source = sourceOf(session);
  await replayIntoLake(session, repairedLetters(source, repairedLines()), CONTROL);
  await session.close();
  return source.passedOver.doneCount;
}

/** What differs from what a topic must have become; where duplicates lay is not told by files. */
export async function differencesOf(
  lake: SharedLake,
  topic = LONGER_TOPIC,
): Promise<readonly string[]> {
  return (await differences(lake, topic)).filter((text) => !text.startsWith("recorded duplicates"));
}

/** Holds the making anew of a kind of store against what a lost one knew. */
export function testSharedRebuild({ name, newUrl }: ServerKind): void {
  Deno.test(`${name}: a store that is made anew is what the lost one was, and consumers go on exactly`, async () => {
    await withLake(newUrl(), async (lost) => {
      await writeLake(lost, "plain");
      const before = await contentOf(lost);
      const lake = { ...lost, url: newUrl() };
      const report = await rebuildShared(lake);
      assert.deepEqual([report.incomplete, report.gaps, report.table], [[], [], null]);
      assert.equal(report.seenIdCount, before.seenIdCount);
      await expectSame(lake, before);
      await runShared(lake, variedTopic(110));
      await runShared(lake, LONGER_TOPIC, { folderCount: Infinity });
      assert.deepEqual(await differencesOf(lake), []);
    });
  });

  Deno.test(`${name}: a table goes on with a store that is made anew`, async () => {
    await withLake(newUrl(), async (lost) => {
      await writeLake(lost, "delta");
      const before = await contentOf(lost);
      const lake = { ...lost, url: newUrl() };
      const { table, tableRefusal } = await rebuildShared(lake);
      assert.deepEqual([table, tableRefusal], [{ addedCount: 0, removedCount: 0 }, null]);
      await expectSame(lake, before);
      await runShared(lake, LONGER_TOPIC, { folderCount: 1 });
      assert.deepEqual(await findingsOf(lake), []);
    });
  });

  Deno.test(`${name}: a store that is made anew knows which dead letters were replayed`, async () => {
    await withLake(newUrl(), async (lost) => {
      await runShared(lost, topicWithLetters());
      await replayShared(lost);
      const before = await contentOf(lost);
      assert.equal(before.replays.length, BAD_COUNT);
      const lake = { ...lost, url: newUrl() };
      await rebuildShared(lake);
      await expectSame(lake, before);
      // They are done, so a second replay finds none.
      assert.deepEqual(await replayShared(lake), BAD_COUNT);
      assert.deepEqual(toldByFiles(await contentOf(lake)), toldByFiles(before));
    });
  });

  Deno.test(`${name}: two processes go on at once with a store that is made anew`, async () => {
    await withLake(newUrl(), async (lost) => {
      await runShared(lost, TOPIC);
      const lake = { ...lost, url: newUrl() };
      await rebuildShared(lake);
      await using one = await LakeSession.open(testSession(lake.outDir, processOf(lake)));
      await using two = await LakeSession.open(testSession(lake.outDir, processOf(lake)));
      assert.notEqual(one.checkpoint.instanceId, two.checkpoint.instanceId);
      await variedTopic(110).feed(one, 7);
      await LONGER_TOPIC.feed(two, 7);
      await one.close();
      await two.close();
      assert.deepEqual(await differencesOf(lake), []);
    });
  });
}
