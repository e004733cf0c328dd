import type { Commit } from "../core/commit.ts";
import { operatingError, usageError } from "../core/errors.ts";
import type { FaultHooks } from "../runtime/operations.ts";
import { WRITING_MS } from "./instances.ts";

/** The version that a store has while it is made anew: one that no orilla opens. */
export const REBUILDING = "rebuilding";

/** What a store is made anew with. */
export interface StoreRebuildOptions {
  /** See `StoreOptions`. */
  readonly ttlMs: number;
  readonly duplicateTtlMs: number;
  /** Milliseconds since 1970-01-01 UTC: ids that are expired by now are left out. */
  readonly nowMs: number;
  /** How long a process may have given no sign of life that is not waited for, milliseconds; left out, WRITING_MS. */
  readonly silentMs?: number;
  readonly hooks?: FaultHooks;
}

/** A file whose place a merged one took. */
export interface RebuiltReplacement {
  readonly path: string;
  /** Whether it still lies in the lake, and is to be removed. */
  readonly isThere: boolean;
}

/** A commit that was read back from the lake's files. */
export interface RebuiltCommit {
  /** Whose it is, as its files' names say. */
  readonly instanceId: string;
  /** With the number of its files' names. Its counters are what it adds. */
  readonly commit: Commit;
  /** Of the commit of a merged file; of others empty. */
  readonly replaced: readonly RebuiltReplacement[];
}

/** Ids of a commit of which rows lie in a merged file. */
export interface RebuiltIds {
  readonly instanceId: string;
  readonly sequence: number;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly seenAtMs: number;
  /** In their order, each once. */
  readonly hashes: Uint32Array;
}

/** What is known of a lake once all its commits are read back. */
export interface RebuiltLake {
  readonly commitCount: number;
  /** The largest number of any file, published or not. */
  readonly lastSequence: number;
  /** Processes whose files lie in the lake, published or not: all of them have ended. */
  readonly instanceIds: readonly string[];
  /** Settings of the lake by name. */
  readonly settings: ReadonlyMap<string, string>;
}

/**
 * An empty shared store that is made anew from the lake's files. No process opens it before `end`; one that was
 * interrupted is begun from the start by the next. Each call but `end` may be repeated after a failure that can pass, and
 * all throw an OrillaError with exit code 1 where another process has taken over.
 */
export interface StoreRebuild extends AsyncDisposable {
  /** As messages name the store. */
  readonly name: string;
  /** The key of the hashes that stand for event ids. */
  readonly idKey: Uint32Array;
  /** Takes a commit, which counts as published; in any order, its ids with it. */
  adopt(commit: RebuiltCommit): Promise<void>;
  /** Takes ids of commits. */
  adoptIds(runs: readonly RebuiltIds[]): Promise<void>;
  /** Opens the store for all processes. @throws OrillaError with exit code 1 where it has lost commits meanwhile */
  end(lake: RebuiltLake): Promise<void>;
}

/** For how long a process may be silent before it is not waited for. */
export function silentMsOf({ silentMs = WRITING_MS }: StoreRebuildOptions): number {
  return silentMs;
}

/** Whether ids that were seen at a time are expired. */
export function isExpired(
  seenAtMs: number,
  { ttlMs, nowMs }: Pick<StoreRebuildOptions, "ttlMs" | "nowMs">,
): boolean {
  return ttlMs > 0 && seenAtMs <= nowMs - ttlMs;
}

/** The failure to open a store that is being made anew, or was not finished. */
export function beingRebuiltError(storeName: string): Error {
  return operatingError(
    `${storeName} is being made anew from the lake's files. Wait for the end of orilla rebuild; if it was ` +
      `interrupted, run it again`,
  );
}

/** The refusal to make a store anew that knows commits. @param howToEmpty what removes its content */
export function knownCommitsError(storeName: string, howToEmpty: string): Error {
  return usageError(
    `Cannot rebuild in CHECKPOINT_URL: ${storeName} knows commits of a lake already, and may be the only one that ` +
      `knows them. Where it is of no use any more, empty it (${howToEmpty}) or name another lake (?lake=NAME), and run ` +
      `orilla rebuild again`,
  );
}

/** The refusal to make a store anew that a process writes to. */
export function inUseError(storeName: string): Error {
  return operatingError(
    `Another process has ${storeName} open. Stop all processes of the lake; one that was killed counts as ended ` +
      `after ${WRITING_MS / 1000} s`,
  );
}

/** The refusal to make a store anew beside another process that does. */
export function alreadyRebuiltError(storeName: string): Error {
  return operatingError(
    `Another orilla rebuild is making ${storeName} anew. Wait for it; if it was killed, run orilla rebuild again ` +
      `after ${WRITING_MS / 1000} s`,
  );
}

/** The failure to go on after another process has begun from the start. */
export function takenOverError(storeName: string): Error {
  return operatingError(
    `Another orilla rebuild has begun to make ${storeName} anew since this one gave no sign of life, or it was ` +
      `emptied. Wait for that one, or run orilla rebuild again`,
  );
}

/** The failure to end where the server has lost some of what it had confirmed. */
export function shortStoreError(storeName: string): Error {
  return operatingError(
    `${storeName} has lost commits while it was made anew: its server was started anew without all of its data. ` +
      `Run orilla rebuild again`,
  );
}
