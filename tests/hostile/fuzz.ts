import { parseArgs } from "node:util";
import { seededRandom } from "../../src/simulation/random.ts";
import { fuzzRound, hostileRecords } from "./fuzz_round.ts";

/** `deno task fuzz --records 100000 --seed 1`: random hostile records through the whole pipeline. */
const { values } = parseArgs({
  options: {
    records: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const recordCount = Number(values.records), firstSeed = Number(values.seed);
if (!Number.isSafeInteger(recordCount) || recordCount < 1 || !Number.isSafeInteger(firstSeed)) {
  throw new RangeError("Cannot read --records or --seed: expected whole numbers");
}

/** Each round has a lake of its own, and a seed of its own, which repeats it: --records 20000 --seed SEED. */
const RECORDS_A_ROUND = 20_000;
const totals = { received: 0, published: 0, duplicate: 0, rejected: 0, commits: 0 };
const reasons = new Map<string, number>();
let mostMemory = 0;

for (let done = 0, seed = firstSeed; done < recordCount; done += RECORDS_A_ROUND, seed++) {
  const count = Math.min(RECORDS_A_ROUND, recordCount - done);
  const result = await round(seed, count);
  totals.received += count;
  totals.published += result.published;
  totals.duplicate += result.duplicate;
  totals.rejected += result.rejected;
  totals.commits += result.commits;
  for (const [reason, n] of Object.entries(result.reasons)) {
    reasons.set(reason, (reasons.get(reason) ?? 0) + n);
  }
  mostMemory = Math.max(mostMemory, Deno.memoryUsage().rss);
  report(`seed ${seed}: ${totals.received} of ${recordCount} records`);
}
report(JSON.stringify({ ...totals, megabytes: Math.round(mostMemory / 1e6) }));
report(JSON.stringify(Object.fromEntries([...reasons].sort())));

async function round(seed: number, count: number) {
  try {
    return await fuzzRound(hostileRecords(seededRandom(seed), count), { seed });
  } catch (error) {
    throw new Error(`Repeat with --records ${count} --seed ${seed}`, { cause: error });
  }
}

function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
