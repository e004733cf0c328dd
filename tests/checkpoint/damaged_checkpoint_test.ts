import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { CHECKPOINT_FILE, SCHEMA_VERSION } from "../../src/checkpoint/schema.ts";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, manifestFile, openCheckpoint, rangeOf } from "./commits.ts";

function isDamage(error: unknown): boolean {
  return error instanceof OrillaError && error.exitCode === 3 &&
    error.message.includes(CHECKPOINT_FILE);
}

/** Makes a checkpoint with a commit in it, then changes it by SQL. */
function changedCheckpoint(outDir: string, sql: string): void {
  {
    using checkpoint = openCheckpoint(outDir);
    const files = [manifestFile("a")];
    checkpoint.commit(commitOf(1, { files, ranges: [rangeOf(0n, 3n)], freshIds: ["a", "b", "c"] }));
  }
  using database = new DatabaseSync(`${outDir}/${CHECKPOINT_FILE}`);
  database.exec(sql);
}

Deno.test("Checkpoint refuses a file that is no SQLite database", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/${CHECKPOINT_FILE}`;
  for (
    const bytes of [
      new Uint8Array(4096).fill(7),
      new TextEncoder().encode("not a database!!".repeat(9)),
    ]
  ) {
    await Deno.writeFile(path, bytes);
    assert.throws(() => openCheckpoint(folder.path), isDamage);
    assert.throws(() => inspectCheckpoint(folder.path), isDamage);
    assert.deepEqual(await Deno.readFile(path), bytes);
  }
});

for (const [what, from] of [["its schema", 100], ["its tables", 4096]] as const) {
  Deno.test(`Checkpoint refuses a file where ${what} is overwritten`, async () => {
    await using folder = await temporaryFolder();
    changedCheckpoint(folder.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    const path = `${folder.path}/${CHECKPOINT_FILE}`;
    const bytes = await Deno.readFile(path);
    assert.ok(bytes.length > 4096);
    await Deno.writeFile(path, bytes.fill(0xff, from));
    assert.throws(() => openCheckpoint(folder.path), isDamage);
  });
}

Deno.test("Checkpoint refuses a newer schema version, and says which", async () => {
  await using folder = await temporaryFolder();
  const newer = SCHEMA_VERSION + 1;
  changedCheckpoint(folder.path, `UPDATE meta SET value = '${newer}' WHERE key = 'schema_version'`);
  const namesBoth = (error: unknown) =>
    isDamage(error) && String(error).includes(`version ${newer}`) &&
    String(error).includes(`knows ${SCHEMA_VERSION}`);
  assert.throws(() => openCheckpoint(folder.path), namesBoth);
});

Deno.test("Checkpoint refuses tables that do not hold what they should", async () => {
  const changes = [
    "UPDATE partitions SET next_offset = 'soon'",
    "UPDATE partitions SET published = 1.5",
    "UPDATE partitions SET topic = x'00'",
  ];
  for (const change of changes) {
    await using folder = await temporaryFolder();
    changedCheckpoint(folder.path, change);
    using checkpoint = openCheckpoint(folder.path);
    assert.throws(() => checkpoint.read(), isDamage, change);
  }
  await using folder = await temporaryFolder();
  changedCheckpoint(folder.path, "UPDATE files SET checksum = 5, bytes = 'many'");
  using checkpoint = openCheckpoint(folder.path);
  assert.throws(() => checkpoint.unpublishedFiles(), isDamage);
});

Deno.test("Checkpoint refuses a file without its instance id", async () => {
  await using folder = await temporaryFolder();
  changedCheckpoint(folder.path, "UPDATE meta SET value = x'00' WHERE key = 'instance_id'");
  assert.throws(() => openCheckpoint(folder.path), isDamage);
});

Deno.test("inspectCheckpoint() reads everything that was committed", async () => {
  await using folder = await temporaryFolder();
  using checkpoint = openCheckpoint(folder.path);
  const files = [manifestFile("b"), manifestFile("a", { kind: "dead_letters" })];
  const ranges = [rangeOf(0n, 5n), rangeOf(2n ** 60n, 2n ** 60n + 1n, { partition: 2 })];
  checkpoint.commit(commitOf(1, { files, ranges, freshIds: ["a", "b"] }));
  checkpoint.commit(commitOf(2, { files: [manifestFile("c")], ranges: [rangeOf(7n, 8n)] }));
  const content = inspectCheckpoint(folder.path);
  assert.deepEqual(content.instanceIds, [checkpoint.instanceId]);
  assert.deepEqual(content.committed, checkpoint.read());
  assert.deepEqual(content.commits, [
    { sequence: 1, isPublished: true },
    { sequence: 2, isPublished: false },
  ]);
  assert.deepEqual(content.files, [
    { ...files[1], sequence: 1 },
    { ...files[0], sequence: 1 },
    { ...manifestFile("c"), sequence: 2 },
  ]);
  assert.deepEqual(content.ranges, [
    { ...ranges[0], sequence: 1 },
    { ...rangeOf(7n, 8n), sequence: 2 },
    { ...ranges[1], sequence: 1 },
  ]);
  assert.equal(content.seenIdCount, 2);
});

Deno.test("inspectCheckpoint() refuses a folder without a checkpoint, and makes none", async () => {
  await using folder = await temporaryFolder();
  assert.throws(() => inspectCheckpoint(folder.path), isDamage);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(folder.path)), []);
});
