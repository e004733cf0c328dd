import assert from "node:assert/strict";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { variedTopic } from "../crash/memory_topic.ts";
import { type NthCrash, NthCrashHooks } from "../crash/nth_crash_hooks.ts";
import {
  bucketDifferences,
  type BucketLake,
  runIntoBucket,
  withCheckpointDir,
} from "./bucket_lake.ts";
import { bucketAt, type S3Server, startS3Server } from "./s3_server.ts";
import { s3Test } from "./s3_case.ts";

const topic = variedTopic(150);

async function runToCrash(lake: BucketLake, crash: NthCrash | null): Promise<NthCrashHooks> {
  const hooks = new NthCrashHooks(crash);
  try {
    await runIntoBucket(lake, { topic, hooks });
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return hooks;
}

/** Gives the action an empty lake in a bucket of its own. */
async function withLake(
  { endpoint, newBucket }: S3Server,
  action: (lake: BucketLake) => Promise<void>,
): Promise<void> {
  const place = { bucket: await newBucket(), prefix: "lake/" };
  await withCheckpointDir((checkpointDir) =>
    action({ bucket: bucketAt({ endpoint, place }), checkpointDir })
  );
}

/** All crashes of a run that is not disturbed. */
async function crashesOf(server: S3Server): Promise<readonly NthCrash[]> {
  const crashes: NthCrash[] = [];
  await withLake(server, async (lake) => {
    const { done } = await runToCrash(lake, null);
    assert.deepEqual(await bucketDifferences(lake, topic), []);
    for (const [label, count] of done) {
      for (let nth = 1; nth <= count; nth++) {
        crashes.push({ label, nth, side: "before" }, { label, nth, side: "after" });
      }
    }
  });
  return crashes;
}

s3Test("a run into a bucket has the operations that the crash matrix is made of", async () => {
  await using server = await startS3Server();
  const crashes = await crashesOf(server);
  const count = (label: string) =>
    crashes.filter((crash) => crash.label === label && crash.side === "after").length;
  assert.ok(count("commit:end") >= 4, "several commits");
  assert.ok(count("stage:create") >= 12, "of several files");
  assert.equal(count("stage:write"), count("stage:create"));
  assert.equal(count("publish:link"), count("stage:create"));
});

s3Test(
  "a crash before and after every operation of a run into a bucket leaves an exact lake",
  async () => {
    await using server = await startS3Server();
    for (const crash of await crashesOf(server)) {
      await withLake(server, async (lake) => {
        const hooks = await runToCrash(lake, crash);
        assert.ok(hooks.hasCrashed, JSON.stringify(crash));
        await runIntoBucket(lake, { topic });
        assert.deepEqual(await bucketDifferences(lake, topic), [], JSON.stringify(crash));
      });
    }
  },
);

s3Test(
  "a second crash during the recovery of a lake in a bucket leaves an exact lake",
  async () => {
    const seed = Number(Deno.env.get("ORILLA_TEST_SEED") ?? Date.now() % 2 ** 32);
    const random = seededRandom(seed);
    await using server = await startS3Server();
    const crashes = await crashesOf(server);
    for (const first of crashes.filter(() => random() < 0.5)) {
      await withLake(server, async (lake) => {
        await runToCrash(lake, first);
        const labels = ["publish:link", "recover:remove", "stage:write", "stage:create"] as const;
        const label = labels[Math.floor(random() * labels.length)] ?? "publish:link";
        const side = random() < 0.5 ? "before" : "after";
        const second = { label, nth: 1 + Math.floor(random() * 3), side } as const;
        await runToCrash(lake, second);
        await runIntoBucket(lake, { topic });
        const where = JSON.stringify({ first, second });
        const found = await bucketDifferences(lake, topic);
        assert.deepEqual(found, [], `${where} (ORILLA_TEST_SEED=${seed})`);
      });
    }
  },
);
