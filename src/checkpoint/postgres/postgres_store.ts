import type { Commit, Committed, ManifestFile, PartitionState } from "../../core/commit.ts";
import { assert } from "../../core/errors.ts";
import type { TopicPartition } from "../../core/record.ts";
import type { CommitCounts } from "../../core/reject_window.ts";
import { markPublished, writeCommit } from "./commit_transaction.ts";
import {
  type Claimant,
  type CommitName,
  type CommitOutcome,
  type CommitStore,
  type DeadLetterMarks,
  type Replacements,
  type StoreOptions,
  type TidyLimits,
  type UnpublishedCommit,
} from "../commit_store.ts";
import type { DateTotals } from "../date_totals.ts";
import { expelAfterMsOf, makeInstanceId, SignsOfLife } from "../instances.ts";
import { claimPartitions } from "./claims.ts";
import {
  adoptRanges,
  insertCommit,
  insertFiles,
  insertRanges,
  insertReplays,
} from "./commit_rows.ts";
import type { Row, Run, ServerOptions } from "./connection.ts";
import { deadLetterMarks } from "./dead_letter_marks.ts";
import {
  endedAmong,
  noteLeft,
  readInstanceIds,
  readRebuiltIds,
  readSeenIdCounter,
  signOfLife,
  updateInstance,
} from "./instances.ts";
import {
  readCommitted,
  readDateTotals,
  readEventFiles,
  readLastCommitMs,
  readRecentCounts,
  readUnpublished,
} from "./lake_rows.ts";
import { replacementsIn } from "./replacements.ts";
import { hasTables, openSchema, readMeta, SETTING } from "./schema.ts";
import { adoptSeenIds, expiredAt, expireRun, mayBeTakenId, seenAmong } from "./seen_ids.ts";
import { takeBack, takenBackResult, Transactions } from "./server.ts";

/** Commits whose files are read at a time. */
const PAGE_COMMITS = 1_000;
/** Commits whose duplicates are dropped at once. */
const DROP_STEP_COMMITS = 4;

/** A commit store in a PostgreSQL schema, which several processes share. */
export class PostgresStore implements CommitStore {
  readonly isShared = true;
  readonly instanceId: string;
  readonly idKey: Uint32Array;
  readonly deadLetters: DeadLetterMarks;
  readonly replacements: Replacements;
  readonly #transactions: Transactions;
  /** For look-ups of ids and signs of life, which must not wait for a commit. */
  readonly #beside: Transactions;
  readonly #options: StoreOptions;
  /** By partition name. */
  readonly #epochs = new Map<string, bigint>();
  readonly #signsOfLife: SignsOfLife;
  #seenIdCount: number;

  private constructor(
    { transactions, beside, instanceId, idKey, seenIdCount }: {
      readonly transactions: Transactions;
      readonly beside: Transactions;
      readonly instanceId: string;
      readonly idKey: Uint32Array;
      readonly seenIdCount: number;
    },
    options: StoreOptions,
  ) {
    this.#transactions = transactions;
    this.#beside = beside;
    this.#options = options;
    this.instanceId = instanceId;
    this.idKey = idKey;
    this.#seenIdCount = seenIdCount;
    this.deadLetters = deadLetterMarks(transactions);
    this.#signsOfLife = new SignsOfLife(() => this.#sign());
    this.replacements = replacementsIn(transactions, instanceId);
  }

  /**
   * Connects to the server, makes the lake's schema where it is missing, and registers this process.
   *
   * @throws OrillaError with exit code 2 where it is not let in, 3 where the schema is another version's
   */
  static async open(server: ServerOptions, options: StoreOptions): Promise<PostgresStore> {
    await using resources = new AsyncDisposableStack();
    const transactions = new Transactions(server, options.hooks);
    const beside = new Transactions(server);
    resources.use(transactions.line);
    resources.use(beside.line);
    const isNew = !await transactions.ask(hasTables);
    if (isNew) {
      await options.beforeNew?.().catch(async (error) => {
        // Another process may have begun the lake meanwhile, and what was found is its.
        if (!await transactions.ask(hasTables)) throw error;
      });
    }
    const instanceId = makeInstanceId();
    const idKey = await transactions.ask((run) => openSchema(run, server.url, instanceId));
    const seenIdCount = await transactions.ask(readSeenIdCounter);
    const store = new PostgresStore(
      { transactions, beside, instanceId, idKey, seenIdCount },
      options,
    );
    resources.move();
    return store;
  }

  get seenIdCount(): number {
    return this.#seenIdCount;
  }

  /** What is not there any more does not answer. */
  assertInPlace(): Promise<void> {
    return Promise.resolve();
  }

  read(): Promise<Committed> {
    return this.#transactions.ask((run) => readCommitted(run, this.instanceId));
  }

  lastCommitMs(): Promise<number | null> {
    return this.#transactions.ask(readLastCommitMs);
  }

  recentCounts(recordCount: number): Promise<readonly CommitCounts[]> {
    return this.#transactions.ask((run) => readRecentCounts(run, recordCount));
  }

  dateTotals(): Promise<readonly DateTotals[]> {
    return this.#transactions.ask(readDateTotals);
  }

  async *eventFiles(first: number): AsyncGenerator<readonly ManifestFile[]> {
    const { sequence: last } = await this.read();
    for (let from = first; from <= last; from += PAGE_COMMITS) {
      const page = { first: from, end: from + PAGE_COMMITS };
      yield await this.#transactions.ask((run) => readEventFiles(run, page));
    }
  }

  unpublished(): Promise<readonly UnpublishedCommit[]> {
    return this.#transactions.ask(readUnpublished);
  }

  instanceIds(): Promise<readonly string[]> {
    return this.#transactions.ask(readInstanceIds);
  }

  rebuiltInstanceIds(): Promise<readonly string[]> {
    return this.#transactions.ask(readRebuiltIds);
  }

  endedInstances(staged: Iterable<string>): Promise<ReadonlySet<string>> {
    const { instanceId } = this, silentMs = expelAfterMsOf(this.#options);
    return this.#transactions.ask((run) => endedAmong(run, staged, { instanceId, silentMs }));
  }

  async unknownAmong(commits: Iterable<CommitName>): Promise<readonly CommitName[]> {
    const given = JSON.stringify([...commits].map(({ instanceId, sequence }) => ({
      instance_id: instanceId,
      sequence,
    })));
    const rows = await this.#transactions.ask((run) =>
      run((sql) =>
        sql<Row[]>`
          SELECT instance_id, sequence FROM json_to_recordset(${given}::text::json)
            AS given (instance_id text, sequence bigint)
          EXCEPT SELECT instance_id, sequence FROM commits`
      )
    );
    return rows.map((row) => ({
      instanceId: String(row["instance_id"]),
      sequence: Number(row["sequence"]),
    }));
  }

  setting(name: string): Promise<string | null> {
    return this.#transactions.ask((run) => readMeta(run, SETTING + name));
  }

  async note(name: string, value: string): Promise<void> {
    await this.#transactions.run("settings", (run) =>
      run((sql) =>
        sql`
          INSERT INTO meta VALUES (${SETTING + name}, ${value})
          ON CONFLICT (key) DO UPDATE SET value = excluded.value`
      ));
  }

  async claim(
    partitions: readonly TopicPartition[],
    claimant: Claimant | null,
  ): Promise<readonly PartitionState[] | null> {
    const { instanceId } = this, silentMs = expelAfterMsOf(this.#options);
    const by = { instanceId, claimant, silentMs, storeName: this.#transactions.path };
    const claimed = await this.#transactions.run(
      "claim",
      async (run) => await claimPartitions(run, partitions, by) ?? takeBack(null),
    );
    if (claimed === null) return null;
    for (const { name, epoch } of claimed) this.#epochs.set(name, epoch);
    return claimed.flatMap(({ state }) => state ?? []);
  }

  async reserve(): Promise<number> {
    const [row] = await this.#transactions.ask((run) =>
      run((sql) => sql<Row[]>`SELECT nextval('commit_sequence') AS sequence`)
    );
    return Number(row?.["sequence"]);
  }

  seenAmong(hashes: Uint32Array, nowMs: number): Promise<Uint8Array> {
    const expiredMs = expiredAt(nowMs, this.#options.ttlMs);
    return this.#beside.ask((run) => seenAmong(run, hashes, expiredMs));
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    const write = (isCareful: boolean) =>
      this.#transactions.run("commit", (run) => this.#write(run, commit, isCareful));
    const outcome = await write(false).catch((error) => {
      if (mayBeTakenId(error)) return write(true);
      throw error;
    });
    if (outcome.kind === "committed") {
      if (outcome.seenIdCount !== null) this.#seenIdCount += outcome.seenIdCount;
      else this.#seenIdCount = await this.#transactions.ask(readSeenIdCounter);
    }
    return outcome.kind;
  }

  /** Whoever inserts its row waits for a try that is under way; one that had not come so far is taken back. */
  withdraw(sequence: number): Promise<boolean> {
    return this.#transactions.ask(async (run) => {
      await run((sql) => sql`BEGIN`);
      try {
        const { count } = await run((sql) =>
          sql`
            INSERT INTO commits VALUES (${sequence}, ${this.instanceId}, 0, 'end', true)
            ON CONFLICT (sequence) DO NOTHING`
        );
        return count === 0;
      } finally {
        await run((sql) => sql`ROLLBACK`);
      }
    });
  }

  async rehearse(commit: Commit): Promise<void> {
    await this.#transactions.ask(async (run) => {
      await run((sql) => sql`BEGIN`);
      try {
        await this.#write(run, commit, true).catch(takenBackResult);
      } finally {
        await run((sql) => sql`ROLLBACK`).catch(() => {});
      }
    });
  }

  async adopt(commit: Commit): Promise<void> {
    const { sequence, committedAtMs, ranges, replays, freshHashes, counters } = commit;
    const added = await this.#transactions.run("commit", async (run) => {
      assert(await insertCommit(run, commit, this.instanceId), "a commit is adopted once");
      await insertFiles(run, commit);
      await insertRanges(run, sequence, ranges);
      await adoptRanges(run, ranges);
      await insertReplays(run, replays, { sequence, replayedAtMs: committedAtMs });
      const added = await adoptSeenIds(run, freshHashes, { sequence, seenAtMs: committedAtMs });
      await updateInstance(run, this.instanceId, { counters, seenIdCount: added.rowCount });
      return added;
    });
    this.#seenIdCount += added.rowCount;
  }

  async markPublished(sequences: readonly number[]): Promise<void> {
    await this.#transactions.run("published", (run) => markPublished(run, sequences));
  }

  async tidy({ nowMs, expireLimit }: TidyLimits): Promise<number> {
    const { ttlMs, duplicateTtlMs } = this.#options;
    if (duplicateTtlMs > 0) await this.#dropDuplicates(BigInt(nowMs - duplicateTtlMs));
    let count = 0;
    while (ttlMs > 0 && count < expireLimit) {
      const deleted = await this.#expire(expiredAt(nowMs, ttlMs));
      if (deleted === null) break;
      count += deleted;
    }
    return count;
  }

  async leave(): Promise<void> {
    this.#signsOfLife[Symbol.dispose]();
    await this.#transactions.ask((run) => noteLeft(run, this.instanceId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signsOfLife[Symbol.dispose]();
    await Promise.all([
      this.#transactions.line[Symbol.asyncDispose](),
      this.#beside.line[Symbol.asyncDispose](),
    ]);
  }

  /** Says that this process lives, and hears how many ids all of them have added. */
  async #sign(): Promise<void> {
    await this.#beside.ask(async (run) => {
      await signOfLife(run, this.instanceId);
      this.#seenIdCount = await readSeenIdCounter(run);
    });
  }

  #write(run: Run, commit: Commit, isCareful: boolean) {
    const { instanceId } = this;
    const expiredMs = expiredAt(commit.committedAtMs, this.#options.ttlMs);
    return writeCommit(run, commit, { instanceId, epochs: this.#epochs, expiredMs, isCareful });
  }

  /** What a lost expiry would have done is done again, so the disk need not be waited for. */
  async #expire(expiredMs: bigint): Promise<number | null> {
    const [due] = await this.#transactions.ask((run) =>
      run((sql) =>
        sql<Row[]>`SELECT 1 AS due FROM seen_runs WHERE seen_at_ms <= ${expiredMs} LIMIT 1`
      )
    );
    if (due === undefined) return null;
    const deleted = await this.#transactions.run("expire", async (run) => {
      await run((sql) => sql`SET LOCAL synchronous_commit = off`);
      const deleted = await expireRun(run, expiredMs);
      if (deleted !== null) {
        await updateInstance(run, this.instanceId, { counters: null, seenIdCount: -deleted });
      }
      return deleted;
    });
    this.#seenIdCount -= deleted ?? 0;
    return deleted;
  }

  async #dropDuplicates(expiredMs: bigint): Promise<void> {
    await this.#transactions.ask((run) =>
      run((sql) =>
        sql`
          DELETE FROM duplicates WHERE sequence IN (
            SELECT sequence FROM duplicates WHERE found_at_ms <= ${expiredMs}
            ORDER BY found_at_ms LIMIT ${DROP_STEP_COMMITS})`
      )
    );
  }
}
