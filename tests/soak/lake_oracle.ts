import { type LakeFile, lakeFiles } from "../bench/job_truth.ts";
import { readColumns } from "../lake_reader.ts";
import { Bitmap } from "./bitmap.ts";
import { eventOf, idOf, invalidNumberOf, invalidOf, numberOf, partitionOf } from "./soak_events.ts";

/** What was acknowledged: events 0 to eventCount - 1, invalid records 0 to invalidCount - 1. */
export interface SoakTruth {
  readonly eventCount: number;
  readonly invalidCount: number;
  readonly partitionCount: number;
}

/** What the Parquet files of some lakes hold, all together, by a reader that orilla does not use. */
export interface LakeFindings {
  readonly fileCount: number;
  /** Those of them that were merged of others. */
  readonly mergedCount: number;
  readonly rowCount: number;
  readonly letterCount: number;
  /** What is not as it must be, in words; empty where all is exact. */
  readonly problems: readonly string[];
}

const EXAMPLES = 5;

/** Reads all files of the lakes, and holds each row and each dead letter against the truth. */
export async function examineLakes(
  outDirs: readonly string[],
  truth: SoakTruth,
): Promise<LakeFindings> {
  const events = await examineEvents(outDirs, truth);
  const letters = await examineLetters(outDirs, truth);
  return {
    fileCount: events.fileCount + letters.fileCount,
    mergedCount: events.mergedCount,
    rowCount: events.rowCount,
    letterCount: letters.rowCount,
    problems: [...events.problems, ...letters.problems],
  };
}

const LETTER_COLUMNS = ["key", "value", "reason", "partition", "offset"] as const;

function newBitmap(): Bitmap {
  return new Bitmap();
}

interface PartFindings {
  readonly fileCount: number;
  readonly rowCount: number;
  readonly problems: readonly string[];
}

async function examineEvents(
  outDirs: readonly string[],
  truth: SoakTruth,
): Promise<PartFindings & Pick<LakeFindings, "mergedCount">> {
  const seen = new Bitmap();
  const twice = new Examples<number>(), foreign = new Examples<string>();
  const wrong = new Examples<string>();
  let fileCount = 0, mergedCount = 0, rowCount = 0;
  for await (const file of filesOf(outDirs)) {
    fileCount++;
    if (file.path.includes("_merged")) mergedCount++;
    for (const row of await eventRows(file)) {
      rowCount++;
      if (row.id < 0 || row.id >= truth.eventCount) {
        foreign.add(`${row.eventId} ${placeText(row)}`);
        continue;
      }
      if (!seen.add(row.id)) twice.add(row.id);
      if (!isAsProduced(row)) wrong.add(`${row.eventId} ${placeText(row)}`);
    }
  }
  const lost = missingIn(seen, truth.eventCount);
  const places = await locate(outDirs, [
    ...twice.some,
    ...lost.some.flatMap((id) => [id - truth.partitionCount, id + truth.partitionCount]),
  ]);
  const placesText = (id: number) => `${idOf(id)} ${places.get(id)?.join(", ") ?? "nowhere"}`;
  return {
    fileCount,
    mergedCount,
    rowCount,
    problems: [
      ...lost.problem("event ids are lost", (id) => {
        const { partitionCount } = truth;
        const around = [id - partitionCount, id + partitionCount].map(placesText).join("; ");
        return `${idOf(id)} of partition ${partitionOf(id, partitionCount)} (beside it: ${around})`;
      }),
      ...twice.problem("event ids stand more than once", placesText),
      ...foreign.problem("rows were never acknowledged"),
      ...wrong.problem("rows are not as they were produced, or in the folder of another date"),
    ],
  };
}

async function examineLetters(
  outDirs: readonly string[],
  truth: SoakTruth,
): Promise<PartFindings> {
  // A record that was sent again after a lost acknowledgement is there twice, at two positions.
  const seen = new Bitmap(), positions = Array.from({ length: truth.partitionCount }, newBitmap);
  const twice = new Examples<string>(), foreign = new Examples<string>();
  let fileCount = 0, rowCount = 0;
  for await (const file of filesOf(outDirs.map((outDir) => `${outDir}/_dead_letters`))) {
    fileCount++;
    const columns = await readColumns(file.path, LETTER_COLUMNS);
    const [keys = [], values = [], reasons = [], partitions = [], offsets = []] = columns.values();
    for (const [row, bytes] of keys.entries()) {
      rowCount++;
      const key = textOf(bytes), number = invalidNumberOf(key);
      const { value, reason } = invalidOf(Math.max(number, 0));
      const isKnown = number >= 0 && number < truth.invalidCount &&
        textOf(values[row]) === value && reasons[row] === reason;
      const place = `at ${partitions[row]}/${offsets[row]} in ${file.path}`;
      if (isKnown) seen.add(number);
      else foreign.add(`${key} (${reasons[row]}) ${place}`);
      if (!positions[Number(partitions[row])]?.add(Number(offsets[row]))) {
        twice.add(`${key} ${place}`);
      }
    }
  }
  return {
    fileCount,
    rowCount,
    problems: [
      ...missingIn(seen, truth.invalidCount)
        .problem("invalid records are no dead letters", (number) => `x${number}`),
      ...twice.problem("dead letters stand more than once"),
      ...foreign.problem("dead letters are not as they were produced"),
    ],
  };
}

/** A row of the lake, as far as it is looked at. */
interface EventRow {
  readonly eventId: string;
  /** The number in the event_id; -1 for a foreign one. */
  readonly id: number;
  readonly tsMs: number;
  readonly usuarioId: number;
  readonly monto: number;
  readonly partition: number;
  readonly offset: bigint;
  readonly file: LakeFile;
}

const EVENT_COLUMNS = [
  "event_id",
  "ts",
  "usuario_id",
  "monto",
  "kafka_partition",
  "kafka_offset",
] as const;

async function eventRows(file: LakeFile): Promise<EventRow[]> {
  const columns = await readColumns(file.path, EVENT_COLUMNS);
  const [ids = [], times = [], users = [], montos = [], partitions = [], offsets = []] = columns
    .values();
  return ids.map((eventId, row) => ({
    eventId: String(eventId),
    id: numberOf(String(eventId)),
    tsMs: Number(times[row]) / 1_000,
    usuarioId: Number(users[row]),
    monto: Number(montos[row]),
    partition: Number(partitions[row]),
    offset: BigInt(String(offsets[row])),
    file,
  }));
}

function isAsProduced({ id, tsMs, usuarioId, monto, file }: EventRow): boolean {
  const event = eventOf(id);
  return event.tsMs === tsMs && event.usuarioId === usuarioId && event.monto === monto &&
    file.date === new Date(tsMs).toISOString().slice(0, 10);
}

function placeText({ partition, offset, file }: EventRow): string {
  return `at ${partition}/${offset} in ${file.path}`;
}

/** Where the rows with some ids are: all files are read once more, where there is anything to look for. */
async function locate(
  outDirs: readonly string[],
  ids: readonly number[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const places = new Map<number, string[]>();
  if (ids.length === 0) return places;
  const wanted = new Set(ids);
  for await (const file of filesOf(outDirs)) {
    for (const row of await eventRows(file)) {
      if (!wanted.has(row.id)) continue;
      places.set(row.id, [...places.get(row.id) ?? [], placeText(row)]);
    }
  }
  return places;
}

/** Files of the lakes; a lake that is not there has none. */
async function* filesOf(outDirs: readonly string[]): AsyncGenerator<LakeFile> {
  for (const outDir of outDirs) {
    try {
      yield* await lakeFiles(outDir);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function missingIn(seen: Bitmap, count: number): Examples<number> {
  const missing = new Examples<number>();
  if (seen.size === count) return missing;
  for (let number = 0; number < count; number++) if (!seen.has(number)) missing.add(number);
  return missing;
}

const decoder = new TextDecoder();

function textOf(bytes: unknown): string {
  return bytes instanceof Uint8Array ? decoder.decode(bytes) : "";
}

/** How many there are of something, and the first few of them. */
class Examples<T extends string | number> {
  readonly some: T[] = [];
  #count = 0;

  add(example: T): void {
    if (this.#count++ < EXAMPLES) this.some.push(example);
  }

  /** A line on them, none where there are none. */
  problem(what: string, text: (example: T) => string = String): string[] {
    if (this.#count === 0) return [];
    const more = this.#count > this.some.length ? "; …" : "";
    return [`${this.#count} ${what}: ${this.some.map(text).join("; ")}${more}`];
  }
}
