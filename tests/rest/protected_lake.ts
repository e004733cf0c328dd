import { createHash } from "node:crypto";
import type { ProtectionOptions } from "../../src/lake/protection.ts";
import type { RawRecord } from "../../src/core/record.ts";
import { RecordList } from "../../src/core/record_list.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { testSession } from "../crash/lake_run.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";

/** Where the records of these tests lie. */
export const AT = { topic: "events", partition: 0 } as const;

/** Takes records into a lake that is protected so, and closes it. */
export async function takeIn(
  outDir: string,
  protection: ProtectionOptions,
  records: readonly RawRecord[],
): Promise<void> {
  await using session = await LakeSession.open(testSession(outDir, { protection }));
  await session.pipeline.add({ ...AT, records: new RecordList(records) });
  await session.pipeline.commit("end");
  await session.close();
}

/** Everything that a reader of the lake can see, as one text: rows, file names, metadata and bytes. */
export async function everythingIn(outDir: string): Promise<string> {
  const rows = [...await readLake(outDir), ...await readDeadLetters(outDir)].flatMap((row) =>
    Object.entries(row).flatMap(([name, value]) => [name, ...textsIn(value)])
  );
  const files = (await filesBelow(outDir)).flatMap(({ path, bytes }) => [path, latin1(bytes)]);
  return [...rows, ...files].join("\n");
}

/** What tells whether a file was changed; SQLite's index of its log, and an empty log, hold nothing. */
export async function snapshotOf(outDir: string): Promise<readonly string[]> {
  const files = (await filesBelow(outDir)).filter(({ path, bytes }) =>
    !path.endsWith("-shm") && !(path.endsWith("-wal") && bytes.length === 0)
  );
  return files.map(({ path, bytes, changed }) =>
    `${path} ${changed} ${createHash("sha256").update(bytes).digest("hex")}`
  );
}

function textsIn(value: unknown): string[] {
  if (value instanceof Uint8Array) return [latin1(value)];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(textsIn);
  return [String(value)];
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

async function filesBelow(
  folder: string,
): Promise<{ path: string; bytes: Uint8Array; changed: number }[]> {
  const found = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await filesBelow(path));
    else {
      const changed = (await Deno.stat(path)).mtime?.getTime() ?? 0;
      found.push({ path, bytes: await Deno.readFile(path), changed });
    }
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}
