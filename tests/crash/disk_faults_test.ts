import assert from "node:assert/strict";
import { messageOf, OrillaError } from "../../src/core/errors.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { type FaultHooks, OPERATION_LABELS } from "../../src/runtime/operations.ts";
import { faultHooks, type FaultKind } from "../../src/simulation/faults.ts";
import { noSpace, watchingHooks } from "../pipeline_parts.ts";
import { CrashHooks } from "./crash_hooks.ts";
import { differences } from "./lake_oracle.ts";
import { runOnce, scratchFolder, testSession } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";

const topic = variedTopic(120);
/** Object stores alone begin a staged file by an operation of its own: tests/s3. */
const LABELS = OPERATION_LABELS.filter((label) =>
  /^(stage|commit|publish):/.test(label) && label !== "stage:create"
);

async function withScratch(action: (outDir: string) => Promise<void>): Promise<void> {
  const outDir = await scratchFolder();
  try {
    await action(outDir);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
}

/** How many operations of a label opening a new lake has, and how many the whole run. */
async function occurrencesOf(label: string): Promise<{ atOpening: number; inAll: number }> {
  const count = ({ operations }: CrashHooks) =>
    operations.filter((operation) => operation.startsWith(`${label} `)).length;
  const hooks = new CrashHooks(null);
  let atOpening = 0;
  await withScratch(async (outDir) => {
    await using session = await LakeSession.open(testSession(outDir, { hooks }));
    atOpening = count(hooks);
    await topic.feed(session, 7);
    await session.close();
  });
  return { atOpening, inAll: count(hooks) };
}

/** The first operation of a label that belongs to a commit, one in the middle, and the last one. */
async function sampleOf(label: string): Promise<number[]> {
  const { atOpening, inAll } = await occurrencesOf(label);
  assert.ok(inAll >= atOpening + 3, `${label} happens in commits`);
  return [atOpening + 1, Math.ceil((atOpening + inAll) / 2), inAll];
}

/** Runs with a fault; gives the warnings that it logged. */
async function runWith(outDir: string, hooks: FaultHooks): Promise<string[]> {
  const warnings: string[] = [];
  const silent = () => {};
  const warning = (message: string) => void warnings.push(message);
  const log = { debug: silent, info: silent, error: silent, warning };
  await using session = await LakeSession.open(testSession(outDir, { hooks, log }));
  await topic.feed(session, 7);
  await session.close();
  return warnings;
}

for (const label of LABELS) {
  Deno.test(`a disk full for a moment at ${label} is tried again, and the lake is exact`, async () => {
    for (const occurrence of await sampleOf(label)) {
      await withScratch(async (outDir) => {
        const hooks = faultHooks({ label, occurrence, kind: "enospc" });
        const warnings = await runWith(outDir, hooks);
        assert.deepEqual(warnings, ["a commit failed and is tried again"], `no. ${occurrence}`);
        assert.deepEqual(await differences(outDir, topic), [], `no. ${occurrence}`);
      });
    }
  });

  Deno.test(`an unknown failure of ${label} ends the run, and the next start is exact`, async () => {
    for (const occurrence of await sampleOf(label)) {
      await withScratch(async (outDir) => {
        const hooks = faultHooks({ label, occurrence, kind: "error" });
        await assert.rejects(runWith(outDir, hooks), new RegExp(`injected failure of ${label}`));
        await runOnce(outDir, { topic });
        assert.deepEqual(await differences(outDir, topic), [], `no. ${occurrence}`);
      });
    }
  });

  Deno.test(`a disk that stays full at ${label} is exit 1, and the next start is exact`, async () => {
    const [first = 0] = await sampleOf(label);
    await withScratch(async (outDir) => {
      let seen = 0;
      const hooks = watchingHooks((at, side) => {
        if (at === label && side === "before" && ++seen >= first) throw noSpace();
      });
      await assert.rejects(runWith(outDir, hooks), (error) => {
        assert.ok(error instanceof OrillaError && error.exitCode === 1, messageOf(error));
        const operation = label.slice(0, label.indexOf(":"));
        assert.ok(error.message.startsWith(`Gave up ${operation} after 5 tries`), error.message);
        assert.match(error.message, /no space left on the test's/);
        return true;
      });
      await runOnce(outDir, { topic });
      assert.deepEqual(await differences(outDir, topic), []);
    });
  });
}

Deno.test("a disk that fails while a new lake is opened ends the start, and the next one is exact", async () => {
  const kinds: readonly FaultKind[] = ["enospc", "error"];
  let opened = 0;
  for (const label of LABELS) {
    const { atOpening } = await occurrencesOf(label);
    for (const kind of atOpening > 0 ? kinds : []) {
      await withScratch(async (outDir) => {
        const hooks = faultHooks({ label, occurrence: 1, kind });
        await assert.rejects(runWith(outDir, hooks), /injected/);
        await runOnce(outDir, { topic });
        assert.deepEqual(await differences(outDir, topic), [], `${label}=${kind}`);
      });
      opened++;
    }
  }
  assert.ok(opened >= 4, "making the staging folder, and syncing its name");
});

/** Takes OUT_DIR away at an operation of the second commit, for as long as the run lasts. */
async function renamedAt(label: string, side: "before" | "after"): Promise<void> {
  await withScratch(async (parent) => {
    const outDir = `${parent}/lake`, moved = `${parent}/moved`;
    await Deno.mkdir(outDir);
    let isAway = false;
    const hooks = watchingHooks((at, when, path) => {
      const isSecond = path === "checkpoint.sqlite" || path.includes("_0000000002.");
      if (isAway || at !== label || when !== side || !isSecond) return;
      if (path === "checkpoint.sqlite" && ++commits < 2) return;
      Deno.renameSync(outDir, moved);
      isAway = true;
    });
    let commits = 0;
    await assert.rejects(runWith(outDir, hooks), (error) => {
      assert.ok(error instanceof OrillaError && error.exitCode === 1, messageOf(error));
      return true;
    });
    assert.ok(isAway);
    await assert.rejects(Deno.stat(outDir), Deno.errors.NotFound, "no lake is begun in the void");
    await runOnce(moved, { topic });
    assert.deepEqual(await differences(moved, topic), []);
  });
}

for (
  const [label, side] of [
    ["stage:write", "before"],
    ["stage:fsync", "after"],
    ["commit:begin", "before"],
    ["commit:end", "after"],
    ["publish:link", "before"],
    ["publish:link", "after"],
    ["publish:unlink", "before"],
  ] as const
) {
  Deno.test(`OUT_DIR removed ${side} ${label} is exit 1, and once it is back the lake ends exact`, async () => {
    await renamedAt(label, side);
  });
}
