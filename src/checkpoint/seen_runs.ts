import type { DatabaseSync, StatementSync } from "node:sqlite";
import { damagedError } from "../core/errors.ts";
import { countBelow } from "../core/hash_order.ts";
import { HASH_WORDS } from "../core/id_hash.ts";
import { GROUP_CHUNKS, groupFilter, RunFilter, RunLayout } from "./seen_filter.ts";

/**
 * A run is hashes in their order, cut into chunks; a chunk fills one page. `place` is the run times
 * PLACES_A_RUN plus the chunk, or plus the group of chunks that a part of the filter is for.
 */
export const SEEN_TABLES = `
  CREATE TABLE IF NOT EXISTS seen_runs (
    run INTEGER PRIMARY KEY,
    newest_ms INTEGER NOT NULL,
    capacity INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    blocks_a_chunk INTEGER NOT NULL,
    groups_written INTEGER NOT NULL,
    merges_into INTEGER
  );
  CREATE TABLE IF NOT EXISTS seen_chunks (place INTEGER PRIMARY KEY, hashes BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS seen_filters (place INTEGER PRIMARY KEY, words BLOB NOT NULL);
`;

const PLACES_A_RUN = 2 ** 22;
const HASH_BYTES = 16;
/** Hashes that are read on each side of where one should be: four standard deviations of where it is. */
const WINDOW_BEFORE = 64;

/** A run, and its filter in memory. */
export interface Run {
  readonly run: number;
  /** When the newest of its ids was seen: all of them count as seen from then. */
  readonly newestMs: number;
  /** Hashes that it was laid out for: no more than that are in it. */
  readonly capacity: number;
  readonly layout: RunLayout;
  readonly filter: RunFilter;
  /** The groups of it that are there; fewer than all where a merge is writing it. */
  readonly groupsWritten: number;
  /** The run that a merge moves its hashes to, if one does. */
  readonly mergesInto: number | null;
}

/** The runs in the database. All methods that write are called inside a transaction. */
export class RunStore {
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #runs: StatementSync;
  readonly #putRun: StatementSync;
  readonly #deleteRun: StatementSync;
  readonly #chunk: StatementSync;
  readonly #window: StatementSync;
  readonly #chunks: StatementSync;
  readonly #firstChunk: StatementSync;
  readonly #putChunk: StatementSync;
  readonly #deleteChunks: StatementSync;
  readonly #filters: StatementSync;
  readonly #filterSizes: StatementSync;
  readonly #filter: StatementSync;
  readonly #putFilter: StatementSync;
  readonly #deleteFilters: StatementSync;

  constructor(database: DatabaseSync) {
    database.exec(SEEN_TABLES);
    this.#database = database;
    this.#begin = database.prepare("BEGIN");
    this.#end = database.prepare("COMMIT");
    this.#runs = database.prepare("SELECT * FROM seen_runs ORDER BY run");
    this.#putRun = database.prepare(
      "INSERT OR REPLACE INTO seen_runs VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#deleteRun = database.prepare("DELETE FROM seen_runs WHERE run = ?");
    this.#chunk = database.prepare("SELECT hashes FROM seen_chunks WHERE place = ?");
    this.#window = database.prepare(
      `SELECT length(hashes) / ${HASH_BYTES} AS count, substr(
         hashes,
         1 + ${HASH_BYTES} * max(0, CAST(? * (length(hashes) / ${HASH_BYTES}) AS INTEGER) - ${WINDOW_BEFORE}),
         ${HASH_BYTES} * ${2 * WINDOW_BEFORE}
       ) AS hashes FROM seen_chunks WHERE place = ?`,
    );
    this.#chunks = database.prepare(
      "SELECT place, hashes FROM seen_chunks WHERE place BETWEEN ? AND ? ORDER BY place LIMIT ?",
    );
    this.#firstChunk = database.prepare(
      "SELECT min(place) AS place FROM seen_chunks WHERE place BETWEEN ? AND ?",
    );
    this.#putChunk = database.prepare("INSERT OR REPLACE INTO seen_chunks VALUES (?, ?)");
    this.#deleteChunks = database.prepare("DELETE FROM seen_chunks WHERE place BETWEEN ? AND ?");
    this.#filters = database.prepare(
      "SELECT place, words FROM seen_filters WHERE place BETWEEN ? AND ? ORDER BY place",
    );
    this.#filterSizes = database.prepare(
      "SELECT place, length(words) AS size FROM seen_filters WHERE place BETWEEN ? AND ? ORDER BY place",
    );
    this.#filter = database.prepare("SELECT words FROM seen_filters WHERE place = ?");
    this.#putFilter = database.prepare("INSERT INTO seen_filters VALUES (?, ?)");
    this.#deleteFilters = database.prepare("DELETE FROM seen_filters WHERE place BETWEEN ? AND ?");
  }

  /**
   * Reads all runs, and their filters, those of small runs first, as long as they fit in some bytes of memory.
   *
   * @throws OrillaError with exit code 3 where a part of a filter is missing
   */
  readRuns(memoryBytes: number): Run[] {
    const runs = this.#runs.all().map((row) => {
      const layout = new RunLayout(Number(row["chunks"]), Number(row["blocks_a_chunk"]));
      const run = Number(row["run"]);
      return {
        run,
        newestMs: Number(row["newest_ms"]),
        capacity: Number(row["capacity"]),
        layout,
        filter: this.newFilter(run, layout),
        groupsWritten: Number(row["groups_written"]),
        mergesInto: row["merges_into"] === null ? null : Number(row["merges_into"]),
      };
    });
    let left = memoryBytes;
    for (const run of runs.toSorted((a, b) => a.capacity - b.capacity)) {
      const bytes = this.#checkFilter(run);
      if (bytes > left) run.filter.release();
      else this.#readFilter(run);
      left -= run.filter.byteLength;
    }
    return runs;
  }

  /** The filter of a run that is in memory, still without groups. */
  newFilter(run: number, layout: RunLayout): RunFilter {
    return new RunFilter(layout, (group) => {
      const row = this.#filter.get(run * PLACES_A_RUN + group);
      if (row === undefined) return null;
      const words = wordsOf(row["words"]);
      if (words.length !== layout.groupWords(group)) throw damaged();
      return words;
    });
  }

  putRun({ run, newestMs, capacity, layout, groupsWritten, mergesInto }: Run): void {
    const { chunkCount, blocksAChunk } = layout;
    this.#putRun.run(run, newestMs, capacity, chunkCount, blocksAChunk, groupsWritten, mergesInto);
  }

  /** Deletes a run and what is left of it. */
  deleteRun({ run }: Run): void {
    const first = run * PLACES_A_RUN, last = first + PLACES_A_RUN - 1;
    this.#deleteChunks.run(first, last);
    this.#deleteFilters.run(first, last);
    this.#deleteRun.run(run);
  }

  /** Calls what only reads; its reads are one transaction, and cost half of what they would each by itself. */
  reading<T>(action: () => T): T {
    if (this.#database.isTransaction) return action();
    this.#begin.run();
    try {
      return action();
    } finally {
      this.#end.run();
    }
  }

  /** Whether a run holds a hash, of `HASH_WORDS` words. */
  holds(run: Run, hash: Uint32Array): boolean {
    const { chunk, fraction } = run.layout.placeOf(hash[0] ?? 0);
    const place = run.run * PLACES_A_RUN + chunk;
    const row = this.#window.get(fraction, place);
    if (row === undefined) return false;
    const window = hashesOf(row["hashes"]), count = Number(row["count"]);
    const first = Math.max(0, Math.floor(fraction * count) - WINDOW_BEFORE);
    if (isAround(window, hash[0] ?? 0, { first, count })) return holdsHash(window, hash);
    return holdsHash(hashesOf(this.#chunk.get(place)?.["hashes"]), hash);
  }

  /** The next chunks of a run, up to `lastChunk`, `limit` of them at most. */
  readChunks(
    { run, layout }: Run,
    { lastChunk = layout.chunkCount, limit = -1 }: {
      readonly lastChunk?: number;
      readonly limit?: number;
    },
  ): { readonly chunk: number; readonly hashes: Uint32Array }[] {
    const first = run * PLACES_A_RUN;
    return this.#chunks.all(first, first + lastChunk, limit).map(({ place, hashes }) => ({
      chunk: Number(place) - first,
      hashes: hashesOf(hashes),
    }));
  }

  /**
   * Writes one group of a run.
   *
   * @param hashes all those of the group, in their order, each once
   * @returns the group's filter
   */
  writeGroup({ run, layout }: Run, group: number, hashes: Uint32Array): Uint32Array {
    const count = hashes.length / HASH_WORDS;
    for (let first = 0; first < count;) {
      const next = chunkEnd(layout, hashes, first);
      const chunk = layout.chunkOf(hashes[first * HASH_WORDS] ?? 0);
      this.#writeChunk(run, chunk, hashes.subarray(first * HASH_WORDS, next * HASH_WORDS));
      first = next;
    }
    const words = groupFilter(layout, group, hashes);
    this.#putFilter.run(run * PLACES_A_RUN + group, bytesOf(words));
    return words;
  }

  /**
   * Deletes the chunks of a run up to one, and the parts of the filter that are for nothing else.
   *
   * @param rest what of that chunk's hashes is to stay
   */
  deleteChunks({ run }: Run, lastChunk: number, rest: Uint32Array = new Uint32Array()): void {
    const first = run * PLACES_A_RUN;
    this.#deleteChunks.run(first, first + lastChunk);
    if (rest.length > 0) this.#writeChunk(run, lastChunk, rest);
    const group = Math.floor(lastChunk / GROUP_CHUNKS);
    if (group > 0) this.#deleteFilters.run(first, first + group - 1);
  }

  #writeChunk(run: number, chunk: number, hashes: Uint32Array): void {
    this.#putChunk.run(run * PLACES_A_RUN + chunk, bytesOf(hashes));
  }

  /**
   * Checks that the groups of a filter are there: merges and expiry delete chunks and filters from the beginning, all
   * that follows must be there.
   *
   * @returns bytes of all of them
   */
  #checkFilter({ run, layout, groupsWritten }: Run): number {
    const first = run * PLACES_A_RUN;
    const rows = this.#filterSizes.all(first, first + PLACES_A_RUN - 1);
    const firstGroup = groupsWritten - rows.length;
    let bytes = 0;
    rows.forEach(({ place, size }, i) => {
      const group = Number(place) - first;
      if (group !== firstGroup + i || size !== layout.groupWords(group) * 4) throw damaged();
      bytes += size;
    });
    const place = this.#firstChunk.get(first, first + PLACES_A_RUN - 1)?.["place"] ?? null;
    if (place !== null && Math.floor((Number(place) - first) / GROUP_CHUNKS) < firstGroup) {
      throw damaged();
    }
    return bytes;
  }

  #readFilter({ run, filter }: Run): void {
    const first = run * PLACES_A_RUN;
    for (const { place, words } of this.#filters.iterate(first, first + PLACES_A_RUN - 1)) {
      filter.setGroup(Number(place) - first, wordsOf(words));
    }
  }
}

/** The place after the last of the sorted hashes that belong to the chunk of the first one. */
function chunkEnd(layout: RunLayout, hashes: Uint32Array, first: number): number {
  const count = hashes.length / HASH_WORDS;
  const chunk = layout.chunkOf(hashes[first * HASH_WORDS] ?? 0);
  let next = first + 1;
  while (next < count && layout.chunkOf(hashes[next * HASH_WORDS] ?? 0) === chunk) next++;
  return next;
}

/** Whether all hashes of a chunk with a first word lie in a window of it that begins at `first`. */
function isAround(
  window: Uint32Array,
  word: number,
  { first, count }: { readonly first: number; readonly count: number },
): boolean {
  const isFromStart = first === 0 || (window[0] ?? word) < word;
  const isToEnd = first + window.length / HASH_WORDS === count ||
    (window.at(-HASH_WORDS) ?? word) > word;
  return isFromStart && isToEnd;
}

/** Whether sorted hashes hold one. */
function holdsHash(hashes: Uint32Array, hash: Uint32Array): boolean {
  const [w0 = 0, w1, w2, w3] = hash;
  for (let i = countBelow(hashes, w0) * HASH_WORDS; hashes[i] === w0; i += HASH_WORDS) {
    if (hashes[i + 1] === w1 && hashes[i + 2] === w2 && hashes[i + 3] === w3) return true;
  }
  return false;
}

function damaged(): Error {
  return damagedError(
    "The seen ids in checkpoint.sqlite are damaged. Restore it from a copy, " +
      "or make a new one from the lake's files: orilla rebuild",
  );
}

function hashesOf(value: unknown): Uint32Array {
  const words = wordsOf(value);
  if (words.length % HASH_WORDS !== 0) throw damaged();
  return words;
}

function wordsOf(value: unknown): Uint32Array {
  if (!(value instanceof Uint8Array) || value.length % 4 !== 0) throw damaged();
  const bytes = value.byteOffset % 4 === 0 ? value : value.slice();
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
