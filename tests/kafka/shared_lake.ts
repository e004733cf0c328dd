import assert from "node:assert/strict";
import type { Message } from "kafkajs";
import type { Random } from "../../src/simulation/random.ts";
import { type OrillaProcess, runOrilla } from "../orilla_process.ts";
import { withAdmin } from "./topics.ts";
import { type ConsumerCase, lakeArguments, numberedEvents, unionOf } from "./numbered_events.ts";

const SIGTERM_CODE = 128 + 15;

/** Events of which each fiftieth comes a second time, with another key: mostly in another partition. */
export function withCopies(from: number, count: number): Message[] {
  const events = numberedEvents(from, count);
  const copies = events.filter((_, i) => i % 50 === 0)
    .map(({ value, key }, i): Message => ({ value, key: `copy ${i} of ${key}` }));
  return [...events, ...copies];
}

/**
 * Expects the one lake of several consumers to hold e0 to e{count - 1}, each once, by its files alone; then by its
 * checkpoint.
 *
 * @param folder where its files lie
 */
export async function expectOneLake(
  of: ConsumerCase,
  { count, copyCount, folder = of.outDir }: {
    readonly count: number;
    readonly copyCount: number;
    readonly folder?: string;
  },
): Promise<void> {
  const { copies } = await unionOf([folder]);
  const missing = Array.from({ length: count }, (_, i) => `e${i}`).filter((id) => !copies.has(id));
  const repeated = [...copies].filter(([, n]) => n > 1).map(([id]) => id);
  const what = { missing: missing.length, repeated: repeated.length, total: copies.size };
  assert.deepEqual(what, { missing: 0, repeated: 0, total: count }, `${missing[0]} ${repeated[0]}`);
  const env = of.env ?? {};
  const { code, stdout } = await runOrilla(["verify", "--json", ...lakeArguments(of)], { env });
  const report = JSON.parse(stdout);
  assert.equal(code, 0, stdout);
  assert.deepEqual([report.eventCount, report.seenIdCount, report.findings], [count, count, []]);
  const status = await runOrilla(["status", "--json", ...lakeArguments(of)], { env });
  const { counters } = JSON.parse(status.stdout);
  const ends = await withAdmin(of.bootstrap, (admin) => admin.fetchTopicOffsets(of.topic));
  const recordCount = ends.reduce((sum, { high }) => sum + Number(high), 0);
  // Where a broker is slow to answer the producer sends again what is there already.
  assert.ok(recordCount >= count + copyCount, `${recordCount} records`);
  const { received, published, duplicate } = counters;
  // Everything was handled once: nothing is read again that was committed.
  const must = [recordCount, count, recordCount - count];
  assert.deepEqual([received, published, duplicate], must, status.stdout);
}

/** Kills, ends or pauses one of the consumers; whoever ended has a successor. */
export async function trouble(
  consumers: OrillaProcess[],
  start: () => OrillaProcess,
  random: Random,
): Promise<void> {
  const at = Math.floor(random() * consumers.length);
  const consumer = consumers[at];
  if (consumer === undefined) return;
  const isEnded = await Promise.race([
    consumer.result.then(() => true),
    delay(1_000 + 2_000 * random()).then(() => false),
  ]);
  if (isEnded) {
    const { code, stderr } = await consumer.result;
    throw new Error(`A consumer ended by itself with exit code ${code}; it wrote:\n${stderr}`);
  }
  const what = random();
  if (what < 0.3) {
    consumer.kill("SIGSTOP");
    await delay(6_000);
    consumer.kill("SIGCONT");
    return;
  }
  consumer.kill(what < 0.8 ? "SIGKILL" : "SIGTERM");
  await consumer.result;
  consumers[at] = start();
}

/** Ends all of them in good order. */
export async function endAll(consumers: readonly OrillaProcess[]): Promise<void> {
  for (const consumer of consumers) consumer.kill("SIGTERM");
  for (const consumer of consumers) {
    const { code, stderr } = await consumer.result;
    // Where the machine is slow the drain may reach its limit; one that has just begun knows no signals yet.
    if (code !== 0 && code !== SIGTERM_CODE) assert.match(stderr, /the drain took longer/);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
