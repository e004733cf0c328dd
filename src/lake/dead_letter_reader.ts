import { type Data, type RecordBatch, tableFromIPC } from "apache-arrow";
import { readParquet } from "parquet-wasm";
import type { DeadLetter } from "../core/dead_letter.ts";
import { damagedError, messageOf } from "../core/errors.ts";
import { type Stage, STAGES } from "../core/outcome.ts";
import type { RecordHeader } from "../core/record.ts";
import type { DeadLetterCipher, StoredContent } from "./dead_letter_cipher.ts";
import { type LakeFile, listPublished } from "./lake_reader.ts";
import type { LakeFiles } from "./storage.ts";

/** A dead letter, and the file that holds it. */
export interface StoredDeadLetter extends DeadLetter {
  /** Relative to OUT_DIR. */
  readonly file: string;
}

export interface DeadLetterReading {
  /** Files of commits before this are passed over; their letters were all rejected earlier. */
  readonly sinceMs?: number | null;
  /** Opens what is encrypted of key, value and headers; without it they are given as they are stored. */
  readonly cipher?: DeadLetterCipher;
  /** Told how many of how many files were read. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Told of each dead letter that was read. */
  readonly onLetter?: () => void;
}

/**
 * All published dead letters, the earliest files first: one file is in memory at a time. `loadParquet` must
 * have been called. The one place that makes dead letters of what files hold.
 *
 * @throws OrillaError with exit code 3 where a file cannot be read
 */
export async function* readDeadLetters(
  files: LakeFiles,
  { sinceMs = null, cipher, onProgress = () => {}, onLetter = () => {} }: DeadLetterReading = {},
): AsyncGenerator<StoredDeadLetter> {
  const found = (await listPublished(files)).filter(({ kind, stagedAtMs }) =>
    kind === "dead_letters" && (sinceMs === null || stagedAtMs >= sinceMs)
  );
  for (const [index, file] of found.entries()) {
    for (const { keyId, ...letter } of await lettersOf(files, file)) {
      const content = cipher?.open({ ...letter, keyId }, letter.position, letter.file);
      onLetter();
      yield { ...letter, ...content };
    }
    onProgress(index + 1, found.length);
  }
}

/** The dead letters of one file; none where it was purged since it was listed. */
async function lettersOf(files: LakeFiles, { path }: LakeFile): Promise<Iterable<SealedLetter>> {
  try {
    const bytes = await files.read(path);
    return rowsOf(tableFromIPC(readParquet(bytes).intoIPCStream()).batches, path);
  } catch (error) {
    if (!await files.exists(path)) return [];
    throw damagedError(
      `${path} cannot be read as a file of dead letters: ${messageOf(error)}. See orilla verify`,
      error,
    );
  }
}

/** A dead letter as its file holds it: encrypted with the key of that id, or in clear where it is null. */
type SealedLetter = StoredDeadLetter & Pick<StoredContent, "keyId">;

function* rowsOf(batches: readonly RecordBatch[], file: string): Generator<SealedLetter> {
  for (const batch of batches) {
    const letterAt = lettersIn(batch);
    for (let row = 0; row < batch.numRows; row++) yield { ...letterAt(row), file };
  }
}

function lettersIn(batch: RecordBatch): (row: number) => Omit<SealedLetter, "file"> {
  const column = (name: string): Data => {
    const data = batch.getChild(name)?.data[0];
    if (data === undefined) throw new Error(`it has no column ${name}`);
    return data;
  };
  const topic = textsOf(column("topic")), reason = textsOf(column("reason"));
  const keyId = textsOf(column("key_id"));
  const path = textsOf(column("path")), eventId = textsOf(column("event_id"));
  const key = bytesOf(column("key")), value = bytesOf(column("value"));
  const stage = textsOf(column("stage")), headers = headersOf(column("headers"));
  const partition = column("partition"), offset = column("offset"), attempts = column("attempts");
  const timestamp = column("record_timestamp"), rejectedAt = column("rejected_at");
  return (row) => ({
    position: {
      topic: topic(row) ?? "",
      partition: Number(partition.values[row]),
      offset: BigInt(offset.values[row]),
    },
    timestampMs: Number(timestamp.values[row]) / 1000,
    key: key(row),
    value: value(row),
    headers: headers(row),
    reason: reason(row) ?? "",
    path: path(row),
    stage: stageNamed(stage(row)),
    attempts: Number(attempts.values[row]),
    eventId: eventId(row),
    rejectedAtMs: Number(rejectedAt.values[row]) / 1000,
    keyId: keyId(row),
  });
}

function stageNamed(text: string | null): Stage {
  return STAGES.find((known) => known === text) ?? "validate";
}

// Arrow's own accessor takes a byte order mark off the beginning of a text.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textsOf(data: Data): (row: number) => string | null {
  const bytes = bytesOf(data);
  return (row) => {
    const text = bytes(row);
    return text === null ? null : utf8.decode(text);
  };
}

/** Bytes of a row, as a copy: a dead letter may outlive its file's table. */
function bytesOf(data: Data): (row: number) => Uint8Array | null {
  return (row) =>
    data.getValid(row)
      ? data.values.slice(data.valueOffsets[row], data.valueOffsets[row + 1])
      : null;
}

function headersOf(data: Data): (row: number) => readonly RecordHeader[] {
  const [names, values] = data.children[0]?.children ?? [];
  if (names === undefined || values === undefined) throw new Error("its headers have no fields");
  const name = textsOf(names), value = bytesOf(values);
  return (row) => {
    const start = Number(data.valueOffsets[row]), end = Number(data.valueOffsets[row + 1]);
    return Array.from({ length: end - start }, (_, i) => ({
      name: name(start + i) ?? "",
      value: value(start + i),
    }));
  };
}
