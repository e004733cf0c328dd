import { parseArgs } from "node:util";
import { seededRandom } from "../../src/simulation/random.ts";
import { startBroker, uniqueName } from "../kafka/broker.ts";
import { consumeToEnd, temporaryFolder, unionOf } from "../kafka/numbered_events.ts";
import { runOrilla } from "../orilla_process.ts";
import { Cast } from "./cast.ts";
import { Traffic } from "./traffic.ts";

/**
 * Producers, consumers and random faults for some minutes, then a verdict by an oracle that knows every
 * acknowledged event: `deno task soak --minutes 10 [--seed N]`.
 */
const { values } = parseArgs({
  options: { minutes: { type: "string", default: "2" }, seed: { type: "string" } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const random = seededRandom(seed);

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function soak(): Promise<number> {
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  await using folder = await temporaryFolder();
  const topic = uniqueName("soak");
  await broker.createTopic(topic, 6);
  say(`soak for ${minutes} min with --seed ${seed}`);
  const traffic = new Traffic({
    bootstrap: broker.bootstrap,
    topic,
    random: seededRandom(seed + 1),
  });
  const cast = new Cast({ broker, topic, folder: folder.path, random });
  const end = Date.now() + minutes * 60_000;
  await cast.begin();
  while (Date.now() < end) {
    await traffic.send(300);
    if (random() < 0.15) say(await cast.fault());
    await delay(100);
  }
  await cast.finish();
  for (const of of cast.instances()) await consumeToEnd(of);
  return await verdict(cast, traffic);
}

async function verdict(cast: Cast, traffic: Traffic): Promise<number> {
  const outDirs = cast.instances().map(({ outDir }) => outDir);
  const { copies, deadLetters } = await unionOf(outDirs);
  const lost = [...traffic.acknowledgedIds].filter((id) => !copies.has(id)).length;
  const twice = [...copies.values()].filter((n) => n > 1).length;
  const foreign = [...copies.keys()].filter((id) => !traffic.sentIds.has(id)).length;
  let unsound = 0;
  for (const outDir of outDirs) {
    unsound += (await runOrilla(["verify", "--out-dir", outDir])).code === 0 ? 0 : 1;
  }
  say(
    `events: ${traffic.acknowledgedIds.size} acknowledged, ${traffic.repeatedCount} sent again on purpose, ` +
      `${traffic.uncertainCount} sent again after an error, ${traffic.invalidCount} invalid (${deadLetters} dead letters)`,
  );
  say(
    `faults: ${Object.entries(cast.faults).map(([name, count]) => `${name} ${count}`).join(", ")}`,
  );
  for (const surprise of cast.surprises) say(surprise);
  const isExact = cast.surprises.length === 0 && lost === 0 && twice === 0 && foreign === 0 &&
    unsound === 0;
  say(
    `${
      isExact ? "EXACT" : "NOT EXACT"
    }: ${lost} lost, ${twice} twice, ${foreign} never sent, ${unsound} unsound lakes (seed ${seed})`,
  );
  return isExact ? 0 : 1;
}

Deno.exit(await soak());
