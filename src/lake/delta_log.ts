import {
  type Action,
  type AppTransaction,
  entryBytes,
  type TableMetaData,
  type TableProtocol,
} from "../core/delta_actions.ts";
import { DeltaSnapshot } from "../core/delta_snapshot.ts";
import { whyNotOurs } from "../core/delta_table.ts";
import {
  appIdOf,
  type CommitName,
  type DeltaVersion,
  firstVersion,
  otherColumnsVersion,
} from "../core/delta_version.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../runtime/logs.ts";
import { SimulatedCrash } from "../runtime/operations.ts";
import { expiredNames } from "./delta_cleanup.ts";
import {
  checkpointName,
  type DeltaLogContent,
  entryName,
  LAST_CHECKPOINT,
  logError,
  readCheckpointOf,
  readDeltaLog,
  readEntry,
} from "./delta_log_reader.ts";
import type { DeltaStorage } from "./delta_storage.ts";
import type { TableEncoder } from "./encoder.ts";

export interface DeltaLogOptions {
  readonly storage: DeltaStorage;
  readonly encode: TableEncoder;
  readonly log: Log;
  /** Name and version of this program, as the log's history shows it. */
  readonly engine: string;
  readonly pseudonymizedFields: readonly string[];
  readonly nowMs: () => number;
  /** The fewest versions between two checkpoints. */
  readonly checkpointVersions?: number;
}

/** The fewest versions between two checkpoints of the log: its readers read at most so many entries. */
const CHECKPOINT_VERSIONS = 100;
/**
 * A checkpoint holds all files. With many of them they are further apart, so that writing them costs each version
 * about as much as this many files, however large the table grows.
 */
const CHECKPOINT_FILES_A_VERSION = 100;
/** How long a checkpoint says of removed files that they were of the table: a week, as is usual. */
const REMOVED_KEPT_MS = 7 * 86_400_000;
/** How long old versions can be read, at least: Delta's default of a month. */
const LOG_KEPT_MS = 30 * 86_400_000;
/** How often it is looked for older ones, and how many of their files go with a checkpoint. */
const CLEANUP_EVERY_MS = 86_400_000, CLEANUP_NAMES = 1_000;

/**
 * The log that makes a lake a Delta Lake table, opened to append to it. It knows what it needs to append, not
 * the files; what others append is read when they were faster.
 */
export class DeltaLog {
  readonly #options: DeltaLogOptions;
  readonly #transactions: Map<string, AppTransaction>;
  #protocol: TableProtocol | null;
  #metaData: TableMetaData | null;
  #version: number;
  #checkpointVersion: number;
  /** The actions of each version since the checkpoint. */
  #entries: (readonly Action[])[];
  #fileCount: number;
  /** Names that are to be removed, the oldest first. */
  #expired: readonly string[] = [];
  #cleanupMs = Number.NEGATIVE_INFINITY;

  private constructor(
    options: DeltaLogOptions,
    { version, checkpointVersion, snapshot, entries }: DeltaLogContent,
  ) {
    this.#options = options;
    this.#version = version;
    this.#checkpointVersion = checkpointVersion;
    this.#transactions = snapshot.transactions;
    this.#protocol = snapshot.protocol;
    this.#metaData = snapshot.metaData;
    this.#fileCount = snapshot.files.size;
    this.#entries = [...entries];
  }

  /**
   * Opens the log, and begins it where there is none.
   *
   * @throws OrillaError with exit code 3 where it is damaged, or of another table
   */
  static async open(options: DeltaLogOptions): Promise<DeltaLog> {
    const { storage, pseudonymizedFields, engine, nowMs } = options;
    let content = await readDeltaLog(storage);
    if (content.version < 0) {
      const table = { id: crypto.randomUUID(), createdAtMs: nowMs(), pseudonymizedFields };
      const { commitInfo, actions } = firstVersion(table, engine);
      await storage.putIfAbsent(entryName(0), entryBytes(commitInfo, actions));
      // Another process may have been faster.
      content = await readDeltaLog(storage);
    }
    if (isOtherwiseProtected(content, pseudonymizedFields)) {
      const { commitInfo, actions } = otherColumnsVersion(content.snapshot.metaData, {
        createdAtMs: nowMs(),
        pseudonymizedFields,
        engine,
      });
      await storage.putIfAbsent(entryName(1), entryBytes(commitInfo, actions));
      content = await readDeltaLog(storage);
    }
    const opened = new DeltaLog(options, content);
    opened.#refuseOtherTable();
    return opened;
  }

  /** The last version that is known of. */
  get version(): number {
    return this.#version;
  }

  /** How far an instance's commits are in the log: all up to that sequence; -1 where none is. */
  sequenceOf(instanceId: string): number {
    return this.#transactions.get(appIdOf({ instanceId }))?.version ?? -1;
  }

  /** Whether a commit is in the log: an instance's commits are appended in their order. */
  has({ instanceId, sequence }: CommitName): boolean {
    return this.sequenceOf(instanceId) >= sequence;
  }

  /**
   * Appends a version, durably; the one of a commit that is there already is left out, so this may be called again
   * after any interruption. Where another process takes the number, its version is read and the next one is tried.
   *
   * @throws OrillaError with exit code 3 where another process made another table of it
   */
  async append({ commitInfo, actions, commit }: DeltaVersion): Promise<void> {
    const { storage } = this.#options;
    const bytes = entryBytes(commitInfo, actions);
    while (commit === null || !this.has(commit)) {
      const next = this.#version + 1;
      const isMade = await storage.putIfAbsent(entryName(next), bytes);
      const appended = isMade ? actions : await readEntry(storage, next);
      if (appended === null) throw logError(`${entryName(next)} came and went`);
      this.#take(appended);
      if (isMade) break;
      this.#refuseOtherTable();
      // Another process appended this very version.
      if (commit !== null && this.has(commit)) break;
      refuseLostFiles(actions, appended);
    }
    await this.#checkpointIfDue();
  }

  #take(actions: readonly Action[]): void {
    this.#version++;
    this.#entries.push(actions);
    for (const { protocol, metaData, txn, add, remove } of actions) {
      if (protocol) this.#protocol = protocol;
      if (metaData) this.#metaData = metaData;
      if (txn) this.#transactions.set(txn.appId, txn);
      if (add) this.#fileCount++;
      if (remove) this.#fileCount--;
    }
  }

  #refuseOtherTable(): void {
    const table = { protocol: this.#protocol, metaData: this.#metaData };
    const reason = whyNotOurs(table, this.#options.pseudonymizedFields);
    if (reason !== null) throw logError(reason);
  }

  /** Readers do without a checkpoint, so a failure here can wait. */
  async #checkpointIfDue(): Promise<void> {
    const { log, checkpointVersions = CHECKPOINT_VERSIONS } = this.#options;
    const due = Math.max(checkpointVersions, this.#fileCount / CHECKPOINT_FILES_A_VERSION);
    if (this.#version - Math.max(0, this.#checkpointVersion) < due) return;
    try {
      await this.#writeCheckpoint();
      await this.#cleanUp();
    } catch (error) {
      if (error instanceof SimulatedCrash) throw error;
      log.warning(
        "the table's log could not be given a checkpoint, or be cleaned up; that can wait",
        {
          error: messageOf(error),
        },
      );
    }
  }

  async #writeCheckpoint(): Promise<void> {
    const { storage, encode, nowMs } = this.#options;
    const version = this.#version;
    const snapshot = new DeltaSnapshot();
    if (this.#checkpointVersion >= 0) {
      snapshot.apply(await readCheckpointOf(storage, this.#checkpointVersion));
    }
    for (const actions of this.#entries) snapshot.apply(actions);
    snapshot.forgetRemoved(nowMs() - REMOVED_KEPT_MS);
    const actions = snapshot.actions();
    // Apache Arrow is large, and most starts do without it.
    const { checkpointTable } = await import("./delta_checkpoint.ts");
    const bytes = await encode(checkpointTable(actions));
    await storage.putIfAbsent(checkpointName(version), bytes);
    const hint = { version, size: actions.length, numOfAddFiles: snapshot.files.size };
    await storage.replace(LAST_CHECKPOINT, new TextEncoder().encode(JSON.stringify(hint)));
    this.#checkpointVersion = version;
    this.#entries = [];
    this.#fileCount = snapshot.files.size;
  }

  /** Removes some of what is expired; not where somebody chose for how long the log is kept. */
  async #cleanUp(): Promise<void> {
    const { storage, nowMs } = this.#options;
    const { configuration = {} } = this.#metaData ?? {};
    if (LOG_SETTINGS.some((name) => configuration[name] !== undefined)) return;
    if (this.#expired.length === 0 && nowMs() - this.#cleanupMs >= CLEANUP_EVERY_MS) {
      this.#cleanupMs = nowMs();
      this.#expired = await expiredNames(storage, nowMs() - LOG_KEPT_MS);
    }
    if (this.#expired.length === 0) return;
    await storage.remove(this.#expired.slice(0, CLEANUP_NAMES));
    this.#expired = this.#expired.slice(CLEANUP_NAMES);
  }
}

const LOG_SETTINGS = ["delta.logRetentionDuration", "delta.enableExpiredLogCleanup"];

/** Whether a table that holds no commit was begun before the lake's fields were chosen otherwise. */
function isOtherwiseProtected(
  { version, snapshot }: DeltaLogContent,
  pseudonymizedFields: readonly string[],
): boolean {
  return version === 0 && whyNotOurs(snapshot, pseudonymizedFields) !== null &&
    whyNotOurs(snapshot) === null;
}

/** What another program removed meanwhile must not come back by a compaction that had read it. */
function refuseLostFiles(ours: readonly Action[], theirs: readonly Action[]): void {
  const gone = new Set(theirs.flatMap(({ remove }) => remove ? [remove.path] : []));
  const lost = ours.find(({ remove }) => remove && gone.has(remove.path));
  if (lost === undefined) return;
  throw logError(`another program removed ${lost.remove?.path}, which a compaction replaces`);
}
