import { parseArgs } from "node:util";
import { seededRandom } from "../../src/simulation/random.ts";
import { startBroker, uniqueName } from "../kafka/broker.ts";
import { consumeToEnd } from "../kafka/numbered_events.ts";
import { runOrilla } from "../orilla_process.ts";
import { Cast } from "./cast.ts";
import { commitNames, readLakes, type RecordsTwice } from "./lakes.ts";
import { separateFault } from "./separate_faults.ts";
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
const SESSION_MS = 6_000;

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function soak(): Promise<number> {
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  const folder = await Deno.makeTempDir({ prefix: "orilla_soak_" });
  const topic = uniqueName("soak");
  await broker.createTopic(topic, 6);
  say(`soak for ${minutes} min with --seed ${seed}`);
  const traffic = new Traffic({
    bootstrap: broker.bootstrap,
    topic,
    random: seededRandom(seed + 1),
  });
  const cast = new Cast({
    names: ["a", "b", "c"],
    caseOf: (name) => ({
      bootstrap: broker.bootstrap,
      topic,
      outDir: `${folder}/${name}`,
      args: ["--session-timeout-ms", String(SESSION_MS), "--log-level", "debug"],
      limitMs: 2 * minutes * 60_000 + 600_000,
    }),
    logFolder: folder,
    random,
    sessionMs: SESSION_MS,
    waitsForAssignment: true,
  });
  const stage = { cast, broker, random, sessionMs: SESSION_MS };
  const end = Date.now() + minutes * 60_000;
  await cast.join();
  while (Date.now() < end) {
    await traffic.send(300);
    if (random() < 0.15) say(`  ${new Date().toISOString()} ${await separateFault(stage)}`);
    await delay(100);
  }
  await cast.finish();
  for (const of of cast.instances()) await consumeToEnd(of);
  const code = await verdict(cast, traffic);
  if (code === 0) await Deno.remove(folder, { recursive: true });
  else say(`the lakes and the consumers' logs are in ${folder}`);
  return code;
}

function countOf(records: readonly RecordsTwice[]): number {
  return records.reduce((sum, { count }) => sum + count, 0);
}

async function verdict(cast: Cast, traffic: Traffic): Promise<number> {
  const outDirs = cast.instances().map(({ outDir }) => outDir);
  const lakes = await readLakes(outDirs);
  const lost = [...traffic.acknowledgedIds].filter((id) => !lakes.lakesOfId.has(id)).length;
  const foreign = [...lakes.lakesOfId.keys()].filter((id) => !traffic.sentIds.has(id)).length;
  let unsound = 0;
  for (const outDir of outDirs) {
    unsound += (await runOrilla(["verify", "--out-dir", outDir])).code === 0 ? 0 : 1;
  }
  say(
    `events: ${traffic.acknowledgedIds.size} acknowledged, ${traffic.repeatedCount} sent again on purpose, ` +
      `${traffic.uncertainCount} sent again after an error, ${traffic.invalidCount} invalid ` +
      `(${lakes.deadLetterCount} dead letters)`,
  );
  say(
    `copies: ${lakes.idsInTwoLakes} ids were sent again after their partition had moved to an instance with ` +
      `another checkpoint (README, Guarantees)`,
  );
  say(
    `faults: ${
      Object.entries(cast.happened).map(([name, count]) => `${name} ${count}`).join(", ")
    }`,
  );
  const sleptOver = await cast.sleptOver();
  const isSleptOver = ({ commits }: RecordsTwice) =>
    commits.some(({ name, sequence }) =>
      sleptOver.some((commit) => commit.name === name && commit.sequence === sequence)
    );
  say(
    `slept over: ${sleptOver.length} commits between transaction and acknowledgement, ` +
      `${
        countOf(lakes.recordsTwice.filter(isSleptOver))
      } records of them published again (README, Guarantees)`,
  );
  const unexplained = lakes.recordsTwice.filter((records) => !isSleptOver(records));
  for (const { commits, count } of unexplained) {
    say(`  ${count} records twice: ${commitNames(commits)}`);
  }
  for (const surprise of cast.surprises) say(surprise);
  const twice = lakes.idsTwiceInOne + countOf(unexplained);
  const isExact = cast.surprises.length === 0 && unsound === 0 && lakes.idsInTwoLakes <=
      traffic.repeatedCount + traffic.uncertainCount &&
    lost + twice + foreign === 0;
  say(
    `${
      isExact ? "EXACT" : "NOT EXACT"
    }: ${lost} lost, ${twice} twice, ${foreign} never sent, ${unsound} unsound lakes (seed ${seed})`,
  );
  return isExact ? 0 : 1;
}

Deno.exit(await soak());
