import { DeadLetterCipher } from "../../src/lake/dead_letter_cipher.ts";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { repairedLetters } from "../../src/pipeline/letters_to_replay.ts";
import { replayIntoLake } from "../../src/pipeline/replay.ts";
import { verify } from "../../src/pipeline/verify.ts";
import type { Origin } from "../../src/core/record.ts";
import type { FaultHooks } from "../../src/runtime/operations.ts";
import { lakeIn } from "../lake_in.ts";
import { readDeadLetters, readLake, strayFiles } from "../lake_reader.ts";
import { runOnce, testLimits, testSession } from "./lake_run.ts";
import { MemoryTopic } from "./memory_topic.ts";

/** Dead letters of such a lake. */
export const BAD_COUNT = 12;

/** Dead letters at the odd offsets, and events between them. */
export function topicWithLetters(): MemoryTopic {
  const topic = new MemoryTopic(1);
  for (let i = 0; i < BAD_COUNT; i++) {
    const date = "2026-11-20";
    const value = `{"event_id":"e${i}","ts":"${date}","usuario_id":1}`;
    topic.append(0, { value, truth: { kind: "valid", eventId: `e${i}`, date } });
    topic.append(0, { value: `{"event_id":"r${i}"`, truth: { kind: "invalid" } });
  }
  return topic;
}

/** What a repaired dead letter is to become. */
export function repairOf(i: number): { readonly id: string; readonly outcome: string } {
  if (i % 6 === 5) return { id: "", outcome: "rejected" };
  if (i % 6 === 4) return { id: `e${i}`, outcome: "duplicate" };
  if (i % 6 === 3) return { id: `r${i - 1}`, outcome: "duplicate" };
  return { id: `r${i}`, outcome: "published" };
}

/** The dead letters as a script repaired them. */
export async function* repairedLines(): AsyncGenerator<string> {
  for (let i = 0; i < BAD_COUNT; i++) {
    const { id } = repairOf(i);
    const value = JSON.stringify({ event_id: id, ts: `2026-11-2${i % 3}`, usuario_id: i });
    yield await Promise.resolve(
      JSON.stringify({ position: `memory/0/${2 * i + 1}`, attempts: 1, value }),
    );
  }
}

/** A lake with dead letters, made once and copied for each crash. */
export async function lakeWithLetters(outDir: string): Promise<void> {
  await runOnce(outDir, { topic: topicWithLetters() });
}

const LIMITS = testLimits({ maxEvents: 4 });

/** Opens the lake, replays the repaired dead letters, and closes it. */
export async function replayOnce(outDir: string, hooks?: FaultHooks): Promise<void> {
  const overrides = { limits: LIMITS, ...(hooks === undefined ? {} : { hooks }) };
  await using session = await LakeSession.open(testSession(outDir, overrides));
  await replayIntoLake(session, repairedLetters(sourceOf(session), repairedLines()), CONTROL);
  await session.close();
}

/** Of replays that nobody stops. */
export const CONTROL = { stop: new AbortController().signal, onProgress: () => {} };

/** The dead letters of an open lake. */
export function sourceOf({ files, checkpoint }: LakeSession) {
  return {
    cipher: new DeadLetterCipher({ keys: [], retiredIds: [], pseudonymKey: null }),
    files,
    markOf: (letter: Origin) => checkpoint.deadLetters.markOf(letter),
    onProgress: () => {},
    passedOver: { doneCount: 0, rejectedAgainCount: 0 },
  };
}

/** What differs from the lake that an undisturbed replay leaves, in words. */
export async function replayDifferences(outDir: string): Promise<string[]> {
  const found: string[] = [];
  const rows = (await readLake(outDir)).filter(({ event_id }) => event_id.startsWith("r"));
  const ids = rows.map(({ event_id, kafka_offset }) => `${event_id} of ${kafka_offset}`).sort();
  const all = Array.from({ length: BAD_COUNT }, (_, i) => ({ i, ...repairOf(i) }));
  const published = all.filter(({ outcome }) => outcome === "published");
  const expected = published.map(({ i, id }) => `${id} of ${2 * i + 1}`).sort();
  if (ids.join() !== expected.join()) {
    found.push(`rows ${ids.join()} instead of ${expected.join()}`);
  }
  const letters = (await readDeadLetters(outDir)).filter(({ attempts }) => attempts === 2);
  const again = letters.map(({ offset }) => Number(offset)).sort((a, b) => a - b).join();
  const rejected = all.filter(({ outcome }) => outcome === "rejected");
  const expectedAgain = rejected.map(({ i }) => 2 * i + 1).join();
  if (again !== expectedAgain) found.push(`rejected again: ${again} instead of ${expectedAgain}`);
  const marks = inspectCheckpoint(outDir).replays
    .map(({ letter, outcome }) => `${(Number(letter.offset) - 1) / 2} ${outcome}`).sort();
  const expectedMarks = all.map(({ i, outcome }) => `${i} ${outcome}`).sort();
  if (marks.join() !== expectedMarks.join()) found.push(`marks ${marks.join()}`);
  return [...found, ...await findingsOf(outDir)];
}

/** What is not as it was committed, in words. */
export async function findingsOf(outDir: string): Promise<string[]> {
  const { findings } = await verify({ ...lakeIn(outDir), ttlMs: 0 }, () => {});
  // A crash may leave the one, and the next metrics replace it; a rebuild keeps the other.
  const strays = (await strayFiles(outDir)).filter((path) =>
    !/^(metrics\.txt\.new|checkpoint\.old-.*)$/.test(path)
  )
    .map((path) => `stray file ${path}`);
  return [
    ...findings.map(({ kind, subject, detail }) => `${kind} ${subject} ${detail}`),
    ...strays,
  ];
}
