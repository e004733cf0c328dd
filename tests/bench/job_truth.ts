import { readParquetFile } from "../lake_reader.ts";
import type { GeneratedRecord } from "../../src/simulation/event_generator.ts";

/** What must be in a lake once all records of a job are in it, as counts and sums. */
export interface JobTruth {
  readonly recordCount: number;
  readonly invalidCount: number;
  readonly rowCount: number;
  /** Sums over the rows; the number of the id `e17` is 17. */
  readonly idSum: number;
  readonly usuarioIdSum: number;
  /** The sum of monto in hundredths. */
  readonly montoCents: number;
  /** Null where the dates depend on when the records were made. */
  readonly rowsByDate: Readonly<Record<string, number>> | null;
}

/** A file of the lake. */
export interface LakeFile {
  readonly path: string;
  /** The date of its folder. */
  readonly date: string;
}

/** Counts and sums over events; one that was there already changes nothing. */
class EventSums {
  rowCount = 0;
  idSum = 0;
  usuarioIdSum = 0;
  montoCents = 0;
  readonly rowsByDate: Record<string, number> = {};
  /** A byte for each id number: 1 where it was there. */
  #seen = new Uint8Array(1 << 20);

  /** Returns whether the id is there for the first time. */
  add(row: {
    readonly event_id: string;
    readonly usuario_id: number;
    readonly monto: number;
    readonly date: string;
  }): boolean {
    const id = Number(/^e(\d+)$/.exec(row.event_id)?.[1] ?? NaN);
    if (!Number.isSafeInteger(id)) throw new Error(`Nobody produced the event id ${row.event_id}`);
    if (!this.#isFirst(id)) return false;
    this.rowCount++;
    this.idSum += id;
    this.usuarioIdSum += row.usuario_id;
    this.montoCents += Math.round(row.monto * 100);
    this.rowsByDate[row.date] = (this.rowsByDate[row.date] ?? 0) + 1;
    return true;
  }

  #isFirst(id: number): boolean {
    if (id >= this.#seen.length) {
      const larger = new Uint8Array(2 * id);
      larger.set(this.#seen);
      this.#seen = larger;
    }
    const isFirst = this.#seen[id] === 0;
    this.#seen[id] = 1;
    return isFirst;
  }
}

/** Adds up what must become of records; it reads them itself, by none of orilla's code. */
export class TruthCounter {
  #recordCount = 0;
  #recordBytes = 0;
  #invalidCount = 0;
  readonly #sums = new EventSums();

  count({ key, value }: GeneratedRecord): void {
    this.#recordCount++;
    this.#recordBytes += key.length + value.length;
    const event = validEvent(value);
    if (event === null) this.#invalidCount++;
    else this.#sums.add({ ...event, monto: event.monto ?? 0, date: event.ts.slice(0, 10) });
  }

  /** Bytes of the keys and values of all records. */
  get recordBytes(): number {
    return this.#recordBytes;
  }

  /** @param hasDates false where the records are not the very ones, but those of another moment */
  truth({ hasDates = true } = {}): JobTruth {
    return {
      ...totalsOf(this.#sums),
      recordCount: this.#recordCount,
      invalidCount: this.#invalidCount,
      rowsByDate: hasDates ? this.#sums.rowsByDate : null,
    };
  }
}

/** The truth of all these records. */
export function truthOf(
  records: Iterable<GeneratedRecord>,
  dates?: { hasDates: boolean },
): JobTruth {
  const counter = new TruthCounter();
  for (const record of records) counter.count(record);
  return counter.truth(dates);
}

/** All published files of a lake, by name. */
export async function lakeFiles(outDir: string): Promise<LakeFile[]> {
  const files: LakeFile[] = [];
  for await (const { name: folder } of Deno.readDir(outDir)) {
    const date = /^date=(\d{4}-\d\d-\d\d)$/.exec(folder)?.[1];
    if (date === undefined) continue;
    for await (const { name } of Deno.readDir(`${outDir}/${folder}`)) {
      files.push({ path: `${outDir}/${folder}/${name}`, date });
    }
  }
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/**
 * Compares a lake with what must be in it.
 *
 * @param outDirs one lake, or several whose union is compared
 * @param onRow told of each row: the time it happened, in milliseconds since 1970-01-01 UTC, and its file
 * @returns what differs, in words; empty where all is exact
 */
export async function differences(
  outDirs: string | readonly string[],
  truth: JobTruth,
  onRow: (tsMs: number, file: LakeFile) => void = () => {},
): Promise<string[]> {
  const sums = new EventSums();
  let twice = 0, misplaced = 0;
  const lakes = [outDirs].flat();
  for (const file of (await Promise.all(lakes.map(lakeFiles))).flat()) {
    for (const { event_id, usuario_id, monto, ts } of await readParquetFile(file.path)) {
      const tsMs = Number(ts) / 1000;
      const date = new Date(tsMs).toISOString().slice(0, 10);
      const row = {
        event_id: String(event_id),
        usuario_id: Number(usuario_id),
        monto: Number(monto),
      };
      if (!sums.add({ ...row, date })) twice++;
      if (date !== file.date) misplaced++;
      onRow(tsMs, file);
    }
  }
  let invalidCountThere = 0;
  for (const outDir of lakes) invalidCountThere += await deadLetterCount(outDir);
  const is = { ...totalsOf(sums), invalidCount: invalidCountThere, twice, misplaced };
  const { rowCount, idSum, usuarioIdSum, montoCents, invalidCount } = truth;
  const must = { rowCount, idSum, usuarioIdSum, montoCents, invalidCount, twice: 0, misplaced: 0 };
  return [
    ...compared(is, must),
    ...truth.rowsByDate === null ? [] : compared({ ...sums.rowsByDate }, truth.rowsByDate),
  ];
}

function totalsOf({ rowCount, idSum, usuarioIdSum, montoCents }: EventSums) {
  return { rowCount, idSum, usuarioIdSum, montoCents };
}

async function deadLetterCount(outDir: string): Promise<number> {
  const folder = `${outDir}/_dead_letters`;
  const hasSome = [...Deno.readDirSync(outDir)].some(({ name }) => name === "_dead_letters");
  let count = 0;
  for (const { path } of hasSome ? await lakeFiles(folder) : []) {
    count += (await readParquetFile(path)).length;
  }
  return count;
}

function compared(
  is: Readonly<Record<string, number>>,
  must: Readonly<Record<string, number>>,
): string[] {
  return [...new Set([...Object.keys(is), ...Object.keys(must)])]
    .filter((name) => is[name] !== must[name])
    .map((name) => `${name} is ${is[name] ?? "missing"} instead of ${must[name] ?? "missing"}`);
}

interface ValidEvent {
  readonly event_id: string;
  readonly ts: string;
  readonly usuario_id: number;
  readonly monto: number | null;
}

/** The event where a generated record holds a valid one, null where it was spoilt. */
function validEvent(bytes: Uint8Array): ValidEvent | null {
  const value = parsed(bytes);
  if (typeof value !== "object" || value === null) return null;
  const { event_id, ts, usuario_id, accion, monto }: Record<string, unknown> = { ...value };
  const hasTexts = typeof event_id === "string" && typeof ts === "string" &&
    ["click", "view", "purchase"].some((known) => known === accion);
  if (!hasTexts || Number.isNaN(Date.parse(ts)) || typeof usuario_id !== "number") return null;
  if (monto !== null && !(typeof monto === "number" && monto >= 0)) return null;
  return { event_id, ts, usuario_id, monto };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
}
