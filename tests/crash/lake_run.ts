import { encoderHere } from "../../src/lake/encoder_server.ts";
import { mergeHere } from "../../src/lake/merge.ts";
import { LakeSession, type LakeSessionOptions } from "../../src/pipeline/lake_session.ts";
import type { DeadLetterTopic } from "../../src/pipeline/pipeline_parts.ts";
import { rebuild, type RebuildReport } from "../../src/pipeline/rebuild.ts";
import type { FaultHooks } from "../../src/runtime/operations.ts";
import type { MemoryTopic } from "./memory_topic.ts";

/** A folder for lakes that are written and thrown away: in memory where the system has such a place. */
export async function scratchFolder(): Promise<string> {
  const inMemory = await Deno.stat("/dev/shm").then(({ isDirectory }) => isDirectory, () => false);
  return await Deno.makeTempDir({ prefix: "orilla_", ...(inMemory ? { dir: "/dev/shm" } : {}) });
}

const silent = () => {};

/** Limits of small batches; given ones replace them. */
export function testLimits(
  given: Partial<LakeSessionOptions["limits"]>,
): LakeSessionOptions["limits"] {
  const small = { maxEvents: 40, maxBytes: 1 << 20, maxLatencyMs: 60_000 };
  return { ...small, maxDates: 1_000, maxRecordBytes: 1 << 24, ...given };
}

/** Options of a session that takes small batches, at a standing clock. */
export function testSession(
  outDir: string,
  overrides: Partial<LakeSessionOptions> = {},
): LakeSessionOptions {
  return {
    checkpointDir: outDir,
    ttlMs: 7 * 86_400_000,
    duplicateTtlMs: 7 * 86_400_000,
    limits: testLimits({}),
    version: "test",
    encoder: encoderHere(),
    merge: mergeHere,
    clock: { nowMs: () => 1_795_000_000_000, monotonicMs: () => performance.now() },
    log: { debug: silent, info: silent, warning: silent, error: silent },
    retrying: {
      policy: { attempts: 5, baseMs: 1, capMs: 2, budgetMs: 1_000 },
      clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
      random: () => 0.5,
      sleep: () => Promise.resolve(),
    },
    onFailure: (error) => {
      throw error;
    },
    ...overrides,
  };
}

/** Makes a new checkpoint of the lake's files. */
export function rebuildLake(outDir: string, nowMs = 1_795_000_000_000): Promise<RebuildReport> {
  const { version, log } = testSession(outDir);
  return rebuild({ checkpointDir: outDir, version, log, nowMs, ttlMs: 0 }, () => {});
}

/** Opens the lake, takes in what is not committed of the topic, and closes it. */
export async function runOnce(
  outDir: string,
  { topic, hooks, runLength = 7, overrides = {}, deadLetterTopic }: {
    readonly topic: MemoryTopic;
    readonly hooks?: FaultHooks;
    readonly runLength?: number;
    readonly overrides?: Partial<LakeSessionOptions>;
    readonly deadLetterTopic?: DeadLetterTopic;
  },
): Promise<void> {
  const options = { ...overrides, ...(hooks && { hooks }) };
  await using session = await LakeSession.open(testSession(outDir, options));
  if (deadLetterTopic !== undefined) session.pipeline.sendDeadLettersTo(deadLetterTopic);
  await topic.feed(session, runLength);
  await session.close();
}

/** Copies what is in a folder into another one. */
export async function copyFolder(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (!isDirectory) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
    else {
      await Deno.mkdir(`${to}/${name}`);
      await copyFolder(`${from}/${name}`, `${to}/${name}`);
    }
  }
}
