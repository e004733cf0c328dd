import type { CheckpointReader } from "../checkpoint/checkpoint_reader.ts";
import { openReader } from "../checkpoint/open_store.ts";
import { failure, type Finding, ok, skipped, warning } from "../core/check.ts";
import { whyNotOurs } from "../core/delta_table.ts";
import { messageOf, OrillaError } from "../core/errors.ts";
import type { DiskSpace } from "../core/metrics.ts";
import { logError } from "../lake/delta_log_reader.ts";
import { listPublished } from "../lake/lake_reader.ts";
import { isTable } from "../lake/lake_reader.ts";
import { readTable } from "../pipeline/lake_table.ts";
import { systemClock } from "../runtime/clock.ts";
import { probeWriting } from "../runtime/write_probe.ts";
import { type CommandContext, type GivenFile, locationOf } from "./context.ts";
import { bucketFinding } from "./doctor_bucket.ts";
import { hasFolder } from "../options/s3_options.ts";
import type { Examination } from "./examination.ts";
import { counted, thousands } from "../core/count_text.ts";
import { bucketOf, storageOf } from "./lake.ts";
import { agoText, byteText, msText } from "./summary.ts";

/** The oldest Deno that orilla is tested with. */
const OLDEST_DENO = [2, 6, 10] as const;
/** An fsync that takes longer than this holds up every commit, which waits for several. */
const SLOW_FSYNC_MS = 100;
/** Room for a few commits, their checkpoint and its log. */
const LITTLE_BYTES = 1_073_741_824;

/** Checks of the program, its files, and OUT_DIR. */
export async function examineLake(
  context: CommandContext,
  examination: Examination,
): Promise<void> {
  const { config, checkpointDir: folder, surroundings, version } = context;
  await examination.check("orilla", () => programFinding(version, Deno.version.deno));
  await examination.check("key files", () => fileFinding(surroundings?.files ?? []));
  // It says at once what is wrong, where a consumer would wait.
  const bucket = bucketOf(context, { onRetry: () => {}, attempts: 1 });
  if (bucket !== null) await examination.check("OUT_DIR", () => bucketFinding(bucket));
  const name = bucket === null ? "OUT_DIR" : "local disk";
  if (folder === "" && hasFolder(config)) {
    await examination.check(name, () =>
      warning(
        `${config.checkpointDir ?? config.outDir} is not there`,
        "consumer and simulate make it; make it before, and doctor looks at it too",
      ));
    return examination.skip(
      ["space", "checkpoint", "lock"],
      `there is no ${bucket === null ? "OUT_DIR" : "CHECKPOINT_DIR"}`,
    );
  }
  if (folder === "") {
    examination.skip([name, "space"], "nothing of this lake lies on this machine");
  } else {
    await examination.check(name, () => writingFinding(folder));
    await examination.check("space", () => spaceFinding(surroundings?.space ?? null));
  }
  await using reader = await openReader(locationOf(context));
  for (const { name, make } of reader.serverChecks()) {
    if (!await examination.check(name, make)) {
      return examination.skip(["checkpoint", "lock"], "its server is not as it should be");
    }
  }
  await examination.check("checkpoint", () => checkpointFinding(context, reader));
  if (await isTable(storageOf(context))) {
    await examination.check("table", () => tableFinding(context));
  }
  await examination.check("lock", () => lockFinding(reader));
}

/** @param deno a version of Deno, `2.9.6` */
export function programFinding(version: string, deno: string): Finding {
  const text = `orilla ${version}, Deno ${deno}, ${Deno.build.os} ${Deno.build.arch}`;
  const facts = { version, deno, os: Deno.build.os, arch: Deno.build.arch };
  const parts = deno.split(".").map(Number);
  const first = OLDEST_DENO.findIndex((part, i) => part !== parts[i]);
  const isOld = first >= 0 && (parts[first] ?? 0) < (OLDEST_DENO[first] ?? 0);
  const oldest = OLDEST_DENO.join(".");
  return isOld ? failure(text, `use Deno ${oldest} or later`, { facts }) : ok(text, { facts });
}

/** Bits of others, and of the group. */
const READ_BY_OTHERS = 0o004, WRITTEN_BY_OTHERS = 0o022;

/** Secrets must not be for everybody to read; no such file may be changed by others. */
export function fileFinding(files: readonly GivenFile[]): Finding {
  const open = files.filter(({ mode, isSecret }) =>
    mode !== null && (mode & (WRITTEN_BY_OTHERS | (isSecret ? READ_BY_OTHERS : 0))) !== 0
  );
  const named = ({ flag, path, mode }: GivenFile) =>
    `${flag} ${path}${mode === null ? "" : ` (mode ${mode.toString(8).padStart(3, "0")})`}`;
  const facts = { files: files.map(({ mode, ...file }) => ({ ...file, mode: mode?.toString(8) })) };
  if (open.length > 0) {
    return warning(
      `${open.length} of ${files.length} can be read or changed by other users of this machine`,
      "chmod 600, or 640 where the group is to read it",
      { lines: open.map(named), facts },
    );
  }
  if (files.length === 0) return ok("none are given");
  return ok(`${files.length}, and other users can neither read nor change them`, { facts });
}

async function writingFinding(outDir: string): Promise<Finding> {
  const name = crypto.randomUUID().slice(0, 8);
  try {
    const tookMs = await probeWriting(outDir, { name, clock: systemClock });
    return fsyncFinding(outDir, tookMs);
  } catch (error) {
    const text = `${outDir} cannot be written: ${messageOf(error)}`;
    return failure(text, writingAdvice(error), { facts: { path: outDir, isWritable: false } });
  }
}

/** @param tookMs how long each fsync took, the shortest first */
export function fsyncFinding(outDir: string, tookMs: readonly number[]): Finding {
  const medianMs = tookMs[Math.floor(tookMs.length / 2)] ?? 0, mostMs = tookMs.at(-1) ?? 0;
  const facts = { path: outDir, isWritable: true, fsyncMedianMs: medianMs, fsyncMostMs: mostMs };
  const text = `${outDir} can be written; an fsync takes ${msText(medianMs)} ` +
    `(median of ${tookMs.length}; the longest ${msText(mostMs)})`;
  if (medianMs <= SLOW_FSYNC_MS) return ok(text, { facts });
  const advice = "each commit waits for several: use a faster disk, or larger batches " +
    "(--batch-max-events, --batch-max-latency-ms)";
  return warning(text, advice, { facts });
}

function writingAdvice(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return "make room; a consumer waits for it for --retry-budget-ms, and loses nothing";
    case "EROFS":
      return "mount it for writing";
    case "EACCES":
    case "EPERM":
      return "let this user write there, or name another --out-dir";
    default:
      return "name another --out-dir, or look at the system's own log";
  }
}

/** @param space null where the process may not ask */
export function spaceFinding(space: DiskSpace | null): Finding {
  if (space === null) {
    return skipped("it needs --allow-sys=statfs, which deno task doctor and the executable have");
  }
  const { freeBytes, totalBytes } = space;
  const text = `${byteText(freeBytes)} of ${byteText(totalBytes)} are free`;
  if (freeBytes >= LITTLE_BYTES) return ok(text, { facts: { ...space } });
  const advice =
    "make room before the disk is full: a consumer then waits for --retry-budget-ms, " +
    "and ends with exit code 1";
  return warning(text, advice, { facts: { ...space } });
}

async function checkpointFinding(
  context: CommandContext,
  reader: CheckpointReader,
): Promise<Finding> {
  if (!await reader.exists()) {
    const { length } = await listPublished(storageOf(context));
    if (length === 0) return ok("none yet; the first start begins one");
    const text = `${nameOf(reader)} is gone, and ${thousands(length)} files of the lake are there`;
    return failure(text, "restore it from a copy, or make a new one: orilla rebuild");
  }
  const found = await reader.soundness();
  switch (found.kind) {
    case "damaged":
    case "out_of_reach":
      return failure(found.detail, null, { facts: { state: found.kind } });
    case "sound": {
      const { kind, schemaVersion, sequence, lastCommitMs, isWhole } = found;
      const last = lastCommitMs === null
        ? "no commit yet"
        : `last commit ${sequence}, ${agoText(systemClock.nowMs() - lastCommitMs)}`;
      const part = isWhole
        ? ""
        : "; too large for a quick look at its seen ids and filters, which orilla verify reads";
      const lastCommitAt = lastCommitMs === null ? null : new Date(lastCommitMs).toISOString();
      const facts = { state: kind, schemaVersion, sequence, lastCommitAt, isWhole };
      return ok(`sound, schema version ${schemaVersion}; ${last}${part}`, { facts });
    }
    default:
      return found satisfies never;
  }
}

async function tableFinding(context: CommandContext): Promise<Finding> {
  try {
    const content = await readTable(storageOf(context));
    if (content === null) return ok("none");
    const { version, snapshot } = content;
    const facts = { version, files: snapshot.files.size };
    const reason = version < 0 ? null : whyNotOurs(snapshot);
    if (reason !== null) return failure(logError(reason).message, null, { facts });
    return ok(`Delta Lake, version ${version}, ${counted(snapshot.files.size, "file")}`, { facts });
  } catch (error) {
    if (!(error instanceof OrillaError)) throw error;
    return failure(error.message, null);
  }
}

/** The path is known already. */
function nameOf({ name, isShared }: CheckpointReader): string {
  return isShared ? name : name.slice(name.lastIndexOf("/") + 1);
}

async function lockFinding(reader: CheckpointReader): Promise<Finding> {
  const isHeld = await reader.isWriting();
  const text = isHeld ? "held by a running orilla" : "free: no orilla is writing here";
  return ok(text, { facts: { isHeld } });
}
