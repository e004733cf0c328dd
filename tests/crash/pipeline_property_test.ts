import assert from "node:assert/strict";
import { RecordList } from "../../src/core/record_list.ts";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { type OperationLabel, SimulatedCrash } from "../../src/runtime/operations.ts";
import { readDeadLetters, readLake, strayFiles } from "../lake_reader.ts";
import { recordedDuplicates } from "../recorded_duplicates.ts";
import { replayHint, testSeed } from "../property_seed.ts";
import { CrashHooks, type CrashPoint } from "./crash_hooks.ts";
import { scratchFolder, testLimits, testSession } from "./lake_run.ts";
import { type Outcome, type PlainTopic, plainTopics, rawRecords, wrongs } from "./plain_topic.ts";

const TOPIC = "plain";

/** A run of the random kind: it may be dropped, and may crash. */
interface RunPlan {
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** Whether a batch is filled, and staged, while the one before it is committed. */
  readonly isAhead: boolean;
  /** How many records of a partition are fed at once, by turns. */
  readonly runLengths: readonly number[];
  /** The operations (by number) in whose midst the partitions are taken away, and given again. */
  readonly dropAtOperations: readonly number[];
  /** The runs of records (by number) after which they are. */
  readonly dropAfterRuns: readonly number[];
  readonly crash: CrashPoint | null;
  readonly isPowerCut: boolean;
}

const runPlans: fc.Arbitrary<RunPlan> = fc.record({
  maxEvents: fc.integer({ min: 1, max: 40 }),
  maxBytes: fc.constantFrom(100, 700, 1 << 20),
  isAhead: fc.boolean(),
  runLengths: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
  dropAtOperations: fc.array(fc.nat(80), { maxLength: 3 }),
  dropAfterRuns: fc.array(fc.nat(12), { maxLength: 3 }),
  crash: fc.option(
    fc.record({ index: fc.nat(60), side: fc.constantFrom("before" as const, "after" as const) }),
    { freq: 4 },
  ),
  isPowerCut: fc.boolean(),
});

/** Hooks that also take the partitions away in the midst of an operation. */
class DisturbingHooks extends CrashHooks {
  onDrop: () => void = () => {};
  readonly #dropAt: ReadonlySet<number>;

  constructor({ crash, dropAtOperations }: RunPlan) {
    super(crash);
    this.#dropAt = new Set(dropAtOperations);
  }

  override after(label: OperationLabel, path: string): void {
    super.after(label, path);
    // Nothing can come between the parts of a transaction: it is synchronous.
    const isAsync = label.startsWith("stage:") || label.startsWith("publish:");
    if (isAsync && this.#dropAt.has(this.operations.length - 1)) this.onDrop();
  }
}

/** What happened in all runs together, to know that the property was tried. */
const seen = { drops: 0, crashes: 0, duplicates: 0, letters: 0, commits: 0 };

/** Feeds the partitions by turns from their next offsets; after a drop, from where these stand then. */
async function feed(session: LakeSession, topic: PlainTopic, plan: {
  readonly runLengths: readonly number[];
  readonly dropAfterRuns: readonly number[];
  readonly onDropped?: (drop: () => void) => void;
}): Promise<void> {
  const { pipeline } = session;
  const at = (partition: number) => ({ topic: TOPIC, partition });
  const dropAfter = new Set(plan.dropAfterRuns);
  let epoch = 0, runs = 0;
  const drop = () => {
    epoch++;
    seen.drops++;
    pipeline.drop();
  };
  plan.onDropped?.(drop);
  const records = topic.map(rawRecords);
  for (let isDone = false; !isDone;) {
    const assigned = epoch;
    const isCurrent = () => epoch === assigned;
    const next = topic.map((_, partition) => Number(pipeline.nextOffset(at(partition)) ?? 0n));
    while (isCurrent() && records.some((all, i) => (next[i] ?? 0) < all.length)) {
      for (const [partition, all] of records.entries()) {
        const start = next[partition] ?? 0;
        const length = plan.runLengths[runs % plan.runLengths.length] ?? 1;
        const run = all.slice(start, start + length);
        next[partition] = start + run.length;
        if (!await pipeline.add({ ...at(partition), records: new RecordList(run) }, isCurrent)) {
          break;
        }
        if (dropAfter.has(runs++)) drop();
        if (!isCurrent()) break;
      }
    }
    if (isCurrent()) await pipeline.commit("end");
    isDone = isCurrent();
  }
}

/** One run; gives false where it crashed. */
async function runPlanned(outDir: string, topic: PlainTopic, plan: RunPlan): Promise<boolean> {
  const hooks = new DisturbingHooks(plan);
  const { maxEvents, maxBytes, isAhead } = plan;
  const limits = testLimits({ maxEvents, maxBytes, isAhead });
  // The commit at the end sees a failure of an earlier one too.
  const options = testSession(outDir, { hooks, limits, onFailure: () => {} });
  try {
    await using session = await LakeSession.open(options);
    await feed(session, topic, { ...plan, onDropped: (drop) => hooks.onDrop = drop });
    await session.close();
    return true;
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
    seen.crashes++;
    if (plan.isPowerCut) await hooks.cutPower(outDir);
    return false;
  }
}

/** Everything a reader finds, and what the checkpoint says. */
async function outcomeOf(outDir: string, topic: PlainTopic): Promise<Outcome> {
  using database = new DatabaseSync(`${outDir}/checkpoint.sqlite`, { readOnly: true });
  const query = database.prepare(
    `SELECT next_offset AS nextOffset, published, duplicate, rejected FROM partitions
     WHERE topic = ? AND partition = ?`,
  );
  const partitions = topic.map((_, partition) => {
    const { nextOffset, published, duplicate, rejected } = query.get(TOPIC, partition) ?? {};
    return {
      nextOffset: Number(nextOffset ?? 0),
      published: Number(published ?? 0),
      duplicate: Number(duplicate ?? 0),
      rejected: Number(rejected ?? 0),
    };
  });
  const duplicates = recordedDuplicates(outDir)
    .map(({ partition, offset, eventId }) => `${partition}/${offset} ${eventId}`);
  const [rows, letters] = [await readLake(outDir), await readDeadLetters(outDir)];
  return { rows, letters, partitions, duplicates };
}

function note({ partitions }: Outcome): void {
  for (const { duplicate, rejected } of partitions) {
    seen.duplicates += duplicate;
    seen.letters += rejected;
  }
}

/** Feeds all records again from offset 0: all of them were handled, so nothing may change. */
async function assertReplayChangesNothing(outDir: string, topic: PlainTopic): Promise<void> {
  const before = await outcomeOf(outDir, topic);
  await using session = await LakeSession.open(testSession(outDir));
  const { pipeline } = session;
  const { sequence } = pipeline;
  seen.commits += sequence;
  const counters = structuredClone(pipeline.counters);
  for (const [partition, records] of topic.entries()) {
    await pipeline.add({ topic: TOPIC, partition, records: new RecordList(rawRecords(records)) });
  }
  assert.equal(pipeline.bufferedCount, 0);
  await pipeline.commit("end");
  await session.close();
  assert.equal(pipeline.sequence, sequence);
  assert.deepEqual(pipeline.counters, counters);
  assert.deepEqual(await outcomeOf(outDir, topic), before);
}

Deno.test("whatever is fed, dropped and crashed, the lake ends as the records demand, and a replay changes nothing", async () => {
  const plans = fc.array(runPlans, { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(plainTopics, plans, async (topic, runs) => {
    const outDir = await scratchFolder();
    try {
      for (const plan of runs) await runPlanned(outDir, topic, plan);
      const last = { crash: null, dropAtOperations: [3, 11], dropAfterRuns: [1] };
      const [plan] = runs;
      assert.ok(plan !== undefined && await runPlanned(outDir, topic, { ...plan, ...last }));
      const outcome = await outcomeOf(outDir, topic);
      note(outcome);
      assert.deepEqual(wrongs(topic, outcome), []);
      assert.deepEqual(await strayFiles(outDir), []);
      await assertReplayChangesNothing(outDir, topic);
    } finally {
      await Deno.remove(outDir, { recursive: true });
    }
  });
  const seed = testSeed();
  try {
    // A failure is made smaller for no longer than this: each try is a handful of whole runs.
    await fc.assert(property, { seed, numRuns: 60, interruptAfterTimeLimit: 40_000 });
  } catch (error) {
    throw new Error(`${replayHint(seed)}\n${String(error)}`, { cause: error });
  }
  for (const [name, count] of Object.entries(seen)) {
    // Far below what any seed makes of them: this is to see that the property was tried.
    assert.ok(count >= 20, `${name} happened ${count} times; ${replayHint(seed)}`);
  }
});

Deno.test("the oracle of the property finds a row lost, twice, moved, or out of order", async () => {
  const event = (id: string, microseconds: number) => ({
    kind: "event" as const,
    ...{ id, date: "2026-11-24", microseconds, usuarioId: 1, accion: null, monto: 1, origen: null },
  });
  const topic: PlainTopic = [[event("a", 5), event("b", 7), event("a", 5)]];
  const outDir = await scratchFolder();
  try {
    await using session = await LakeSession.open(testSession(outDir));
    await feed(session, topic, { runLengths: [3], dropAfterRuns: [] });
    const right = await outcomeOf(outDir, topic);
    assert.deepEqual(wrongs(topic, right), []);
    const [a, b] = right.rows, [counts] = right.partitions;
    assert.ok(a !== undefined && b !== undefined && counts !== undefined);
    const damages: Partial<Outcome>[] = [
      { rows: [a] },
      { rows: [a, b, b] },
      { rows: [b, a] },
      { rows: [{ ...a, date: "2026-11-25" }, b] },
      { rows: [{ ...a, kafka_offset: 2n }, b] },
      { rows: [a, { ...b, monto: 2 }] },
      { partitions: [{ ...counts, nextOffset: 2 }] },
      { partitions: [{ ...counts, duplicate: 0 }] },
      { duplicates: [] },
      { duplicates: ["0/2 a", "0/2 a"] },
      { duplicates: ["0/2 b"] },
    ];
    for (const [i, damage] of damages.entries()) {
      assert.notDeepEqual(wrongs(topic, { ...right, ...damage }), [], `damage ${i}`);
    }
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
});
