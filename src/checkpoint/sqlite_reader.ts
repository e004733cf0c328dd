import type { Origin } from "../core/record.ts";
import type { MarkedReplay } from "../core/replay.ts";
import { isThereSync } from "../runtime/file_mode.ts";
import { CHECKPOINT_FILE } from "./schema.ts";
import type { CheckpointPositions, CheckpointReader, ServerCheck } from "./checkpoint_reader.ts";
import { countDeadLetters, type LakeHistory, readHistory } from "./history.ts";
import {
  type CheckpointContent,
  inspectCheckpoint,
  inspectPositions,
  isPurged,
} from "./inspection.ts";
import { type LakeStatus, readLakeStatus } from "./lake_status.ts";
import { isLocked } from "./lock.ts";
import { openReplayMarks, type ReplayMarks } from "./replay_marks.ts";
import { isReplaced, readUnremoved } from "./replaced_files.ts";
import { readSmallFiles, type SmallFilesOfFolder, type SmallFilesRule } from "./small_files.ts";
import { checkSoundness, type Soundness } from "./soundness.ts";
import {
  type CheckpointTrace,
  readFileFilter,
  sequenceAt,
  type TracedFile,
  traceInCheckpoint,
} from "./traces.ts";

/** Looks at the checkpoint in OUT_DIR; the file is opened anew for each answer. */
export class SqliteReader implements CheckpointReader {
  readonly isShared = false;
  readonly name: string;
  readonly #outDir: string;
  #marks: ReplayMarks | null = null;

  /** @param outDir absolute path */
  constructor(outDir: string) {
    this.#outDir = outDir;
    this.name = `${outDir}/${CHECKPOINT_FILE}`;
  }

  exists(): Promise<boolean> {
    return Promise.try(() => isThereSync(this.name));
  }

  isWriting(): Promise<boolean> {
    return Promise.try(() => isLocked(this.#outDir));
  }

  content(): Promise<CheckpointContent> {
    return Promise.try(() => inspectCheckpoint(this.#outDir));
  }

  positions(): Promise<CheckpointPositions> {
    return Promise.try(() => inspectPositions(this.#outDir));
  }

  status(dateLimit: number): Promise<LakeStatus> {
    return Promise.try(() => readLakeStatus(this.#outDir, dateLimit));
  }

  history(): Promise<LakeHistory> {
    return Promise.try(() => readHistory(this.#outDir));
  }

  trace(eventId: string): Promise<CheckpointTrace> {
    return Promise.try(() => traceInCheckpoint(this.#outDir, eventId));
  }

  fileFilter(file: Pick<TracedFile, "sequence" | "finalPath">): Promise<Uint8Array | null> {
    return Promise.try(() => readFileFilter(this.#outDir, file));
  }

  isPurged(path: string): Promise<boolean> {
    return Promise.try(() => isPurged(this.#outDir, path));
  }

  isReplaced(path: string): Promise<boolean> {
    return Promise.try(() => isReplaced(this.#outDir, path));
  }

  unremovedReplaced(): Promise<readonly string[]> {
    return Promise.try(() => readUnremoved(this.#outDir));
  }

  sequenceAt(committedAtMs: number): Promise<number | null> {
    return Promise.try(() => sequenceAt(this.#outDir, committedAtMs));
  }

  smallFiles(rule: SmallFilesRule): Promise<readonly SmallFilesOfFolder[]> {
    return Promise.try(() => readSmallFiles(this.#outDir, rule));
  }

  deadLetterCount(): Promise<number> {
    return Promise.try(() => countDeadLetters(this.#outDir));
  }

  markOf(letter: Origin): Promise<MarkedReplay | null> {
    return Promise.try(() => (this.#marks ??= openReplayMarks(this.#outDir)).markOf(letter));
  }

  soundness(): Promise<Soundness> {
    return Promise.try(() => checkSoundness(this.#outDir));
  }

  serverChecks(): readonly ServerCheck[] {
    return [];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.try(() => this.#marks?.[Symbol.dispose]());
  }
}
