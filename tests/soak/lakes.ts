import { basename } from "node:path";
import { parseFileName } from "../../src/core/lake_path.ts";
import type { CommitOf } from "./cast.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";

/** What the lakes of several instances hold, all together. */
export interface Lakes {
  /** By event id: the lakes that hold it. */
  readonly lakesOfId: ReadonlyMap<string, readonly string[]>;
  /** Ids that one lake holds more than once. */
  readonly idsTwiceInOne: number;
  /** Ids that several lakes hold, from different records. */
  readonly idsInTwoLakes: number;
  /** Records, told by topic-partition and offset, that were published more than once. */
  readonly recordsTwice: readonly RecordsTwice[];
  readonly deadLetterCount: number;
}

/** Records that the same commits published. */
export interface RecordsTwice {
  readonly commits: readonly CommitOf[];
  readonly count: number;
}

/** Reads all of them. */
export async function readLakes(outDirs: readonly string[]): Promise<Lakes> {
  const lakesOfId = new Map<string, string[]>();
  const commitsOfRecord = new Map<string, CommitOf[]>();
  let deadLetterCount = 0;
  const note = (record: string, outDir: string, file: string) => {
    const sequence = parseFileName(basename(file))?.sequence ?? 0;
    append(commitsOfRecord, record, { name: basename(outDir), sequence });
  };
  for (const outDir of outDirs) {
    for (const { event_id, kafka_partition, kafka_offset, file } of await readLake(outDir)) {
      append(lakesOfId, event_id, outDir);
      note(`${kafka_partition}/${kafka_offset}`, outDir, file);
    }
    for (const { partition, offset, file } of await readDeadLetters(outDir)) {
      deadLetterCount++;
      note(`${partition}/${offset}`, outDir, file);
    }
  }
  const repeatedRecords = [...commitsOfRecord.values()].filter(({ length }) => length > 1);
  const recordsTwice = [...Map.groupBy(repeatedRecords, commitNames).values()].map((group) => ({
    commits: group[0] ?? [],
    count: group.length,
  }));
  const repeated = [...lakesOfId.values()].filter(({ length }) => length > 1);
  const idsTwiceInOne = repeated.filter((lakes) => new Set(lakes).size < lakes.length).length;
  const idsInTwoLakes = repeated.length - idsTwiceInOne;
  return { lakesOfId, idsTwiceInOne, idsInTwoLakes, recordsTwice, deadLetterCount };
}

/** The commits in words, always in the same order. */
export function commitNames(commits: readonly CommitOf[]): string {
  return commits.map(({ name, sequence }) => `${name}'s commit ${sequence}`).sort().join(" and ");
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}
