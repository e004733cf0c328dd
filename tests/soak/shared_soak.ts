import { seededRandom } from "../../src/simulation/random.ts";
import { startBroker, uniqueName } from "../kafka/broker.ts";
import { type ConsumerCase, groupOf, runConsumerToEnd } from "../kafka/numbered_events.ts";
import { withAdmin } from "../kafka/topics.ts";
import { openTestStore } from "../stores/test_store.ts";
import { Cast } from "./cast.ts";
import { readSharedSoakOptions } from "./shared_options.ts";
import { sharedFaults, storeFaults } from "./shared_faults.ts";
import { sharedVerdict } from "./shared_verdict.ts";
import { openSoakLake } from "./soak_lake.ts";
import { Stream } from "./stream.ts";

/**
 * Consumers of one group on one lake and one checkpoint store, one of them killed each few seconds, then a
 * verdict by an oracle that knows every acknowledged event:
 * `deno task soak:shared --store postgres [--lake bucket] --minutes 10 --rate 20000 [--auto-compact] [--seed N]`.
 */
const options = readSharedSoakOptions(Deno.args);
const PROGRESS_MS = 30_000;
/** The dates of the events are over. Files of half of the size stay as they are, so that not all is merged again and again. */
const MERGING = ["--auto-compact", "--compact-after", "0", "--target-file-bytes", "2000000"];
/** Several commits a second of each consumer, so that kills fall into all of their steps. */
const BATCHES = ["--batch-max-latency-ms", "500", "--batch-max-events", "20000"];

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function soak(): Promise<number> {
  const { minutes, rate, seed, partitionCount, killEveryMs, killStoreEveryMs, sessionMs } = options;
  await using store = await openTestStore(options.store);
  // Several consumers with checkpoints of their own are not exact when one is killed (README, Guarantees).
  const consumerCount = options.consumerCount ?? (store.isShared ? 3 : 1);
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  const { bootstrap } = broker;
  const folder = await Deno.makeTempDir({ prefix: "orilla_soak_" });
  await using lake = await openSoakLake(options.lake, { folder, isShared: store.isShared });
  const topic = uniqueName("soak");
  await broker.createTopic(topic, partitionCount);
  say(
    `soak on ${options.store} into a ${options.lake}: ${consumerCount} consumers, ${partitionCount} partitions, ${rate} events/s ` +
      `for ${minutes} min, a kill each ${killEveryMs / 1_000} s, --seed ${seed}; in ${folder}`,
  );
  const of: ConsumerCase = {
    ...{ bootstrap, topic, outDir: lake.outDir, lakeArgs: lake.args, batchArgs: BATCHES },
    env: { ...store.envOf(topic), ...lake.env },
    args: ["--session-timeout-ms", String(sessionMs), ...options.isMerging ? MERGING : []],
    limitMs: 2 * minutes * 60_000 + 1_200_000,
  };
  const random = seededRandom(seed);
  const cast = new Cast({
    names: Array.from({ length: consumerCount }, (_, i) => `consumer_${i + 1}`),
    caseOf: () => of,
    logFolder: folder,
    random,
    sessionMs,
    waitsForAssignment: false,
  });
  await using stream = await Stream.connect({
    ...{ bootstrap, topic, partitionCount, rate, seed: seed + 1 },
  });
  while (!cast.isComplete) await cast.join();
  const startMs = Date.now(), endMs = startMs + minutes * 60_000;
  // A broker that cannot say it just now is no reason to end.
  const tell = () =>
    sayProgress(of, { cast, stream, startMs }).catch((error) =>
      say(`  no progress told: ${error}`)
    );
  const progress = setInterval(() => void tell(), PROGRESS_MS);
  await Promise.all([
    stream.run(endMs),
    sharedFaults({ cast, random }, { everyMs: killEveryMs, endMs }),
    ...killStoreEveryMs === null || store.server === null
      ? []
      : [storeFaults({ cast, server: store.server }, { everyMs: killStoreEveryMs, endMs })],
  ]);
  clearInterval(progress);
  await tell();
  await cast.finish();
  const drained = await runConsumerToEnd(of);
  if (drained.code !== 0) {
    cast.surprises.push(`the drain ended with ${drained.code}: ${drained.stderr}`);
  }
  say(`drained after ${Math.round((Date.now() - startMs) / 1_000)} s`);
  const isExact = await sharedVerdict(of, { lake, cast, truth: stream.truth, say });
  say(`${isExact ? "EXACT" : "NOT EXACT"} (seed ${seed})`);
  if (isExact) await Deno.remove(folder, { recursive: true });
  return isExact ? 0 : 1;
}

async function sayProgress(
  { bootstrap, topic }: ConsumerCase,
  { cast, stream, startMs }: {
    readonly cast: Cast;
    readonly stream: Stream;
    readonly startMs: number;
  },
): Promise<void> {
  const seconds = (Date.now() - startMs) / 1_000;
  const { eventCount } = stream.truth;
  const [ends, [ofGroup]] = await withAdmin(bootstrap, (admin) =>
    Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId: groupOf(topic), topics: [topic] }),
    ]));
  const sum = (offsets: readonly string[]) =>
    offsets.reduce((total, offset) => total + Math.max(0, Number(offset)), 0);
  const produced = sum(ends.map(({ high }) => high));
  const acknowledged = sum((ofGroup?.partitions ?? []).map(({ offset }) => offset));
  const count = (value: number) => Math.round(value).toLocaleString("en-US");
  say(
    `  ${count(seconds)} s: ${count(eventCount)} events (${count(eventCount / seconds)}/s), ` +
      `${count(produced)} records, ${count(produced - acknowledged)} behind; ` +
      `${cast.runningCount} run; ${happenedText(cast)}`,
  );
}

function happenedText({ happened }: Cast): string {
  return Object.entries(happened).map(([what, times]) => `${what} ${times}`).join(", ");
}

Deno.exit(await soak());
