import { CHECKPOINT_FILE } from "../checkpoint/schema.ts";
import type { CommitStore } from "../checkpoint/commit_store.ts";
import { type LakeFile, listPublished } from "../lake/lake_reader.ts";
import {
  NO_PROTECTION,
  parseRecorded,
  protect,
  type Protection,
  type ProtectionOptions,
  type RecordedProtection,
  recordedText,
} from "../lake/protection.ts";
import type { LakeFiles } from "../lake/storage.ts";
import { folderModeOf, isWiderThan } from "../runtime/file_mode.ts";
import type { Files } from "../runtime/files.ts";
import type { Log } from "../runtime/logs.ts";

/** The name that the checkpoint remembers the protection under. */
const SETTING = "protection";
const NOTHING_RECORDED: RecordedProtection = { keyChecks: {}, pseudonymizedFields: [] };

/**
 * Holds the keys and fields of this run against what the lake remembers, and notes what is new of them; a run that
 * goes by what is recorded brings none.
 *
 * @throws OrillaError with exit code 2, before anything is written, where they do not fit
 */
export async function protectLake(
  files: LakeFiles,
  checkpoint: CommitStore,
  options: ProtectionOptions | "as_recorded",
): Promise<Protection> {
  const { sequence } = await checkpoint.read();
  const stored = await checkpoint.setting(SETTING);
  // A checkpoint that lost its note is behind its lake, and is about to be brought up to it.
  const newer = stored !== null
    ? []
    : (await listPublished(files)).filter((file) =>
      file.instanceId === checkpoint.instanceId && file.sequence > sequence
    );
  const isNew = sequence === 0 && newer.length === 0;
  const recorded = stored === null ? await newestNote(files, newer) : parseRecorded(stored);
  if (options === "as_recorded") return { ...NO_PROTECTION, recorded };
  const protection = protect(options, { recorded: isNew ? null : recorded, isNew });
  const text = recordedText(protection.recorded ?? NOTHING_RECORDED);
  if (text !== (stored ?? recordedText(NOTHING_RECORDED))) await checkpoint.note(SETTING, text);
  return protection;
}

/** Gives a checkpoint that is made from the lake's files what these remember of their protection. */
export async function restoreProtection(
  files: LakeFiles,
  checkpoint: { note(name: string, value: string): void | Promise<void> },
  published: readonly LakeFile[],
): Promise<void> {
  const recorded = await newestNote(files, published);
  if (recorded !== null) await checkpoint.note(SETTING, recordedText(recorded));
}

/** The fields that a lake holds as keyed hashes, as its checkpoint remembers them. */
export function pseudonymizedFieldsOf(
  checkpoint: { setting(name: string): string | null },
): readonly string[] {
  const stored = checkpoint.setting(SETTING);
  return stored === null ? [] : parseRecorded(stored).pseudonymizedFields;
}

async function newestNote(files: LakeFiles, published: readonly LakeFile[]) {
  const [newest] = published.toSorted((a, b) => b.stagedAtMs - a.stagedAtMs);
  if (newest === undefined) return null;
  // Loaded where a checkpoint is behind its lake, which is rare.
  const [{ loadParquet }, { readProtection }] = await Promise.all([
    import("../lake/parquet.ts"),
    import("../lake/file_content.ts"),
  ]);
  await loadParquet();
  return await readProtection(files, newest);
}

/** Says where OUT_DIR was made before and lets others in: what is there keeps its mode. */
export async function tellWiderModes(
  files: Files,
  log: Log,
  { fileMode }: { readonly fileMode: number },
): Promise<void> {
  for (
    const [path, mode] of [[".", folderModeOf(fileMode)], [CHECKPOINT_FILE, fileMode]] as const
  ) {
    const wider = await isWiderThan(files.absolute(path), mode);
    if (!wider) continue;
    const name = path === "." ? "OUT_DIR" : path;
    log.info(
      `${name} was made before and keeps its mode, which allows more than --file-mode does. ` +
        `chmod ${mode.toString(8)} narrows it`,
      { outDir: files.absolute(".") },
    );
  }
}
