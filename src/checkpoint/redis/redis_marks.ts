import { assert } from "../../core/errors.ts";
import type { PurgedFile } from "../../core/purge.ts";
import type { Origin } from "../../core/record.ts";
import type { MarkedReplay, Replay } from "../../core/replay.ts";
import { type FaultHooks, operate } from "../../runtime/operations.ts";
import type { DeadLetterMarks } from "../commit_store.ts";
import type { RedisLake } from "./redis_lake.ts";
import { filterKey, letterField, markedReplayOf, markText, purgeText } from "./records.ts";
import { listOf, textOf } from "./replies.ts";

/** What a lake in Redis notes of dead letters. */
export class RedisMarks implements DeadLetterMarks {
  readonly #lake: RedisLake;
  readonly #hooks: FaultHooks;

  constructor(lake: RedisLake, hooks: FaultHooks) {
    this.#lake = lake;
    this.#hooks = hooks;
  }

  async markOf(letter: Origin): Promise<MarkedReplay | null> {
    return await readMark(this.#lake, letter);
  }

  async markSent(replays: readonly Replay[], replayedAtMs: number): Promise<void> {
    const marks = replays.flatMap(({ letter, outcome, detail }) => [
      letterField(letter),
      markText({ outcome, detail, sequence: null, replayedAtMs }),
    ]);
    const answer = await this.#operate(
      "replay",
      () => this.#lake.run("mark", [String(replays.length), ...marks]),
    );
    assert(textOf(answer) === "marked", "a dead letter is replayed once");
  }

  async purge(files: readonly PurgedFile[]): Promise<void> {
    const args = files.flatMap((file) => [
      file.path,
      purgeText(file),
      filterKey(file.sequence, file.path),
    ]);
    await this.#operate("purge", () => this.#lake.run("purge", [String(files.length), ...args]));
  }

  async unremovedPurges(): Promise<readonly string[]> {
    return listOf(await this.#lake.send("SMEMBERS", "unremoved")).map(textOf).sort();
  }

  async markRemoved(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    await this.#operate("purged", () => this.#lake.send("SREM", "unremoved", ...paths));
  }

  /** One command or script is a transaction: it is begun and done by its answer. */
  async #operate<T>(name: "replay" | "purge" | "purged", action: () => Promise<T>): Promise<T> {
    const path = this.#lake.name;
    await operate(this.#hooks, { label: `${name}:begin`, path }, () => Promise.resolve());
    await operate(this.#hooks, { label: `${name}:write`, path }, () => Promise.resolve());
    return await operate(this.#hooks, { label: `${name}:end`, path }, action);
  }
}

/** What became of a dead letter, null where it waits. */
export async function readMark(lake: RedisLake, letter: Origin): Promise<MarkedReplay | null> {
  const field = letterField(letter);
  const text = await lake.send("HGET", "replays", field);
  return text === null ? null : markedReplayOf(field, textOf(text));
}
