import { Buffer } from "node:buffer";
import { isDeepStrictEqual } from "node:util";
import { isReason } from "../../src/core/outcome.ts";
import type { RawRecord } from "../../src/core/record.ts";
import { RecordList } from "../../src/core/record_list.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { type Random, seededRandom } from "../../src/simulation/random.ts";
import { scratchFolder, testLimits, testSession } from "../crash/lake_run.ts";
import {
  type DeadLetterRow,
  type LakeRow,
  readDeadLetters,
  readLake,
  strayFiles,
} from "../lake_reader.ts";
import { hostileRecord } from "./hostile_records.ts";
import { type Expected, expectedOf, membersOf } from "./oracle.ts";

/** Records larger than this are dead letters unread, in these rounds. */
const MAX_RECORD_BYTES = 200_000;
/** A batch of these rounds may have so many dates and one more. */
export const MAX_DATES = 12;

/** What became of the records of a round. */
export interface RoundResult {
  readonly published: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly commits: number;
  /** By reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/** Random hostile records at rising offsets. */
export function hostileRecords(random: Random, count: number): RawRecord[] {
  return Array.from({ length: count }, (_, i) => hostileRecord(random, BigInt(i)));
}

/**
 * Sends records through the pipeline into a lake and a checkpoint of their own, and holds what came out
 * against the oracle, record by record.
 *
 * @throws Error that names the first offsets that are wrong, or a file that is where none should be
 */
export async function fuzzRound(
  records: readonly RawRecord[],
  { seed, maxRecordBytes = MAX_RECORD_BYTES }: {
    readonly seed: number;
    readonly maxRecordBytes?: number;
  },
): Promise<RoundResult> {
  const surroundings = await scratchFolder();
  try {
    const outDir = `${surroundings}/a/lake`;
    await Deno.mkdir(outDir, { recursive: true });
    await Deno.writeTextFile(`${surroundings}/a/beside`, "not to be touched");
    const before = await treeAround(surroundings);
    let commits = 0;
    const limits = testLimits({
      maxEvents: 5_000,
      maxBytes: 1 << 24,
      maxDates: MAX_DATES,
      maxRecordBytes,
    });
    {
      await using session = await LakeSession.open(
        testSession(outDir, { limits, onCommit: () => commits++ }),
      );
      await feed(session, records, seededRandom(seed));
      await session.close();
    }
    const outcomes = { rows: await readLake(outDir), letters: await readDeadLetters(outDir) };
    const wrongs = wrongsOf(outcomes, records, maxRecordBytes);
    for (const path of await strayFiles(outDir)) wrongs.push(`a stray file ${path}`);
    const after = await treeAround(surroundings);
    if (!isDeepStrictEqual(before, after)) wrongs.push(`files around OUT_DIR: ${after.join()}`);
    if (wrongs.length > 0) {
      throw new Error(`${wrongs.length} wrong:\n${wrongs.slice(0, 10).join("\n")}`);
    }
    return { ...countsOf(outcomes, records.length), commits };
  } finally {
    await Deno.remove(surroundings, { recursive: true });
  }
}

const AT = { topic: "hostile", partition: 0 } as const;

async function feed(
  session: LakeSession,
  records: readonly RawRecord[],
  random: Random,
): Promise<void> {
  for (let at = 0; at < records.length;) {
    const end = at + 1 + Math.floor(random() * 2_000);
    await session.pipeline.add({ ...AT, records: new RecordList(records.slice(at, end)) });
    at = end;
  }
  await session.pipeline.commit("end");
}

/** All paths in a folder but those inside the lake, with the files' sizes. */
async function treeAround(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    paths.push(`${path} ${isDirectory ? "folder" : (await Deno.stat(path)).size}`);
    if (isDirectory && name !== "lake") paths.push(...await treeAround(path));
  }
  return paths.sort();
}

/** What came out of a round. */
interface Outcomes {
  readonly rows: readonly LakeRow[];
  readonly letters: readonly DeadLetterRow[];
}

/** Holds each record's outcome against what the oracle says. */
function wrongsOf(
  { rows, letters }: Outcomes,
  records: readonly RawRecord[],
  maxRecordBytes: number,
): string[] {
  const rowAt = new Map(rows.map((row) => [row.kafka_offset, row]));
  const letterAt = new Map(letters.map((letter) => [letter.offset, letter]));
  const isOnce = rowAt.size === rows.length && letterAt.size === letters.length;
  const wrongs = isOnce ? [] : ["an offset is in the lake, or among the dead letters, twice"];
  const accepted = new Set<string>();
  for (const record of records) {
    const row = rowAt.get(record.offset), letter = letterAt.get(record.offset);
    const found = wrongOf(record, { row, letter, accepted, maxRecordBytes });
    if (found !== null) wrongs.push(`offset ${record.offset}: ${found}: ${shown(record)}`);
    if (row !== undefined) accepted.add(row.event_id);
  }
  return wrongs;
}

interface Found {
  readonly row: LakeRow | undefined;
  readonly letter: DeadLetterRow | undefined;
  /** Event ids of earlier rows. */
  readonly accepted: ReadonlySet<string>;
  readonly maxRecordBytes: number;
}

function wrongOf(record: RawRecord, { row, letter, accepted, maxRecordBytes }: Found) {
  if (row !== undefined && letter !== undefined) return "both published and rejected";
  if (letter !== undefined) {
    const lost = wrongLetter(record, letter);
    if (lost !== null) return lost;
  }
  if (bytesIn(record) > maxRecordBytes) {
    return letter?.reason === "too_large" ? null : "too large, and not rejected as such";
  }
  const expected = expectedOf(record.value);
  if (expected.kind === "rejected") {
    return letter === undefined ? `not rejected, though: ${expected.why}` : null;
  }
  // How deep is too deep the engine's stack decides.
  if (letter?.reason === "nested_too_deep") return null;
  if (letter !== undefined) return `rejected as ${letter.reason}`;
  if (row !== undefined) {
    return accepted.has(row.event_id) ? "published a second time" : wrongRow(row, expected);
  }
  return accepted.has(expected.eventId) ? null : "neither published, nor rejected, nor a duplicate";
}

function bytesIn({ key, value, headers }: RawRecord): number {
  const parts = [key, value, ...headers.map((header) => header.value)];
  const names = headers.reduce((sum, { name }) => sum + Buffer.byteLength(name), 0);
  return parts.reduce((sum, part) => sum + (part?.length ?? 0), names);
}

function wrongLetter(record: RawRecord, letter: DeadLetterRow): string | null {
  if (!isReason(letter.reason)) return `unknown reason ${letter.reason}`;
  const isWhole = isSameBytes(letter.value, record.value) && isSameBytes(letter.key, record.key) &&
    letter.headers.length === record.headers.length &&
    letter.headers.every(({ name, value }, i) =>
      name === record.headers[i]?.name && isSameBytes(value, record.headers[i].value)
    );
  return isWhole ? null : "its dead letter is not what was received";
}

function isSameBytes(a: Uint8Array | null | undefined, b: Uint8Array | null): boolean {
  return b === null
    ? !(a instanceof Uint8Array)
    : a instanceof Uint8Array && Buffer.compare(a, b) === 0;
}

function wrongRow(row: LakeRow, expected: Extract<Expected, { kind: "event" }>): string | null {
  const found = [row.event_id, row.ts, row.usuario_id, row.accion ?? null, row.monto];
  const { eventId, ts, usuarioId, accion, monto } = expected;
  if (!isDeepStrictEqual(found, [eventId, ts, usuarioId, accion, monto])) {
    return `published as ${found.map((value) => String(value).slice(0, 50)).join(" ")}`;
  }
  const extra = membersOf(row.extra ?? "{}");
  const isKept = extra.size === expected.unknown.size &&
    [...expected.unknown].every(([name, json]) => isSameJson(json, extra.get(name)));
  return isKept ? null : `its unknown fields became ${row.extra?.slice(0, 200)}`;
}

/** Whether two JSON texts say the same, numbers digit by digit. */
function isSameJson(a: string, b: string | undefined): boolean {
  return b !== undefined && (a === b || isDeepStrictEqual(withDigits(a), withDigits(b)));
}

/** JSON.parse with source text access, not yet in TypeScript's library. */
interface SourceJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
}
const json: SourceJson = JSON as JSON & SourceJson;

function withDigits(text: string): unknown {
  return json.parse(
    text,
    (_key, value, { source = "" }) => typeof value === "number" ? `#${plainNumber(source)}` : value,
  );
}

/** A number without what says nothing: zeros at the ends, the place of the point. */
function plainNumber(json: string): string {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const kept = digits.replace(/0+$/, "");
  if (kept === "") return `${sign}0`;
  return `${sign}${kept}e${Number(exponent) - fraction.length + digits.length - kept.length}`;
}

function shown({ value }: RawRecord): string {
  return value === null ? "null" : new TextDecoder().decode(value.subarray(0, 300));
}

function countsOf({ rows, letters }: Outcomes, received: number): Omit<RoundResult, "commits"> {
  const reasons: Record<string, number> = {};
  for (const { reason } of letters) reasons[reason] = (reasons[reason] ?? 0) + 1;
  const published = rows.length, rejected = letters.length;
  return { published, duplicate: received - published - rejected, rejected, reasons };
}
