import assert from "node:assert/strict";
import fc from "fast-check";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { filesToPurge, purgeFiles } from "../../src/pipeline/purge.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { lakeIn } from "../lake_in.ts";
import { readLake } from "../lake_reader.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import { compactIn, findingsOf, movingClock } from "./compacted_lake.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { copyLake } from "./damaged_lake.ts";
import { rebuildLake, scratchFolder, testLimits, testSession } from "./lake_run.ts";
import { MemoryTopic } from "./memory_topic.ts";

/** What is done to a lake, in any order. */
type Step =
  | {
    readonly kind: "feed";
    readonly records: readonly PlannedRecord[];
    readonly crash: Crash | null;
  }
  | { readonly kind: "compact"; readonly targetBytes: number; readonly crash: Crash | null }
  | { readonly kind: "purge" }
  | { readonly kind: "rebuild" }
  /** The checkpoint as it was some steps ago takes its place. */
  | { readonly kind: "go back" };

interface PlannedRecord {
  /** Ids repeat: duplicates. Each has one of three dates, so events come late for those that were merged. */
  readonly id: number;
  readonly isInvalid: boolean;
}

interface Crash extends CrashPoint {
  readonly isPowerCut: boolean;
}

const crashes: fc.Arbitrary<Crash | null> = fc.option(
  fc.record({
    index: fc.nat(70),
    side: fc.constantFrom("before" as const, "after" as const),
    isPowerCut: fc.boolean(),
  }),
  { freq: 2 },
);

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("feed" as const),
      records: fc.array(
        fc.record({ id: fc.nat(150), isInvalid: fc.boolean() }),
        { minLength: 1, maxLength: 30 },
      ),
      crash: crashes,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("compact" as const),
      // Files of these tests have 4 to 6 KB.
      targetBytes: fc.constantFrom(8_000, 14_000, 25_000, 1 << 24),
      crash: crashes,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "purge" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "rebuild" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "go back" as const }) },
);

/** What happened in all runs together, to know that the property was tried. */
const seen = { crashes: 0, merged: 0, mergedFiles: 0, wentBack: 0, rebuilt: 0, purged: 0 };

/** A lake, its topic, and the model: which rows must be there. */
class ModelledLake {
  readonly #outDir: string;
  readonly #older: string;
  readonly #topic = new MemoryTopic(2);
  readonly #rows = new Map<string, string>();
  readonly #clock = movingClock();
  #appended = 0;
  #hasOlder = false;

  constructor(outDir: string, older: string) {
    this.#outDir = outDir;
    this.#older = older;
  }

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case "feed":
        this.#append(step.records);
        return await this.#session(step.crash, (session) => this.#topic.feed(session, 7));
      case "compact":
        return await this.#session(step.crash, async (session) => {
          const compacted = await compactIn(session, step);
          seen.merged += compacted.length;
          // What is merged has no two small files left.
          assert.deepEqual(await compactIn(session, step), []);
        });
      case "purge":
        return await this.#session(null, async (session) => {
          const nowMs = this.#clock.nowMs();
          const found = await filesToPurge(
            lakeIn(this.#outDir),
            { beforeMs: nowMs, nowMs },
            () => {},
          );
          seen.purged += found.length;
          // An older checkpoint would miss these files.
          this.#hasOlder = false;
          await purgeFiles(session.files, session.checkpoint, found);
        });
      case "rebuild":
        this.#hasOlder = false;
        seen.rebuilt++;
        await rebuildLake(this.#outDir, this.#clock.nowMs());
        return;
      case "go back":
        return await this.#goBack();
      default:
        step satisfies never;
    }
  }

  /** Starts once more, takes in what is missing, and holds everything against the model. */
  async check(): Promise<void> {
    await this.#session(null, (session) => this.#topic.feed(session, 7));
    const rows = await readLake(this.#outDir);
    const found = rows.map(({ event_id, date }) => `${event_id} ${date}`).sort();
    const expected = [...this.#rows].map(([id, date]) => `${id} ${date}`).sort();
    assert.deepEqual(found, expected);
    const byFile = Map.groupBy(rows, ({ file }) => file);
    for (const [file, ofFile] of byFile) {
      const times = ofFile.map(({ ts }) => ts);
      assert.deepEqual(times, times.toSorted((a, b) => Number(a - b)), `${file} is sorted`);
    }
    assert.deepEqual(await findingsOf(this.#outDir), []);
    seen.mergedFiles +=
      inspectCheckpoint(this.#outDir).files.filter(({ finalPath }) =>
        finalPath.endsWith("_merged.parquet")
      ).length;
  }

  #append(records: readonly PlannedRecord[]): void {
    for (const { id, isInvalid } of records) {
      const partition = this.#appended % 2;
      if (isInvalid && id % 5 === 0) {
        this.#topic.append(partition, { value: "{", truth: { kind: "invalid" } });
        this.#appended++;
        continue;
      }
      const eventId = `e${id}`, day = `2026-11-2${id % 3}`;
      const second = String(this.#appended * 7 % 60).padStart(2, "0");
      const value = `{"event_id":"${eventId}","ts":"${day}T10:00:${second}Z","usuario_id":${id}}`;
      this.#topic.append(partition, { value, truth: { kind: "valid", eventId, date: day } });
      this.#rows.set(eventId, day);
      this.#appended++;
    }
  }

  async #goBack(): Promise<void> {
    if (this.#hasOlder) {
      seen.wentBack++;
      for (const suffix of ["", "-wal", "-shm"]) {
        const name = `checkpoint.sqlite${suffix}`;
        await Deno.remove(`${this.#outDir}/${name}`).catch(() => {});
        await Deno.copyFile(`${this.#older}/${name}`, `${this.#outDir}/${name}`).catch(() => {});
      }
      this.#hasOlder = false;
      return;
    }
    // A lake whose checkpoint knows no commit is refused.
    if (!hasCommits(this.#outDir)) return;
    for await (const { name } of Deno.readDir(this.#older)) {
      await Deno.remove(`${this.#older}/${name}`, { recursive: true });
    }
    await copyLake(this.#outDir, this.#older);
    this.#hasOlder = true;
  }

  async #session(
    crash: Crash | null,
    action: (session: LakeSession) => Promise<void>,
  ): Promise<void> {
    const hooks = new CrashHooks(crash);
    const limits = testLimits({ maxEvents: 9 });
    const options: Partial<LakeSessionOptions> = { hooks, clock: this.#clock, limits, ttlMs: 0 };
    try {
      await using session = await LakeSession.open(testSession(this.#outDir, options));
      await action(session);
      await session.close();
    } catch (error) {
      if (!(error instanceof SimulatedCrash)) throw error;
      seen.crashes++;
      if (crash?.isPowerCut === true) await hooks.cutPower(this.#outDir);
    }
  }
}

function hasCommits(outDir: string): boolean {
  try {
    return inspectCheckpoint(outDir).committed.sequence > 0;
  } catch (error) {
    if (error instanceof OrillaError) return false;
    throw error;
  }
}

Deno.test("whatever commits, merges, crashes, late events, purges and rebuilds come in whatever order, each row is there once", async () => {
  const seed = testSeed();
  const property = fc.asyncProperty(
    fc.array(steps, { minLength: 3, maxLength: 12 }),
    async (plan) => {
      const [outDir, older] = [await scratchFolder(), await scratchFolder()];
      try {
        const lake = new ModelledLake(outDir, older);
        for (const step of plan) await lake.run(step);
        await lake.check();
      } finally {
        for (const folder of [outDir, older]) await Deno.remove(folder, { recursive: true });
      }
    },
  );
  try {
    await fc.assert(property, { seed, numRuns: 60 });
  } catch (error) {
    throw new Error(`${replayHint(seed)}\n${String(error)}`, { cause: error });
  }
  for (const [what, count] of Object.entries(seen)) {
    assert.ok(count >= 1, `${what}: ${count}; ${replayHint(seed)}`);
  }
});
