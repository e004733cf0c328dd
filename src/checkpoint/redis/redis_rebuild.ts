import { HASH_WORDS } from "../../core/id_hash.ts";
import { type FaultHooks, noFaults } from "../../runtime/operations.ts";
import { SignsOfLife } from "../instances.ts";
import {
  alreadyRebuiltError,
  inUseError,
  isExpired,
  knownCommitsError,
  type RebuiltCommit,
  type RebuiltIds,
  type RebuiltLake,
  shortStoreError,
  silentMsOf,
  type StoreRebuild,
  type StoreRebuildOptions,
  takenOverError,
} from "../store_rebuild.ts";
import type { RedisAddress } from "./address.ts";
import {
  bucketOf,
  counterArguments,
  filterArguments,
  rangeArguments,
  replayArguments,
  traceMsOf,
} from "./commit_arguments.ts";
import type { Argument } from "./connection.ts";
import { idBlock } from "./id_blocks.ts";
import { idKeyOf, KEYS_VERSION, newKey, otherVersionError, refuseEviction } from "./opening.ts";
import { commitText } from "./records.ts";
import { operateAt, RedisLake } from "./redis_lake.ts";
import { replacedText } from "./redis_replacements.ts";
import { listOf, textOf } from "./replies.ts";
import type { Script } from "./scripts.ts";

/** Ids added at once: some hundredths of a second, so that the server serves others in between. */
const ADD_IDS = 20_000;
/** Commits removed at once. */
const CLEAR_COMMITS = 200;

/** The keys of a lake in a Redis, made anew from the lake's files. */
export class RedisRebuild implements StoreRebuild {
  readonly idKey: Uint32Array;
  readonly #lake: RedisLake;
  readonly #token: string;
  readonly #options: StoreRebuildOptions;
  readonly #hooks: FaultHooks;
  readonly #signsOfLife: SignsOfLife;

  private constructor(
    lake: RedisLake,
    { token, idKey }: { readonly token: string; readonly idKey: Uint32Array },
    options: StoreRebuildOptions,
  ) {
    this.#lake = lake;
    this.#token = token;
    this.#options = options;
    this.#hooks = options.hooks ?? noFaults;
    this.idKey = idKey;
    this.#signsOfLife = new SignsOfLife(async () => {
      await lake.run("rebuild_live", [token]);
    });
  }

  /**
   * Begins: the lake's keys are gone then, and no process opens them.
   *
   * @throws OrillaError with exit code 1 where a process has the lake open or is making it anew, 2 where it has commits,
   * or the server may drop keys by itself, 3 where its keys are of another version
   */
  static async begin(address: RedisAddress, options: StoreRebuildOptions): Promise<StoreRebuild> {
    await using resources = new AsyncDisposableStack();
    const lake = resources.use(new RedisLake(address));
    await refuseEviction(lake);
    const token = crypto.randomUUID();
    const hooks = options.hooks ?? noFaults;
    const args = [token, KEYS_VERSION, newKey(), String(silentMsOf(options))];
    const answer = await operateAt(
      lake,
      { name: "rebuild", hooks },
      () => lake.run("rebuild_begin", args),
    );
    const [state = "", detail = ""] = listOf(answer).map(textOf);
    if (state !== "begun") throw refusal(lake, { state, detail });
    const rebuild = new RedisRebuild(lake, { token, idKey: idKeyOf(detail) }, options);
    resources.use(rebuild);
    await rebuild.#clear();
    resources.move();
    return rebuild;
  }

  get name(): string {
    return this.#lake.name;
  }

  async adopt({ instanceId, commit, replaced }: RebuiltCommit): Promise<void> {
    const { sequence, committedAtMs, files, ranges, replays, counters, traces } = commit;
    const sources = replaced.map(({ path }) => ({ finalPath: path, bytes: 0, sequence: 0 }));
    const traceMs = this.#traceMs(committedAtMs);
    // Before the ids: the commits name the filters, and an interrupted rebuild is removed by them.
    await this.#run("rebuild_adopt", [
      ...[String(sequence), String(committedAtMs), commitText(commit, instanceId)],
      String(traceMs ?? 0),
      ...rangeArguments(ranges),
      ...replayArguments(replays, { sequence, committedAtMs }),
      ...[files[0]?.finalPath ?? "", replacedText(sources), String(replaced.length)],
      ...replaced.flatMap(({ path, isThere }) => [path, isThere ? "1" : "0"]),
      ...filterArguments(traceMs === null ? [] : traces.filters),
      ...counterArguments(counters),
    ]);
    const seenAtMs = committedAtMs, hashes = commit.freshHashes;
    await this.adoptIds([{ instanceId, sequence, seenAtMs, hashes }]);
  }

  async adoptIds(runs: readonly RebuiltIds[]): Promise<void> {
    for (const { hashes, seenAtMs } of runs) {
      if (isExpired(seenAtMs, this.#options)) continue;
      const { name, leftMs } = bucketOf(seenAtMs, this.#options.ttlMs);
      for (let first = 0; first < hashes.length; first += ADD_IDS * HASH_WORDS) {
        const block = idBlock(hashes.subarray(first, first + ADD_IDS * HASH_WORDS));
        await this.#run("rebuild_ids", [block, name, String(seenAtMs), String(leftMs)]);
      }
    }
  }

  async end({ commitCount, lastSequence, instanceIds, settings }: RebuiltLake): Promise<void> {
    const state = await this.#run("rebuild_end", [
      ...[KEYS_VERSION, String(lastSequence), String(commitCount), String(this.#options.ttlMs)],
      ...[String(instanceIds.length), ...instanceIds],
      ...[String(settings.size), ...[...settings].flat()],
    ]);
    if (state === "short") throw shortStoreError(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signsOfLife[Symbol.dispose]();
    await this.#lake[Symbol.asyncDispose]();
  }

  async #clear(): Promise<void> {
    while (await this.#run("rebuild_clear", [String(CLEAR_COMMITS)]) === "more");
  }

  /** How long Redis is to keep what a trace goes by, milliseconds; 0 for ever; null where its time is over. */
  #traceMs(committedAtMs: number): number | null {
    const keptMs = traceMsOf(this.#options.duplicateTtlMs);
    if (keptMs === 0) return 0;
    const leftMs = committedAtMs + keptMs - this.#options.nowMs;
    return leftMs > 0 ? leftMs : null;
  }

  async #run(script: Script, args: readonly Argument[]): Promise<string> {
    const run = () => this.#lake.run(script, [this.#token, ...args]);
    const state = textOf(await operateAt(this.#lake, { name: "rebuild", hooks: this.#hooks }, run));
    if (state === "taken") throw takenOverError(this.name);
    return state;
  }
}

function refusal(
  lake: RedisLake,
  { state, detail }: { readonly state: string; readonly detail: string },
): Error {
  switch (state) {
    case "taken":
      return alreadyRebuiltError(lake.name);
    case "open":
      return inUseError(lake.name);
    case "known":
      return knownCommitsError(lake.name, `delete the keys ${lake.key("*")}`);
    default:
      return otherVersionError(lake, detail);
  }
}
