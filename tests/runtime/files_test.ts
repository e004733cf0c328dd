import assert from "node:assert/strict";
import { OrillaError } from "../../src/core/errors.ts";
import { Files } from "../../src/runtime/files.ts";
import { InjectedFailure, recordingHooks } from "./recording_hooks.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

const BYTES = Uint8Array.of(1, 2, 3, 4);
const STAGE = { write: "stage:write", fsync: "stage:fsync" } as const;
const METRICS = { write: "metrics:write", rename: "metrics:rename" } as const;

/** A folder of the test's own, files below it, and hooks that write down what happens to them. */
async function filesBelow() {
  const folder: TemporaryFolder = await temporaryFolder();
  const hooks = recordingHooks();
  const files = new Files(folder.path, hooks);
  return {
    files,
    hooks,
    root: folder.path,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("Files.absolute() is below the root", async () => {
  await using test = await filesBelow();
  assert.equal(test.files.absolute("."), test.root);
  assert.equal(test.files.absolute("a/b"), `${test.root}/a/b`);
});

Deno.test("Files.writeDurably() writes, then syncs", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.writeDurably("a", BYTES, STAGE);
  assert.deepEqual(await files.read("a"), BYTES);
  assert.deepEqual(hooks.done, ["stage:write a", "stage:fsync a"]);
});

Deno.test("Files.writeDurably() replaces what a crash left, also where that was longer", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.writeDurably("a", new Uint8Array(100_000), STAGE);
  await files.writeDurably("a", BYTES, STAGE);
  assert.equal(await files.size("a"), 4);
  hooks.tear = "stage:write";
  await files.writeDurably("a", BYTES, STAGE);
  assert.deepEqual(await files.read("a"), BYTES.subarray(0, 2));
});

Deno.test("Files.writeDurably() does not sync what it could not write", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  hooks.failBefore = "stage:write";
  await assert.rejects(files.writeDurably("a", BYTES, STAGE), InjectedFailure);
  assert.deepEqual(hooks.begun, ["stage:write a"]);
});

Deno.test("Files.replace() writes beside the file, then renames over it", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.replace("metrics.txt", BYTES, METRICS);
  await files.replace("metrics.txt", Uint8Array.of(9), METRICS);
  assert.deepEqual(await files.read("metrics.txt"), Uint8Array.of(9));
  assert.deepEqual(await files.list("."), ["metrics.txt"]);
  const names = ["metrics:write metrics.txt.new", "metrics:rename metrics.txt"];
  assert.deepEqual(hooks.done, [...names, ...names]);
});

Deno.test("Files.replace() leaves the old file whole where it fails or is torn", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.replace("metrics.txt", BYTES, METRICS);
  hooks.tear = "metrics:write";
  hooks.failBefore = "metrics:rename";
  const failing = files.replace("metrics.txt", new Uint8Array(50), METRICS);
  await assert.rejects(failing, InjectedFailure);
  assert.deepEqual(await files.read("metrics.txt"), BYTES);
  assert.equal(await files.size("metrics.txt.new"), 25);
});

Deno.test("Files.link() gives a second name and never replaces", async () => {
  await using test = await filesBelow();
  const { files } = test;
  await files.writeDurably("a", BYTES, STAGE);
  await files.link("a", "b", "publish:link");
  assert.deepEqual(await files.read("b"), BYTES);
  assert.deepEqual(await files.read("a"), BYTES);
  await files.writeDurably("c", Uint8Array.of(7), STAGE);
  await assert.rejects(files.link("c", "b", "publish:link"), Deno.errors.AlreadyExists);
  assert.deepEqual(await files.read("b"), BYTES);
  await assert.rejects(files.link("none", "d", "publish:link"), Deno.errors.NotFound);
});

Deno.test("Files.move() renames, and replaces", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.writeDurably("a", BYTES, STAGE);
  await files.writeDurably("b", Uint8Array.of(7), STAGE);
  await files.move("a", "b", "rebuild:rename");
  assert.deepEqual(await files.list("."), ["b"]);
  assert.deepEqual(await files.read("b"), BYTES);
  assert.equal(hooks.done.at(-1), "rebuild:rename b");
});

Deno.test("Files.remove() removes a file, and throws where there is none", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.writeDurably("a", BYTES, STAGE);
  hooks.failBefore = "recover:remove";
  await assert.rejects(files.remove("a", "recover:remove"), InjectedFailure);
  assert.ok(await files.exists("a"));
  await files.remove("a", "recover:remove");
  assert.equal(await files.exists("a"), false);
  await assert.rejects(files.remove("a", "recover:remove"), Deno.errors.NotFound);
});

Deno.test("Files.makeFolder() makes parents, and knows the folders whose entries changed", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.makeFolder("a/b", "publish:mkdir");
  assert.deepEqual([...files.unsyncedFolders], [".", "a"]);
  await files.syncFolder(".", "publish:fsync");
  await files.makeFolder("a/c", "publish:mkdir");
  assert.deepEqual([...files.unsyncedFolders], ["a"]);
  assert.deepEqual(hooks.done, [
    "publish:mkdir a",
    "publish:mkdir a/b",
    "publish:fsync .",
    "publish:mkdir a/c",
  ]);
  assert.deepEqual(await files.list("a"), ["b", "c"]);
});

Deno.test("Files.makeFolder() does nothing for the root", async () => {
  await using test = await filesBelow();
  await test.files.makeFolder(".", "publish:mkdir");
  assert.deepEqual([...test.files.unsyncedFolders], []);
  assert.deepEqual(test.hooks.begun, []);
});

Deno.test("Files.syncFolder() syncs a folder that there is", async () => {
  await using test = await filesBelow();
  const { files, hooks } = test;
  await files.makeFolder("a", "publish:mkdir");
  await files.syncFolder("a", "publish:fsync");
  await files.syncFolder(".", "publish:fsync");
  assert.deepEqual(hooks.done.slice(1), ["publish:fsync a", "publish:fsync ."]);
  await assert.rejects(files.syncFolder("none", "publish:fsync"), Deno.errors.NotFound);
});

Deno.test("Files.size() is a file's bytes, null where there is none", async () => {
  await using test = await filesBelow();
  const { files } = test;
  assert.equal(await files.size("a"), null);
  assert.equal(await files.exists("a"), false);
  await files.writeDurably("a", BYTES, STAGE);
  assert.equal(await files.size("a"), 4);
  await assert.rejects(files.size("a/b"));
});

Deno.test("Files.list() is sorted, and empty where there is no such folder", async () => {
  await using test = await filesBelow();
  const { files } = test;
  for (const name of ["c", "a", "b"]) await files.writeDurably(name, BYTES, STAGE);
  assert.deepEqual(await files.list("."), ["a", "b", "c"]);
  assert.deepEqual(await files.list("none"), []);
});

/** Puts a symbolic link in the root that leads to a file outside of it. */
async function linkOutside(root: string, name: string, outside: string): Promise<string> {
  const target = `${outside}/target`;
  await Deno.writeTextFile(target, "theirs");
  await Deno.symlink(target, `${root}/${name}`);
  return target;
}

Deno.test("Files.writeDurably() and replace() do not follow a symbolic link", async () => {
  await using test = await filesBelow();
  await using outside = await temporaryFolder();
  const { files } = test;
  const target = await linkOutside(test.root, "a", outside.path);
  await files.writeDurably("a", BYTES, STAGE);
  await Deno.symlink(target, `${test.root}/b.new`);
  await files.replace("b", BYTES, METRICS);
  await Deno.symlink(target, `${test.root}/c`);
  await files.replace("c", BYTES, METRICS);
  for (const name of ["a", "b", "c"]) assert.deepEqual(await files.read(name), BYTES);
  assert.equal(await Deno.readTextFile(target), "theirs");
});

function isDamage(error: unknown): boolean {
  return error instanceof OrillaError && error.exitCode === 3;
}

Deno.test("Files.refuseLink() refuses a symbolic link, and nothing else", async () => {
  await using test = await filesBelow();
  await using outside = await temporaryFolder();
  const { files } = test;
  await files.refuseLink("none");
  await files.writeDurably("a", BYTES, STAGE);
  await files.refuseLink("a");
  await linkOutside(test.root, "b", outside.path);
  await assert.rejects(files.refuseLink("b"), isDamage);
  await Deno.remove(`${outside.path}/target`);
  await assert.rejects(files.refuseLink("b"), isDamage);
});

Deno.test("Files.makeFolder() refuses a symbolic link in the place of the folder or of its parent", async () => {
  await using test = await filesBelow();
  await using outside = await temporaryFolder();
  const { files } = test;
  await Deno.symlink(outside.path, `${test.root}/a`);
  await assert.rejects(files.makeFolder("a", "publish:mkdir"), isDamage);
  await assert.rejects(files.makeFolder("a/b", "publish:mkdir"), isDamage);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(outside.path)), []);
});

Deno.test(
  "Files.makeFolder() refuses a symbolic link as the parent of a folder that exists",
  async () => {
    await using test = await filesBelow();
    await using outside = await temporaryFolder();
    await Deno.mkdir(`${outside.path}/b`);
    await Deno.symlink(outside.path, `${test.root}/a`);
    await assert.rejects(test.files.makeFolder("a/b", "publish:mkdir"), isDamage);
  },
);

Deno.test("Files.identity() tells a file from another one of its name", async () => {
  await using test = await filesBelow();
  const { files } = test;
  assert.equal(await files.identity("a"), null);
  await files.writeDurably("a", BYTES, STAGE);
  const identity = await files.identity("a");
  assert.equal(await files.identity("a"), identity);
  await files.link("a", "b", "publish:link");
  assert.equal(await files.identity("b"), identity);
  await files.writeDurably("c", BYTES, STAGE);
  await files.move("c", "a", "rebuild:rename");
  assert.notEqual(await files.identity("a"), identity);
});

Deno.test("Files works without hooks", async () => {
  await using folder = await temporaryFolder();
  const files = new Files(folder.path);
  await files.writeDurably("a", BYTES, STAGE);
  await files.replace("b", BYTES, METRICS);
  assert.deepEqual(await files.list("."), ["a", "b"]);
  assert.equal(await files.size("a"), 4);
});

Deno.test("Files.diskSpace() says what can still be written", async () => {
  await using folder = await temporaryFolder();
  const disk = await new Files(folder.path).diskSpace();
  assert.ok(disk !== null && disk.totalBytes >= disk.freeBytes && disk.freeBytes > 0, String(disk));
});

Deno.test({
  name: "Files.diskSpace() says null where it may not ask",
  permissions: { sys: false },
  fn: async () => assert.equal(await new Files("/").diskSpace(), null),
});

Deno.test("Files.putIfAbsent() tells who was first, replaces nothing, and leaves nothing beside", async () => {
  await using test = await filesBelow();
  const { files } = test;
  await files.makeFolder("_staging", "publish:mkdir");
  await files.makeFolder("log", "publish:mkdir");
  assert.equal(await files.putIfAbsent("log/0", BYTES, "report:write"), true);
  assert.equal(await files.putIfAbsent("log/0", Uint8Array.of(9), "report:write"), false);
  assert.deepEqual(await files.read("log/0"), BYTES);
  assert.deepEqual(await files.list("_staging"), []);
});

Deno.test("Files.listByPrefix() lists what lies in the folders that begin so, and no files beside them", async () => {
  await using test = await filesBelow();
  const { files, root } = test;
  for (const path of ["date=1/b", "date=1/a", "date=2/c", "dates/d", "x/date=3/e"]) {
    await Deno.mkdir(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, "");
  }
  await Deno.writeTextFile(`${root}/date=9`, "");
  assert.deepEqual(await files.listByPrefix("date="), ["date=1/a", "date=1/b", "date=2/c"]);
  assert.deepEqual(await files.listByPrefix("x/date="), ["x/date=3/e"]);
  assert.deepEqual(await files.listByPrefix("none/date="), []);
});
