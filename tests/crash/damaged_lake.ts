import assert from "node:assert/strict";
import { RecordList } from "../../src/core/record_list.ts";
import { DatabaseSync } from "node:sqlite";
import { OrillaError } from "../../src/core/errors.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { verify, type VerifyReport } from "../../src/pipeline/verify.ts";
import { Files } from "../../src/runtime/files.ts";
import { SimulatedCrash } from "../../src/runtime/operations.ts";
import { lakeIn } from "../lake_in.ts";
import { readLake } from "../lake_reader.ts";
import { CrashHooks } from "./crash_hooks.ts";
import { runOnce, scratchFolder, testLimits, testSession } from "./lake_run.ts";
import { MemoryTopic } from "./memory_topic.ts";

const TTL_MS = 7 * 86_400_000;

/** Gives the action as many scratch folders as it takes, and removes them afterwards. */
export async function withScratch(
  action: (...outDirs: [string, string]) => Promise<void>,
): Promise<void> {
  const outDirs: [string, string] = [await scratchFolder(), await scratchFolder()];
  try {
    await action(...outDirs);
  } finally {
    for (const outDir of outDirs) await Deno.remove(outDir, { recursive: true });
  }
}

/** Gives the action a folder that a sandboxed orilla can write to, which /dev/shm is not; removes it afterwards. */
export async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "orilla_crash_" });
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** All files below a folder, relative to it, sorted. */
export async function filesOf(root: string, folder = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
    if (isDirectory) paths.push(...await filesOf(root, `${folder}${name}/`));
    else paths.push(`${folder}${name}`);
  }
  return paths.sort();
}

/** Copies a lake as it is at this moment, also under an open session: what a machine finds after `kill -9`. */
export async function copyLake(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) {
      await Deno.mkdir(`${to}/${name}`, { recursive: true });
      await copyLake(`${from}/${name}`, `${to}/${name}`);
    } else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Copies to `to` what a process leaves that is killed after its last commit, without ending in good order. */
export async function killedLake(
  topic: MemoryTopic,
  { outDir, to }: { readonly outDir: string; readonly to: string },
): Promise<void> {
  await using session = await LakeSession.open(testSession(outDir));
  await topic.feed(session, 7);
  await copyLake(outDir, to);
}

/** Runs until a crash before the n-th (from 1; -1 is the last) operation whose name begins so. */
export async function crashBefore(
  outDir: string,
  { topic, prefix, nth }: {
    readonly topic: MemoryTopic;
    readonly prefix: string;
    readonly nth: number;
  },
): Promise<void> {
  const index = await withScratchCopy(outDir, async (copy) => {
    const recorder = new CrashHooks(null);
    await runOnce(copy, { topic, hooks: recorder });
    const all = recorder.operations.flatMap((name, i) => name.startsWith(prefix) ? [i] : []);
    return all[nth < 0 ? all.length + nth : nth - 1] ?? -1;
  });
  assert.ok(index >= 0, `the run has ${prefix} ${nth} times`);
  const hooks = new CrashHooks({ index, side: "before" });
  await assert.rejects(runOnce(outDir, { topic, hooks }), SimulatedCrash);
  assert.ok(hooks.operations.at(-1)?.startsWith(prefix), hooks.operations.at(-1));
}

async function withScratchCopy<T>(outDir: string, action: (copy: string) => Promise<T>) {
  const copy = await scratchFolder();
  try {
    await copyLake(outDir, copy);
    return await action(copy);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

/** Changes a checkpoint from outside. */
export function editCheckpoint(outDir: string, sql: string): void {
  using database = new DatabaseSync(`${outDir}/checkpoint.sqlite`);
  database.exec(sql);
}

/** One value of a checkpoint. */
export function checkpointValue(outDir: string, query: string): string {
  using database = new DatabaseSync(`${outDir}/checkpoint.sqlite`, { readOnly: true });
  return String(Object.values(database.prepare(query).get() ?? {})[0]);
}

/** What orilla says where it will not open a lake: an OrillaError with exit code 3. */
export async function refusal(outDir: string): Promise<string> {
  try {
    await using _session = await LakeSession.open(testSession(outDir));
  } catch (error) {
    assert.ok(error instanceof OrillaError, String(error));
    assert.equal(error.exitCode, 3, error.message);
    return error.message;
  }
  throw new assert.AssertionError({ message: "the lake was opened" });
}

export async function verified(lake: string | Files, ttlMs = TTL_MS): Promise<VerifyReport> {
  return await verify({ ...lakeIn(lake), ttlMs }, () => {});
}

/** Files of a lake in which something happens once, when the reader is at a certain point. */
export class InterruptedFiles extends Files {
  #interruption: (() => Promise<void>) | null;
  readonly #when: "listing" | "missing";

  /** @param when before the first list of a folder, or after the first file that was looked for in vain */
  constructor(
    outDir: string,
    when: "listing" | "missing",
    interruption: () => Promise<void>,
  ) {
    super(outDir);
    this.#when = when;
    this.#interruption = interruption;
  }

  override async list(path: string): Promise<readonly string[]> {
    if (this.#when === "listing") await this.#interrupt();
    return await super.list(path);
  }

  override async exists(path: string): Promise<boolean> {
    const isThere = await super.exists(path);
    if (!isThere && this.#when === "missing") await this.#interrupt();
    return isThere;
  }

  async #interrupt(): Promise<void> {
    const interruption = this.#interruption;
    this.#interruption = null;
    await interruption?.();
  }
}

/** What verify finds, as `kind subject`, sorted. */
export async function findingsOf(lake: string | Files): Promise<string[]> {
  return (await verified(lake)).findings.map(({ kind, subject }) => `${kind} ${subject}`).sort();
}

/** Event ids of the lake, those of several rows as often as they are there, sorted. */
export async function eventIdsOf(outDir: string): Promise<string[]> {
  return (await readLake(outDir)).map(({ event_id }) => event_id).sort();
}

/** Event ids that the topic's records must become. */
export function expectedIds(topic: MemoryTopic): string[] {
  const ids = topic.truths().flatMap((truth) => truth.kind === "valid" ? [truth.eventId] : []);
  return [...new Set(ids)].sort();
}

/** The first published file of a kind. */
export async function firstFile(outDir: string, kind: "events" | "dead_letters"): Promise<string> {
  const found = (await filesOf(outDir)).find((path) => path.includes(`/${kind}_`));
  assert.ok(found !== undefined, `the lake has ${kind}`);
  return found;
}

/** A topic of two partitions that hold the same event. */
function repeatingTopic(): MemoryTopic {
  const repeating = new MemoryTopic(2);
  const value = `{"event_id":"again","ts":"2026-11-20T10:00:00Z","usuario_id":1}`;
  for (const partition of [0, 1]) {
    const truth = { kind: "valid", eventId: "again", date: "2026-11-20" } as const;
    repeating.append(partition, { value, truth });
  }
  return repeating;
}

/** Publishes the same event twice, the second time after a while, when its id counts as unseen. */
export async function publishTwice(
  outDir: string,
  { afterMs, between }: { readonly afterMs: number; readonly between: () => void },
): Promise<void> {
  let nowMs = 1_795_000_000_000;
  const clock = { nowMs: () => nowMs, monotonicMs: () => performance.now() };
  const limits = testLimits({ maxEvents: 1 });
  for (const [partition, entries] of repeatingTopic().partitions.entries()) {
    if (partition === 1) between();
    await using session = await LakeSession.open(testSession(outDir, { clock, limits }));
    const records = entries.map(({ record }) => record);
    await session.pipeline.add({ topic: "memory", partition, records: new RecordList(records) });
    await session.close();
    nowMs += afterMs;
  }
}
