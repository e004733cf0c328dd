import type { Commit, Committed, ManifestFile, PartitionState } from "../../core/commit.ts";
import { countersOf } from "../../core/counters.ts";
import { assert } from "../../core/errors.ts";
import { HASH_WORDS } from "../../core/id_hash.ts";
import type { TopicPartition } from "../../core/record.ts";
import type { CommitCounts } from "../../core/reject_window.ts";
import { REPLAY_PARTITION } from "../../core/replay.ts";
import { type FaultHooks, noFaults } from "../../runtime/operations.ts";
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
import { expelAfterMsOf, expelledError, SignsOfLife } from "../instances.ts";
import type { RedisAddress } from "./address.ts";
import { commitArguments, type CommitContext } from "./commit_arguments.ts";
import { afterOwn, areKnownFresh, type AskedIds } from "./asked_ids.ts";
import { CommitList } from "./commit_list.ts";
import { unknownAmong } from "./committed_bits.ts";
import type { Reply } from "./connection.ts";
import { idBlock } from "./id_blocks.ts";
import { lostError, openLake } from "./opening.ts";
import { addUpDates } from "./figures.ts";
import { readManifest } from "./manifest.ts";
import {
  type CommitRecord,
  commitRecordOf,
  counterRowOf,
  partitionField,
  partitionStateOf,
} from "./records.ts";
import { operateAt, RedisLake, type TransactionName } from "./redis_lake.ts";
import { RedisMarks } from "./redis_marks.ts";
import { RedisReplacements, replaceArguments, type Replacement } from "./redis_replacements.ts";
import { fieldsOf, listOf, numberOf, textOf } from "./replies.ts";

/** Ids asked for at once: some hundredths of a second, so that the server serves others in between. */
const ASK_IDS = 20_000;
/** The answers for a batch that is being committed, and for the one after it. */
const KEPT_ANSWERS = 2;
/** Commits whose recorded duplicates are dropped at once. */
const DROP_COMMITS = 16;

/**
 * The commit store in a Redis, which several processes share. A commit is one script: the server runs it as a
 * whole, and nothing else meanwhile, so what it checks holds while it writes.
 */
export class RedisStore implements CommitStore {
  readonly isShared = true;
  readonly instanceId: string;
  readonly idKey: Uint32Array;
  readonly deadLetters: DeadLetterMarks;
  readonly replacements: Replacements;
  readonly #lake: RedisLake;
  readonly #options: StoreOptions;
  readonly #hooks: FaultHooks;
  readonly #commits: CommitList;
  readonly #signsOfLife: SignsOfLife;
  #seenIdCount: number;
  /** What was asked for last, before the commit under way and while it is: the next commits are made of it. */
  #asked: readonly AskedIds[] = [];
  /** The last commit of this process, 0 before the first. */
  #lastSequence = 0;
  /** The number of a commit that was tried without an answer, so that it may have been made, or be made yet. */
  #unsettled: number | null = null;

  private constructor(
    lake: RedisLake,
    options: StoreOptions,
    { instanceId, idKey, seenIdCount }: Awaited<ReturnType<typeof openLake>>,
  ) {
    this.#lake = lake;
    this.#options = options;
    this.#hooks = options.hooks ?? noFaults;
    this.#commits = new CommitList(lake.connection, lake.key("commits"));
    this.instanceId = instanceId;
    this.idKey = idKey;
    this.deadLetters = new RedisMarks(lake, this.#hooks);
    this.replacements = new RedisReplacements(lake, {
      commits: this.#commits,
      make: (replacement) => this.#replace(replacement),
      operate: (name, action) => this.#operate(name, action),
    });
    this.#seenIdCount = seenIdCount;
    this.#signsOfLife = new SignsOfLife(async () => {
      await lake.run("live", [instanceId]);
    });
  }

  /**
   * Registers a new instance, and begins the lake where there is none.
   *
   * @throws OrillaError with exit code 2 where the server may drop keys by itself, or refuses the user; 3 where
   * its keys are of another version, or not all there
   */
  static async open(address: RedisAddress, options: StoreOptions): Promise<RedisStore> {
    await using resources = new AsyncDisposableStack();
    const lake = resources.use(new RedisLake(address));
    const opened = await openLake(lake, options);
    resources.move();
    return new RedisStore(lake, options, opened);
  }

  get seenIdCount(): number {
    return this.#seenIdCount;
  }

  /** What was opened is the server's: there is no file that could be gone. */
  assertInPlace(): Promise<void> {
    return Promise.resolve();
  }

  async read(): Promise<Committed> {
    const [last, partitions, counters] = await this.#lake.sendAll([
      ["HGET", "lake", "last_sequence"],
      ["HGETALL", "partitions"],
      ["HGETALL", `counters:${this.instanceId}`],
    ]);
    return {
      sequence: numberOf(last ?? "0"),
      partitions: Array.from(
        fieldsOf(partitions),
        ([field, state]) => partitionStateOf(field, state),
      ),
      counters: countersOf(Array.from(fieldsOf(counters), counterRowOf)),
    };
  }

  async lastCommitMs(): Promise<number | null> {
    const ms = await this.#lake.send("HGET", "lake", "last_commit_ms");
    return ms === null ? null : numberOf(ms);
  }

  async recentCounts(recordCount: number): Promise<readonly CommitCounts[]> {
    const counts: CommitCounts[] = [];
    let sum = 0;
    for await (const { ranges } of this.#commits.latestFirst()) {
      const own = ranges.filter(({ topic }) => topic !== REPLAY_PARTITION.topic);
      if (own.length === 0) continue;
      const rejectedCount = own.reduce((total, range) => total + range.rejectedCount, 0);
      const receivedCount = own.reduce(
        (total, range) => total + range.publishedCount + range.duplicateCount,
        rejectedCount,
      );
      counts.push({ receivedCount, rejectedCount });
      sum += receivedCount;
      if (sum >= recordCount) break;
    }
    return counts;
  }

  async dateTotals(): Promise<readonly DateTotals[]> {
    const totals = new Map<string, DateTotals>();
    for await (const page of this.#pages()) addUpDates(totals, page);
    return [...totals.values()];
  }

  async *eventFiles(first: number): AsyncGenerator<readonly ManifestFile[]> {
    for await (const page of this.#pages()) {
      const commits = page.filter(({ sequence }) => sequence >= first);
      yield commits.flatMap(({ files }) => files.filter(({ kind }) => kind === "events"));
    }
  }

  async unpublished(): Promise<readonly UnpublishedCommit[]> {
    const records = listOf(await this.#lake.send("HVALS", "unpublished"));
    return records.map((text) => commitRecordOf(textOf(text)))
      .sort((a, b) => a.sequence - b.sequence)
      .map(({ sequence, instanceId, files }) => ({ sequence, instanceId, files }));
  }

  async instanceIds(): Promise<readonly string[]> {
    return listOf(await this.#lake.send("SMEMBERS", "instances")).map(textOf);
  }

  async rebuiltInstanceIds(): Promise<readonly string[]> {
    return listOf(await this.#lake.send("SMEMBERS", "rebuilt")).map(textOf);
  }

  async endedInstances(staged: Iterable<string>): Promise<ReadonlySet<string>> {
    const names = [...staged];
    const silentMs = expelAfterMsOf(this.#options);
    const args = [this.instanceId, String(silentMs), String(names.length), ...names];
    return new Set(listOf(await this.#lake.run("ended", args)).map(textOf));
  }

  async unknownAmong(commits: Iterable<CommitName>): Promise<readonly CommitName[]> {
    return await unknownAmong(this.#lake, commits);
  }

  async setting(name: string): Promise<string | null> {
    const value = await this.#lake.send("HGET", "settings", name);
    return value === null ? null : textOf(value);
  }

  async note(name: string, value: string): Promise<void> {
    await this.#lake.send("HSET", "settings", name, value);
  }

  async claim(
    partitions: readonly TopicPartition[],
    claimant: Claimant | null,
  ): Promise<readonly PartitionState[] | null> {
    await this.#settle();
    const fields = partitions.map(partitionField);
    const by = [claimant?.groupId ?? "", String(claimant?.generation ?? 0)];
    const silentMs = String(expelAfterMsOf(this.#options));
    const args = [this.instanceId, ...by, silentMs, String(fields.length), ...fields];
    const answer = await this.#operate("claim", () => this.#lake.run("claim", args));
    if (answer instanceof Uint8Array) {
      if (textOf(answer) === "outdated") return null;
      throw this.#notAlive(answer);
    }
    return listOf(answer).flatMap((state, place) =>
      state === null ? [] : [partitionStateOf(fields[place] ?? "", textOf(state))]
    );
  }

  async reserve(): Promise<number> {
    const answer = textOf(await this.#lake.run("reserve", [this.instanceId]));
    if (answer === "lost" || Number(answer) <= this.#lastSequence) throw lostError(this.#lake);
    return Number(answer);
  }

  async seenAmong(hashes: Uint32Array, nowMs: number): Promise<Uint8Array> {
    const isSeen = new Uint8Array(hashes.length / HASH_WORDS);
    let addedCount: string | null = null;
    for (let first = 0; first < isSeen.length; first += ASK_IDS) {
      const asked = hashes.subarray(first * HASH_WORDS, (first + ASK_IDS) * HASH_WORDS);
      const args = [idBlock(asked), String(nowMs), String(this.#options.ttlMs)];
      const [count, answers] = listOf(await this.#lake.run("seen", args));
      assert(answers instanceof Uint8Array, "each id that was asked for has an answer");
      isSeen.set(answers.map((digit) => digit - 48), first);
      addedCount ??= textOf(count);
    }
    const asked = { hashes, isSeen, nowMs, addedCount: addedCount ?? "" };
    this.#asked = [asked, ...this.#asked].slice(0, KEPT_ANSWERS);
    return isSeen;
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    await this.#begin(commit);
    const outcome = await this.#write(commit, "commit");
    if (outcome === "committed") this.#lastSequence = commit.sequence;
    this.#unsettled = null;
    return outcome;
  }

  async withdraw(sequence: number): Promise<boolean> {
    if (this.#unsettled === sequence) await this.#settle();
    return this.#lastSequence === sequence;
  }

  async rehearse(commit: Commit): Promise<void> {
    await this.#write(commit, "rehearse");
  }

  async adopt(commit: Commit): Promise<void> {
    await this.#write(commit, "adopt");
    this.#lastSequence = commit.sequence;
  }

  async markPublished(sequences: readonly number[]): Promise<void> {
    if (sequences.length === 0) return;
    await this.#operate(
      "published",
      () => this.#lake.send("HDEL", "unpublished", ...sequences.map(String)),
    );
  }

  async tidy({ nowMs }: TidyLimits): Promise<number> {
    const { ttlMs, duplicateTtlMs } = this.#options;
    const args = [nowMs, ttlMs, duplicateTtlMs, DROP_COMMITS].map(String);
    const [gone, left] = listOf(await this.#operate("expire", () => this.#lake.run("tidy", args)));
    this.#seenIdCount = numberOf(left);
    return numberOf(gone);
  }

  async leave(): Promise<void> {
    this.#signsOfLife[Symbol.dispose]();
    await this.#lake.run("leave", [this.instanceId]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signsOfLife[Symbol.dispose]();
    await this.#lake[Symbol.asyncDispose]();
  }

  /** All commits, without files that were merged into others. */
  async *#pages(): AsyncGenerator<readonly CommitRecord[]> {
    const { commitCount, replaced } = await readManifest(this.#lake);
    yield* this.#commits.pages(commitCount, { replaced });
  }

  /** The answer of a commit before this one may have been lost. */
  async #begin({ sequence }: Commit): Promise<void> {
    if (this.#unsettled !== sequence) await this.#settle();
    this.#unsettled = sequence;
  }

  async #replace(replacement: Replacement): Promise<boolean> {
    const { commit: { sequence } } = replacement;
    await this.#begin(replacement.commit);
    const { instanceId } = this, { duplicateTtlMs } = this.#options;
    const context = { instanceId, lastSequence: this.#lastSequence, duplicateTtlMs };
    const args = replaceArguments(replacement, context);
    const answer = await this.#operate("replace", () => this.#lake.run("replace", args));
    switch (textOf(answer)) {
      case "committed":
        this.#lastSequence = sequence;
        this.#unsettled = null;
        return true;
      case "refused":
        this.#unsettled = null;
        return false;
      default:
        throw this.#notAlive(answer);
    }
  }

  async #write(commit: Commit, mode: CommitContext["mode"]): Promise<CommitOutcome> {
    const { instanceId } = this;
    const { ttlMs, duplicateTtlMs } = this.#options;
    const lastSequence = this.#lastSequence;
    const knownFresh = this.#asked.find((asked) => areKnownFresh(commit, asked))?.addedCount ?? "";
    const context = { mode, instanceId, lastSequence, ttlMs, duplicateTtlMs, knownFresh };
    const run = () => this.#lake.run("commit", commitArguments(commit, context));
    const answer = mode === "rehearse" ? await run() : await this.#operate("commit", run);
    const [outcome = null, seenIdCount, addedCount] = listOf(answer);
    switch (textOf(outcome)) {
      case "committed":
        this.#seenIdCount = numberOf(seenIdCount);
        // Left out where it was made before, or is a rehearsal.
        if (addedCount !== undefined) this.#noteAdded(commit, numberOf(addedCount));
        return "committed";
      case "seen_meanwhile":
        return "seen_meanwhile";
      case "fenced":
        return "fenced";
      case "replayed":
        throw new Error("Assertion failed: a dead letter is replayed once");
      case "withdrawn":
        throw new Error("Assertion failed: a commit that was given up is not made");
      default:
        throw this.#notAlive(outcome);
    }
  }

  #noteAdded(commit: Commit, addedCount: number): void {
    this.#asked = this.#asked.map((asked) => afterOwn(commit, asked, addedCount));
  }

  /** Finds out whether the last commit was made whose answer was lost; if not, it never will be. */
  async #settle(): Promise<void> {
    const sequence = this.#unsettled;
    if (sequence === null) return;
    const answer = await this.#lake.run("withdraw", [this.instanceId, String(sequence)]);
    if (textOf(answer) === "committed") this.#lastSequence = sequence;
    this.#unsettled = null;
  }

  #notAlive(state: Reply): Error {
    return textOf(state) === "expelled" ? expelledError(this.#lake.name) : lostError(this.#lake);
  }

  #operate<T>(name: TransactionName, action: () => Promise<T>): Promise<T> {
    return operateAt(this.#lake, { name, hooks: this.#hooks }, action);
  }
}
