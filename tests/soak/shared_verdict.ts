import { type ConsumerCase, lakeArguments } from "../kafka/numbered_events.ts";
import { withAdmin } from "../kafka/topics.ts";
import { runOrilla } from "../orilla_process.ts";
import type { Cast } from "./cast.ts";
import { examineLakes, type SoakTruth } from "./lake_oracle.ts";
import type { SoakLake } from "./soak_lake.ts";

/** A lake of millions of events takes its time to be read. */
const LIMIT_MS = 3_600_000;

/**
 * Whether a drained lake is exact: all acknowledged events once each, the invalid records as dead letters, by
 * the files themselves; `orilla verify` agrees; the counters add up to what the topic holds; and no consumer
 * ended by itself. Says what it found.
 */
export async function sharedVerdict(
  of: ConsumerCase,
  { lake, cast, truth, say }: {
    readonly lake: SoakLake;
    readonly cast: Cast;
    readonly truth: SoakTruth;
    readonly say: (text: string) => void;
  },
): Promise<boolean> {
  const { fileCount, mergedCount, rowCount, letterCount, problems } = await examineLakes(
    [await lake.filesFolder()],
    truth,
  );
  say(
    `acknowledged: ${truth.eventCount} events, ${truth.invalidCount} invalid records; in ${fileCount} files (${mergedCount} merged): ` +
      `${rowCount} rows, ${letterCount} dead letters`,
  );
  const found = [
    ...problems,
    ...await verifyProblems(of),
    ...await counterProblems(of, { eventCount: truth.eventCount, letterCount, say }),
    ...cast.surprises,
  ];
  for (const problem of found) say(`WRONG: ${problem}`);
  return found.length === 0;
}

async function verifyProblems(of: ConsumerCase): Promise<string[]> {
  const { code, stdout, stderr } = await runOrilla(["verify", ...lakeArguments(of)], {
    env: of.env ?? {},
    limitMs: LIMIT_MS,
  });
  return code === 0 ? [] : [`orilla verify ended with ${code}:\n${stdout}${stderr}`];
}

/** What status says of a lake, as far as it is looked at here. */
interface Status {
  readonly counters: {
    readonly received: number;
    readonly published: number;
    readonly duplicate: number;
    readonly rejected: number;
  };
  readonly staged: { readonly committed: number; readonly uncommitted: number };
}

async function counterProblems(
  of: ConsumerCase,
  { eventCount, letterCount, say }: {
    readonly eventCount: number;
    readonly letterCount: number;
    readonly say: (text: string) => void;
  },
): Promise<string[]> {
  const { bootstrap, topic, env = {} } = of;
  const status = ["status", "--json", ...lakeArguments(of)];
  const { code, stdout, stderr } = await runOrilla(status, { env });
  if (code !== 0) return [`orilla status ended with ${code}: ${stderr}`];
  const { counters, staged }: Status = JSON.parse(stdout);
  const ends = await withAdmin(bootstrap, (admin) => admin.fetchTopicOffsets(topic));
  const recordCount = ends.reduce((sum, { high }) => sum + Number(high), 0);
  const must = {
    received: recordCount,
    published: eventCount,
    duplicate: recordCount - eventCount - letterCount,
    rejected: letterCount,
  };
  const { received, published, duplicate, rejected } = counters;
  const is = { received, published, duplicate, rejected };
  say(`counters: ${JSON.stringify(is)}; staged and never committed: ${staged.uncommitted} files`);
  return [
    ...(JSON.stringify(is) === JSON.stringify(must)
      ? []
      : [`the counters must be ${JSON.stringify(must)}`]),
    ...(staged.committed === 0 ? [] : [`${staged.committed} committed files are not published`]),
  ];
}
