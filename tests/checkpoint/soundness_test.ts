import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CHECKPOINT_FILE, SCHEMA_VERSION } from "../../src/checkpoint/schema.ts";
import { checkSoundness } from "../../src/checkpoint/soundness.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, manifestFile, openCheckpoint, rangeOf } from "./commits.ts";

/** A checkpoint with two commits and ids enough for pages of its own. */
function fill(outDir: string): void {
  using checkpoint = openCheckpoint(outDir);
  const freshIds = Array.from({ length: 20_000 }, (_, i) => `id${i}`);
  checkpoint.commit(commitOf(1, { files: [manifestFile("a")], ranges: [rangeOf(0n, 3n)] }));
  checkpoint.commit(commitOf(2, { freshIds }));
}

function change(outDir: string, sql: string): void {
  using database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`);
  database.exec(sql);
}

/** Overwrites the first page of a table with what is no page. */
async function damage(outDir: string, table: string): Promise<void> {
  change(outDir, "PRAGMA wal_checkpoint(TRUNCATE)");
  const path = `${outDir}/${CHECKPOINT_FILE}`;
  let at = 0, size = 0;
  {
    using database = new DatabaseSync(path);
    const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table);
    size = Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
    at = (Number(root?.["rootpage"]) - 1) * size;
  }
  using file = await Deno.open(path, { write: true });
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(new Uint8Array(size).fill(0xa5));
}

Deno.test("checkSoundness() says how far a sound checkpoint is, also while it is open", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path);
  using checkpoint = openCheckpoint(folder.path);
  const sound = {
    kind: "sound",
    schemaVersion: SCHEMA_VERSION,
    instanceId: checkpoint.instanceId,
    sequence: 2,
    lastCommitMs: 2_000,
    isWhole: true,
  };
  assert.deepEqual(checkSoundness(folder.path), sound);
  checkpoint.commit(commitOf(3));
  assert.deepEqual(checkSoundness(folder.path), { ...sound, sequence: 3, lastCommitMs: 3_000 });
  const small = { ...sound, sequence: 3, lastCommitMs: 3_000, isWhole: false };
  assert.deepEqual(checkSoundness(folder.path, 1_000), small);
});

Deno.test("checkSoundness() finds damaged pages, those of bulk only in a whole look", async () => {
  for (const [table, inQuickLook] of [["offset_ranges", "damaged"], ["seen_chunks", "sound"]]) {
    await using folder = await temporaryFolder();
    fill(folder.path);
    await damage(folder.path, table ?? "");
    const found = checkSoundness(folder.path);
    assert.ok(found.kind === "damaged", table);
    assert.match(found.detail, /orilla rebuild/);
    assert.equal(checkSoundness(folder.path, 1_000).kind, inQuickLook, table);
  }
});

Deno.test("checkSoundness() tells damage, another version, and a file that cannot be opened apart", async () => {
  await using folder = await temporaryFolder();
  fill(folder.path);
  change(
    folder.path,
    `UPDATE meta SET value = '${SCHEMA_VERSION + 1}' WHERE key = 'schema_version'`,
  );
  const newer = checkSoundness(folder.path);
  assert.ok(newer.kind === "damaged");
  assert.match(newer.detail, /has schema version \d+, this orilla knows .* Use the orilla that/);
  assert.doesNotMatch(newer.detail, /rebuild/, "its data is no worse for that");

  await Deno.writeTextFile(`${folder.path}/${CHECKPOINT_FILE}`, "no database at all, ".repeat(99));
  const other = checkSoundness(folder.path);
  assert.ok(other.kind === "damaged" && other.detail.includes("not a database"), other.kind);

  await Deno.remove(`${folder.path}/${CHECKPOINT_FILE}`);
  await Deno.mkdir(`${folder.path}/${CHECKPOINT_FILE}`);
  assert.equal(checkSoundness(folder.path).kind, "out_of_reach");
});
