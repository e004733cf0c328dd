import type { OffsetRange } from "../src/core/commit.ts";
import { metricFamilies } from "../src/core/metrics.ts";
import type { RawRecord } from "../src/core/record.ts";
import { totalOf } from "../src/core/counters.ts";
import type { CommitReport } from "../src/pipeline/commit.ts";
import { LakeSession, type LakeSessionOptions } from "../src/pipeline/lake_session.ts";
import type { Group } from "../src/pipeline/pipeline_parts.ts";
import { type FaultHooks, noFaults, type OperationLabel } from "../src/runtime/operations.ts";
import { eventRecord } from "./core/samples.ts";
import { scratchFolder, testLimits, testSession } from "./crash/lake_run.ts";

/** Where the records of these tests lie. */
export const AT = { topic: "feed", partition: 0 } as const;

/** Records with different events at running offsets. */
export function eventRecords(first: number, count: number): RawRecord[] {
  return Array.from(
    { length: count },
    (_, i) => eventRecord({ event_id: `e${first + i}` }, { offset: BigInt(first + i) }),
  );
}

/** An open lake, with the reports of its commits. */
export interface OpenLake extends AsyncDisposable {
  readonly outDir: string;
  readonly session: LakeSession;
  readonly reports: readonly CommitReport[];
  /** Resolves with the first commit's report. */
  readonly firstCommit: Promise<CommitReport>;
}

/** Opens a lake in a folder of its own, which goes when it is disposed. */
export async function openLake(overrides: Partial<LakeSessionOptions> = {}): Promise<OpenLake> {
  const outDir = await scratchFolder();
  const reports: CommitReport[] = [];
  const first = Promise.withResolvers<CommitReport>();
  const onCommit = (report: CommitReport) => {
    reports.push(report);
    first.resolve(report);
  };
  const session = await LakeSession.open(testSession(outDir, { onCommit, ...overrides }));
  return {
    outDir,
    session,
    reports,
    firstCommit: first.promise,
    [Symbol.asyncDispose]: async () => {
      await session[Symbol.asyncDispose]();
      await Deno.remove(outDir, { recursive: true });
    },
  };
}

/** A promise of something that happens within moments: a test that waits in vain fails, and does not hang. */
export async function soon<T>(promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("waited 10 s in vain")), 10_000);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Limits of which only the given ones are ever reached. */
export function limits(reached: Partial<LakeSessionOptions["limits"]>) {
  return testLimits({ maxEvents: 1_000, maxLatencyMs: 3_600_000, ...reached });
}

/** A group whose answer the test holds back until it gives it. */
export class HeldGroup implements Group {
  readonly acknowledged: { readonly sequence: number; readonly ranges: readonly OffsetRange[] }[] =
    [];
  confirmCount = 0;
  readonly #asked = Promise.withResolvers<void>();
  readonly #answer = Promise.withResolvers<boolean>();
  readonly #onAcknowledge: () => void;

  constructor(onAcknowledge: () => void = () => {}) {
    this.#onAcknowledge = onAcknowledge;
  }

  /** Resolves when a commit asks for the first time. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Answers the commit that waits, and all later ones. */
  answer(isConfirmed: boolean): void {
    this.#answer.resolve(isConfirmed);
  }

  confirmAssignment(): Promise<boolean> {
    this.confirmCount++;
    this.#asked.resolve();
    return this.#answer.promise;
  }

  noteFenced(): void {
    throw new Error("no store of these tests is shared");
  }

  acknowledge(ranges: readonly OffsetRange[], sequence: number): Promise<void> {
    this.acknowledged.push({ ranges, sequence });
    this.#onAcknowledge();
    return Promise.resolve();
  }
}

/** Hooks that tell of each operation before it runs, and, if it succeeds, after it. */
export function watchingHooks(
  watch: (label: OperationLabel, side: "before" | "after", path: string) => void,
): FaultHooks {
  return {
    ...noFaults,
    before: (label, path) => watch(label, "before", path),
    after: (label, path) => watch(label, "after", path),
  };
}

/** What the metrics of a session say at this moment: `received` as exported, and where those records are. */
export function conservation({ pipeline }: LakeSession) {
  const { counters } = pipeline;
  const families = metricFamilies({
    version: "test",
    counters,
    bufferedEvents: pipeline.bufferedCount,
    bufferedBytes: pipeline.bufferedBytes,
    isPaused: pipeline.isCommitting,
    seenIds: 0,
    lastPublishMs: null,
    partitions: pipeline.partitionMetrics(),
    disk: null,
    process: { cpuSeconds: 0, residentBytes: 0, startTimeSeconds: 0 },
  });
  const valueOf = (name: string) =>
    (families.find((family) => family.name === name)?.samples ?? [])
      .reduce((sum, { value }) => sum + value, 0);
  return {
    received: valueOf("orilla_events_received_total"),
    handled: valueOf("orilla_events_published_total") + valueOf("orilla_events_duplicate_total") +
      valueOf("orilla_events_rejected_total") + valueOf("orilla_buffered_events"),
    unpublished: valueOf("orilla_unpublished_records"),
    rejected: totalOf(counters.rejected),
  };
}

/** A failure that can pass later, as the system reports it. */
export function noSpace(): Error {
  return Object.assign(new Error("no space left on the test's disk"), { code: "ENOSPC" });
}
