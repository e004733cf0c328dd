import { z } from "zod";
import { messageOf } from "./errors.ts";

// Actions of Delta Lake's transaction log (github.com/delta-io/delta, PROTOCOL.md, "Actions"), as far as a table
// of reader version 1 and writer version 2 has them. Fields that are not listed are not needed to read a table.

const texts = z.record(z.string(), z.string().nullable());

const addFile = z.object({
  /** Relative to the table's root, as a URI: see `encodePath`. */
  path: z.string().min(1),
  partitionValues: texts,
  /** Bytes. */
  size: z.number().int(),
  /** Milliseconds since 1970-01-01 UTC. */
  modificationTime: z.number().int(),
  /** False where the rows were in the table before, in files that the same version removes. */
  dataChange: z.boolean(),
  /** JSON: row count and bounds of columns. */
  stats: z.string().nullish(),
  tags: texts.nullish(),
});

const removeFile = z.object({
  path: z.string().min(1),
  /** Milliseconds since 1970-01-01 UTC. */
  deletionTimestamp: z.number().int().nullish(),
  dataChange: z.boolean(),
  /** Whether `partitionValues` and `size` are there. */
  extendedFileMetadata: z.boolean().nullish(),
  partitionValues: texts.nullish(),
  size: z.number().int().nullish(),
});

const metaData = z.object({
  id: z.string(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  format: z.object({ provider: z.string(), options: texts.nullish() }),
  schemaString: z.string(),
  partitionColumns: z.array(z.string()),
  createdTime: z.number().int().nullish(),
  configuration: texts,
});

const protocol = z.object({
  minReaderVersion: z.number().int(),
  minWriterVersion: z.number().int(),
});

const txn = z.object({
  appId: z.string(),
  version: z.number().int(),
  lastUpdated: z.number().int().nullish(),
});

/** One action; a line with none of these changes nothing of the table. */
export const action = z.object({
  /** Others may write anything here. */
  commitInfo: z.object({ timestamp: z.number().nullish() }).nullish().catch(null),
  add: addFile.nullish(),
  remove: removeFile.nullish(),
  metaData: metaData.nullish(),
  protocol: protocol.nullish(),
  txn: txn.nullish(),
});

/** A file of the table. */
export type AddFile = z.infer<typeof addFile>;
/** A file that is no longer of the table. */
export type RemoveFile = z.infer<typeof removeFile>;
/** What the table is: schema, partition columns, settings. */
export type TableMetaData = z.infer<typeof metaData>;
/** What a program must know to read or write the table. */
export type TableProtocol = z.infer<typeof protocol>;
/** How far an application got: makes its versions exactly-once. */
export type AppTransaction = z.infer<typeof txn>;
export type Action = z.infer<typeof action>;

/** What a version says of itself for people; readers of the table do not need it. */
export interface CommitInfo {
  /** Milliseconds since 1970-01-01 UTC. */
  readonly timestamp: number;
  readonly operation: string;
  readonly operationParameters: Readonly<Record<string, string>>;
  readonly operationMetrics: Readonly<Record<string, string>>;
  readonly isBlindAppend: boolean;
  readonly engineInfo: string;
}

const encoder = new TextEncoder();

/** The bytes of a log entry: one line of JSON for each action, what the version says of itself first. */
export function entryBytes(commitInfo: CommitInfo, actions: readonly Action[]): Uint8Array {
  const lines = [{ commitInfo }, ...actions].map((line) => `${JSON.stringify(line)}\n`);
  return encoder.encode(lines.join(""));
}

/** @throws Error in words where the bytes are no log entry */
export function parseEntry(bytes: Uint8Array): readonly Action[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error(`it is not UTF-8: ${messageOf(error)}`, { cause: error });
  }
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) throw new Error("it is empty");
  return lines.map((line, i) => {
    try {
      return parseAction(JSON.parse(line));
    } catch (error) {
      throw new Error(`line ${i + 1} is no action of a Delta log`, { cause: error });
    }
  });
}

/** @throws Error where a value is not an action */
export function parseAction(value: unknown): Action {
  return action.parse(value);
}

/** When a version was made, milliseconds since 1970-01-01 UTC; null where it does not say. */
export function commitTimestamp(actions: readonly Action[]): number | null {
  return actions.find(({ commitInfo }) => commitInfo)?.commitInfo?.timestamp ?? null;
}

/** A path relative to the table's root, as its log writes it: a URI (RFC 2396). */
export function encodePath(path: string): string {
  return encodeURI(path).replaceAll(/[?#]/g, encodeURIComponent);
}

/** The path that a log's URI stands for, relative to the table's root. */
export function decodePath(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch (error) {
    if (error instanceof URIError) return uri;
    throw error;
  }
}
