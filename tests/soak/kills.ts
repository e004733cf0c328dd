import { parseArgs } from "node:util";
import { seededRandom } from "../../src/simulation/random.ts";
import { startBroker, uniqueName } from "../kafka/broker.ts";
import { compareWithTruth, generateRecords, produce } from "../kafka/ground_truth.ts";
import { consumeToEnd, startConsumer, temporaryFolder } from "../kafka/numbered_events.ts";

/** Kills a consumer with SIGKILL at random moments, again and again, then compares its lake with the truth. */
const { values } = parseArgs({
  options: { runs: { type: "string", default: "20" }, seed: { type: "string" } },
});
const runs = Number(values.runs);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const random = seededRandom(seed);

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
await using folder = await temporaryFolder();
const { bootstrap } = broker;
const topic = uniqueName("kills");
await broker.createTopic(topic, 4);
const truth = await produce(generateRecords({ count: runs * 8_000, seed }), { bootstrap, topic });
const of = { topic, bootstrap, outDir: `${folder.path}/lake` };
let afterCommits = 0;
for (let run = 0; run < runs; run++) {
  await using consumer = startConsumer({ ...of, args: ["--session-timeout-ms", "1000"] });
  await consumer.untilStderr(/"assigned"/);
  await new Promise((resolve) => setTimeout(resolve, random() * 800));
  consumer.kill("SIGKILL");
  const { stderr } = await consumer.result;
  if (stderr.includes('"committed"')) afterCommits++;
}
const { stdout } = await consumeToEnd(of);
const differences = await compareWithTruth(of.outDir, truth);
say(
  `${runs} kills (seed ${seed}), ${afterCommits} of them after a commit of that run; left for the last run: ` +
    `${/received +([\d,]+)/.exec(stdout)?.[1]} of ${truth.recordCount}`,
);
say(
  differences.length === 0
    ? "EXACT: nothing lost, nothing twice"
    : `NOT EXACT:\n${differences.join("\n")}`,
);
Deno.exitCode = differences.length === 0 ? 0 : 1;
