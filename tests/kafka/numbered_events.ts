import assert from "node:assert/strict";
import { CompressionTypes, type Message, Partitioners } from "kafkajs";
import { registerCodecs } from "../../src/kafka/codecs.ts";
import { readDeadLetters, readLake, strayFiles } from "../lake_reader.ts";
import {
  type OrillaOptions,
  type OrillaProcess,
  type OrillaResult,
  runOrilla,
  spawnOrilla,
} from "../orilla_process.ts";
import { testClient, withAdmin } from "./topics.ts";

/** Events e{from} to e{from + count - 1}, keyed by their ids. */
export function numberedEvents(from: number, count: number): Message[] {
  return Array.from({ length: count }, (_, i) => {
    const id = from + i;
    const ts = `2026-11-2${id % 3}T10:00:00Z`;
    return { key: `e${id}`, value: JSON.stringify({ event_id: `e${id}`, ts, usuario_id: id }) };
  });
}

/** Produces messages with acks=all. */
export async function send(
  bootstrap: string,
  { topic, messages, compression = CompressionTypes.None }: {
    readonly topic: string;
    readonly messages: readonly Message[];
    readonly compression?: CompressionTypes;
  },
): Promise<void> {
  registerCodecs();
  const producer = testClient(bootstrap).producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    // One partition of a fresh topic may refuse what others took; what is sent again then is not written twice.
    idempotent: true,
  });
  await producer.connect();
  for (let at = 0; at < messages.length; at += 5_000) {
    await producer.send({ topic, acks: -1, compression, messages: messages.slice(at, at + 5_000) });
  }
  await producer.disconnect();
}

/** How an instance of a consumer runs in these tests. */
export interface ConsumerCase {
  readonly bootstrap: string;
  readonly topic: string;
  readonly outDir: string;
  /** Flags that every command on the lake has beside --out-dir. */
  readonly lakeArgs?: readonly string[];
  readonly args?: readonly string[];
  /** Flags of its batches; small ones where they are left out. */
  readonly batchArgs?: readonly string[];
  /** See `OrillaOptions`. */
  readonly env?: Readonly<Record<string, string>>;
  /** See `OrillaOptions`. */
  readonly limitMs?: number;
}

/** The consumer group that a topic is read with. */
export function groupOf(topic: string): string {
  return `group-${topic}`;
}

/** Flags that a command finds the lake by. */
export function lakeArguments({ outDir, lakeArgs = [] }: ConsumerCase): readonly string[] {
  return ["--out-dir", outDir, ...lakeArgs];
}

function consumerArguments(of: ConsumerCase): string[] {
  const { bootstrap, topic, args = [] } = of;
  const kafka = [
    "--bootstrap-servers",
    bootstrap,
    "--topic",
    topic,
    "--group-id",
    groupOf(topic),
  ];
  return ["consumer", ...kafka, ...lakeArguments(of), ...args];
}

const SMALL_BATCHES = ["--batch-max-latency-ms", "200", "--batch-max-events", "1000"];

/** Starts a consumer. */
export function startConsumer(of: ConsumerCase): OrillaProcess {
  const args = [...of.batchArgs ?? SMALL_BATCHES, ...of.args ?? []];
  return spawnOrilla(consumerArguments({ ...of, args }), processOptions(of));
}

function processOptions({ env, limitMs }: ConsumerCase): OrillaOptions {
  return {
    ...(env === undefined ? {} : { env }),
    ...(limitMs === undefined ? {} : { limitMs }),
  };
}

/** Consumes what is in the topic, however that ends. */
export function runConsumerToEnd(of: ConsumerCase): Promise<OrillaResult> {
  const args = ["--until-end", ...of.args ?? []];
  return runOrilla(consumerArguments({ ...of, args }), processOptions(of));
}

/** Consumes what is in the topic, and expects that to work. */
export async function consumeToEnd(of: ConsumerCase): Promise<OrillaResult> {
  const result = await runConsumerToEnd(of);
  assert.equal(result.code, 0, result.stderr);
  return result;
}

/** Runs a consumer that must refuse to go on; resolves with what it said. */
export async function consumeRefused(of: ConsumerCase, code: number): Promise<string> {
  const result = await runConsumerToEnd(of);
  assert.equal(result.code, code, result.stderr);
  return result.stderr;
}

/** What a set of lakes holds, all together. */
export interface Union {
  /** How many times each event id is there. */
  readonly copies: ReadonlyMap<string, number>;
  readonly deadLetters: number;
}

export async function unionOf(outDirs: readonly string[]): Promise<Union> {
  const copies = new Map<string, number>();
  let deadLetters = 0;
  for (const outDir of outDirs) {
    for (const { event_id } of await readLake(outDir)) {
      copies.set(event_id, (copies.get(event_id) ?? 0) + 1);
    }
    deadLetters += (await readDeadLetters(outDir)).length;
  }
  return { copies, deadLetters };
}

/** Expects the lakes to hold e0 to e{count - 1}, each once, and each lake to be sound. */
export async function expectExact(outDirs: readonly string[], count: number): Promise<void> {
  const { copies } = await unionOf(outDirs);
  const missing = Array.from({ length: count }, (_, i) => `e${i}`).filter((id) => !copies.has(id));
  const repeated = [...copies].filter(([, n]) => n > 1).map(([id]) => id);
  const what = { missing: missing.length, repeated: repeated.length, total: copies.size };
  assert.deepEqual(what, { missing: 0, repeated: 0, total: count }, `${missing[0]} ${repeated[0]}`);
  for (const outDir of outDirs) {
    assert.deepEqual(await strayFiles(outDir), []);
    const { code, stdout } = await runOrilla(["verify", "--out-dir", outDir]);
    assert.equal(code, 0, stdout);
  }
}

/** The group's committed offsets, by partition. */
export async function groupOffsets(bootstrap: string, topic: string): Promise<Map<number, bigint>> {
  const [ofTopic] = await withAdmin(
    bootstrap,
    (admin) => admin.fetchOffsets({ groupId: `group-${topic}`, topics: [topic] }),
  );
  return new Map(ofTopic?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
}

/** A folder that is removed at the end. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "orilla_kafka_" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
