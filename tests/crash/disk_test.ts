import assert from "node:assert/strict";
import { readLake, strayFiles } from "../lake_reader.ts";
import {
  type OrillaProcess,
  type OrillaResult,
  runOrilla,
  spawnOrilla,
} from "../orilla_process.ts";
import { diskTest } from "./small_disk.ts";

/** More than what fits on the small disks. */
const COUNT = 40_000;
/** For runs that are slowed down. */
const FEW = 12_000;
const BATCH = 2_000;
const PLENTY = "200m";

/** The arguments of a run over the same events, whenever it is started. */
function runArguments(outDir: string, retryBudgetMs: number, count = COUNT): string[] {
  return [
    ...["simulate", "--out-dir", outDir, "--count", String(count), "--days", "2"],
    ...["--start", "2026-11-24T10:00:00Z", "--batch-max-events", String(BATCH)],
    ...["--retry-budget-ms", String(retryBudgetMs)],
  ];
}

function simulate(outDir: string, count = COUNT): Promise<OrillaResult> {
  return runOrilla(runArguments(outDir, 300, count));
}

/**
 * How many events the commits hold, as orilla verify has it: nothing may be off but files of a batch that was
 * not committed, which the next start deletes.
 */
async function committedCount(outDir: string): Promise<number> {
  const { stdout } = await runOrilla(["verify", "--json", "--out-dir", outDir]);
  const { findings, eventCount } = JSON.parse(stdout);
  for (const { kind, subject } of findings) {
    assert.deepEqual([kind, subject.slice(0, 9)], ["unknown_file", "_staging/"], stdout);
  }
  return Number(eventCount);
}

/** The lake holds the first `count` events that simulate makes, each once. */
async function assertHolds(outDir: string, count: number): Promise<void> {
  const ids = (await readLake(outDir)).map(({ event_id }) => Number(event_id.slice(1)));
  assert.equal(ids.length, count);
  ids.sort((a, b) => a - b).forEach((id, i) => id === i || assert.fail(`e${i} is not there once`));
}

/** The lake holds all events, and is as a run leaves it that nothing disturbed. */
async function assertExact(outDir: string, count = COUNT): Promise<void> {
  await assertHolds(outDir, count);
  assert.deepEqual(await strayFiles(outDir), []);
  const { code, stdout } = await runOrilla(["verify", "--out-dir", outDir]);
  assert.equal(code, 0, stdout);
}

diskTest(
  "a full disk is exit 1 with its cause, start after start, until there is room",
  "2m",
  async (disk) => {
    let committed = 0;
    for (let start = 1; start <= 2; start++) {
      const { code, stderr } = await simulate(disk.path);
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^orilla: Gave up (stage|commit|publish) after \d+ tries in .*(disk is full|No space left)/m,
      );
      assert.match(stderr, /"a commit failed and is tried again"/);
      const now = await committedCount(disk.path);
      assert.ok(now >= BATCH && now < COUNT && now >= committed, `${now} events are committed`);
      committed = now;
    }
    await disk.resize(PLENTY);
    const { code, stderr, stdout } = await simulate(disk.path);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`published +${(COUNT - committed).toLocaleString("en-US")} `));
    await assertExact(disk.path);
  },
);

diskTest(
  "a full disk on which nothing was begun is exit 1 with its cause, and the next start is exact",
  "1m",
  async (disk) => {
    const ballast = `${disk.path}/ballast`;
    await assert.rejects(Deno.writeFile(ballast, new Uint8Array(2 << 20)), /space/);
    const { code, stderr } = await simulate(disk.path);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^orilla: .*(disk is full|disk I\/O error|[Nn]o space left)/m);
    await Deno.remove(ballast);
    await disk.resize(PLENTY);
    assert.equal((await simulate(disk.path)).code, 0);
    await assertExact(disk.path);
  },
);

diskTest(
  "a run waits on a full disk, and goes on by itself when there is room",
  "2m",
  async (disk) => {
    await using orilla = spawnOrilla(runArguments(disk.path, 60_000));
    await orilla.untilStderr(/a commit failed and is tried again.*(disk is full|No space left)/);
    await disk.resize(PLENTY);
    const { code, stderr } = await orilla.result;
    assert.equal(code, 0, stderr);
    await assertExact(disk.path);
    const metrics = await Deno.readTextFile(`${disk.path}/metrics.txt`);
    const retries = /^orilla_retries_total\{operation="(stage|commit|publish)"\} [1-9]\d*$/m;
    assert.match(metrics, retries);
  },
);

diskTest(
  "a read-only disk is exit 1 with its cause, and the next start once it is writable is exact",
  PLENTY,
  async (disk) => {
    await using first = spawnOrilla([...runArguments(disk.path, 300), "--rate", "10000"]);
    await first.untilStderr(/"committed"/);
    first.kill("SIGTERM");
    assert.equal((await first.result).code, 0);
    await disk.remount("ro");
    const { code, stderr } = await simulate(disk.path, FEW);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^orilla: .*(read-?only|unable to open database)/im);
    await disk.remount("rw");
    assert.equal((await simulate(disk.path, FEW)).code, 0);
    await assertExact(disk.path, FEW);
  },
);

/** Starts a run that is slow enough to be disturbed, and waits for its first commit. */
async function slowRun(outDir: string, retryBudgetMs: number): Promise<OrillaProcess> {
  const orilla = spawnOrilla([...runArguments(outDir, retryBudgetMs, FEW), "--rate", "6000"]);
  await orilla.untilStderr(/"committed"/);
  return orilla;
}

diskTest(
  "a disk that turns read-only under a run is exit 1 after the budget, and nothing is lost",
  PLENTY,
  async (disk) => {
    await using orilla = await slowRun(disk.path, 300);
    {
      await using _cover = await disk.coverReadOnly();
      const { code, stderr } = await orilla.result;
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^orilla: Gave up (stage|commit|publish) after \d+ tries in .*[Rr]ead-only file system/m,
      );
    }
    assert.ok(await committedCount(disk.path) < FEW);
    assert.equal((await simulate(disk.path, FEW)).code, 0);
    await assertExact(disk.path, FEW);
  },
);

diskTest(
  "a run waits on a disk that turned read-only, and goes on when it is writable",
  PLENTY,
  async (disk) => {
    await using orilla = await slowRun(disk.path, 60_000);
    {
      await using _cover = await disk.coverReadOnly();
      await orilla.untilStderr(/a commit failed and is tried again.*[Rr]ead-only file system/);
    }
    const { code, stderr } = await orilla.result;
    assert.equal(code, 0, stderr);
    await assertExact(disk.path, FEW);
  },
);

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "orilla_disk_" });
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("OUT_DIR renamed away under a run is exit 1 after the budget, and holds an exact prefix", async () => {
  await withFolder(async (folder) => {
    const outDir = `${folder}/lake`, away = `${folder}/away`;
    await using orilla = await slowRun(outDir, 500);
    await Deno.rename(outDir, away);
    const { code, stderr } = await orilla.result;
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /^orilla: Gave up (stage|commit|publish) after \d+ tries in .*(No such file|was removed)/m,
    );
    await assert.rejects(Deno.stat(outDir), Deno.errors.NotFound, "no lake is begun in the void");
    const committed = await committedCount(away);
    assert.ok(committed >= BATCH && committed < FEW, `${committed} events are committed`);
    await assertHolds(away, committed);
    assert.equal((await simulate(away, FEW)).code, 0);
    await assertExact(away, FEW);
  });
});

Deno.test("a run waits for an OUT_DIR that was renamed away, and goes on when it is back", async () => {
  await withFolder(async (folder) => {
    const outDir = `${folder}/lake`, away = `${folder}/away`;
    await using orilla = await slowRun(outDir, 60_000);
    await Deno.rename(outDir, away);
    await orilla.untilStderr(/a commit failed and is tried again/);
    await Deno.rename(away, outDir);
    const { code, stderr } = await orilla.result;
    assert.equal(code, 0, stderr);
    await assertExact(outDir, FEW);
  });
});

Deno.test("another folder in the place of OUT_DIR gets nothing", async () => {
  await withFolder(async (folder) => {
    const outDir = `${folder}/lake`, away = `${folder}/away`;
    await using orilla = await slowRun(outDir, 500);
    await Deno.rename(outDir, away);
    // As where a disk was unmounted whose mount point has the folders of an older lake.
    await Deno.mkdir(`${outDir}/_staging`, { recursive: true });
    const { code, stderr } = await orilla.result;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /is not the file that was opened: OUT_DIR was removed or replaced/);
    assert.deepEqual(await readLake(outDir), []);
    await assertHolds(away, await committedCount(away));
  });
});
