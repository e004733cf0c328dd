import { basename } from "node:path";
import { readDeadLetters, readLake } from "../lake_reader.ts";

/** What the lakes of several instances hold, all together. */
export interface Lakes {
  /** By event id: the lakes that hold it. */
  readonly lakesOfId: ReadonlyMap<string, readonly string[]>;
  /** Ids that one lake holds more than once. */
  readonly idsTwiceInOne: number;
  /** Ids that several lakes hold, from different records. */
  readonly idsInTwoLakes: number;
  /** Records, told by topic-partition and offset, that were published more than once: by which commits, and how many. */
  readonly recordsTwice: ReadonlyMap<string, number>;
  readonly deadLetterCount: number;
}

/** Reads all of them. */
export async function readLakes(outDirs: readonly string[]): Promise<Lakes> {
  const lakesOfId = new Map<string, string[]>();
  const commitsOfRecord = new Map<string, string[]>();
  let deadLetterCount = 0;
  const note = (record: string, outDir: string, file: string) =>
    append(commitsOfRecord, record, `${basename(outDir)} ${basename(file)}`);
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
  const recordsTwice = new Map<string, number>();
  for (const commits of commitsOfRecord.values()) {
    if (commits.length === 1) continue;
    const name = commits.sort().join(" and ");
    recordsTwice.set(name, (recordsTwice.get(name) ?? 0) + 1);
  }
  const repeated = [...lakesOfId.values()].filter(({ length }) => length > 1);
  const idsTwiceInOne = repeated.filter((lakes) => new Set(lakes).size < lakes.length).length;
  const idsInTwoLakes = repeated.length - idsTwiceInOne;
  return { lakesOfId, idsTwiceInOne, idsInTwoLakes, recordsTwice, deadLetterCount };
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [value]);
  else known.push(value);
}
