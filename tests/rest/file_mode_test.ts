import assert from "node:assert/strict";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { lockOutDir } from "../../src/checkpoint/lock.ts";
import { folderModeOf } from "../../src/runtime/file_mode.ts";
import { Files } from "../../src/runtime/files.ts";
import { noFaults } from "../../src/runtime/operations.ts";
import { runOrilla } from "../orilla_process.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { modesBelow, otherModes } from "./modes.ts";

const isPosix = Deno.build.os !== "windows";

/** Simulates twice in a shell with that umask; everything in the given place is new. */
async function simulateUnder(umask: string, args: readonly string[]): Promise<Map<string, string>> {
  await using folder = await temporaryFolder();
  const outDir = `${folder.path}/new/lake`;
  for (const firstId of ["0", "500"]) {
    const all = ["simulate", "--out-dir", outDir, "--first-id", firstId, "--count", "300"];
    const { code, stderr } = await runOrilla([...all, "--invalid-ratio", "0.1", ...args], {
      umask,
    });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /keeps its mode/);
  }
  const modes = await modesBelow(`${folder.path}/new`);
  const paths = [...modes.keys()].join("\n");
  for (
    const part of [/lake\/_staging$/m, /_dead_letters\/date=.*parquet$/m, /lake\/date=.*parquet$/m]
  ) {
    assert.match(paths, part);
  }
  for (const file of ["checkpoint.sqlite", "checkpoint.lock", "metrics.txt"]) {
    assert.ok(modes.has(`./lake/${file}`), file);
  }
  return modes;
}

for (const umask of ["000", "022", "077"]) {
  Deno.test({
    name: `all files of a lake are 600 and its folders 700, under umask ${umask}`,
    ignore: !isPosix,
    fn: async () => {
      const modes = await simulateUnder(umask, []);
      assert.deepEqual(otherModes(modes, { file: "600", folder: "700" }), []);
    },
  });
}

for (
  const [umask, mode, folder] of [["077", "640", "750"], ["000", "640", "750"], [
    "027",
    "666",
    "777",
  ]]
) {
  Deno.test({
    name: `--file-mode ${mode} gives files ${mode} and folders ${folder}, under umask ${umask}`,
    ignore: !isPosix,
    fn: async () => {
      const modes = await simulateUnder(umask ?? "", ["--file-mode", mode ?? ""]);
      assert.deepEqual(otherModes(modes, { file: mode ?? "", folder: folder ?? "" }), []);
    },
  });
}

Deno.test({
  name: "SQLite's own files have the mode of the checkpoint while it is open",
  ignore: !isPosix,
  fn: async () => {
    for (const fileMode of [0o600, 0o660]) {
      await using folder = await temporaryFolder();
      const outDir = folder.path;
      using _lock = lockOutDir(outDir, fileMode);
      using checkpoint = new Checkpoint({
        outDir,
        ttlMs: 0,
        duplicateTtlMs: 0,
        newInstanceId: "3f9c1a0b77d2",
        fileMode,
      });
      checkpoint.note("test", "1");
      const modes = await modesBelow(outDir);
      modes.delete(".");
      const files = [
        "./checkpoint.lock",
        ...["", "-shm", "-wal"].map((end) => `./checkpoint.sqlite${end}`),
      ];
      assert.deepEqual([...modes.keys()].sort(), files);
      assert.deepEqual(new Set(modes.values()), new Set([fileMode.toString(8)]));
    }
  },
});

Deno.test({
  name: "a umask that takes the owner's own bits is undone as well",
  ignore: !isPosix,
  fn: async () => {
    await using folder = await temporaryFolder();
    const files = new Files(folder.path, noFaults, { fileMode: 0o640 });
    const before = Deno.umask(0o777);
    try {
      await files.makeFolder("a/b", "publish:mkdir");
      await files.writeDurably("a/b/c", Uint8Array.of(1), {
        write: "stage:write",
        fsync: "stage:fsync",
      });
      await files.replace("d", Uint8Array.of(1), {
        write: "metrics:write",
        rename: "metrics:rename",
      });
      lockOutDir(folder.path, 0o640)[Symbol.dispose]();
    } finally {
      Deno.umask(before);
    }
    const modes = Object.fromEntries(await modesBelow(folder.path));
    const { ".": _root, ...made } = modes;
    const folders = { "./a": "750", "./a/b": "750" };
    assert.deepEqual(made, {
      ...folders,
      "./a/b/c": "640",
      "./d": "640",
      "./checkpoint.lock": "640",
    });
  },
});

Deno.test("the lock is kept when its file is asked for again in the same process", async () => {
  await using folder = await temporaryFolder();
  using _lock = lockOutDir(folder.path);
  assert.throws(() => lockOutDir(folder.path), /Another orilla/);
  const lock = new URL("../../src/checkpoint/lock.ts", import.meta.url);
  const script = `import { lockOutDir } from "${lock}"; lockOutDir("${folder.path}")`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", script] })
    .output();
  assert.equal(code, 1);
  assert.match(new TextDecoder().decode(stderr), /Another orilla/);
});

Deno.test({
  name: "a lake that was made before keeps its modes, and orilla says so",
  ignore: !isPosix,
  fn: async () => {
    await using folder = await temporaryFolder();
    const outDir = `${folder.path}/lake`;
    await Deno.mkdir(outDir);
    await Deno.chmod(outDir, 0o755);
    const args = ["simulate", "--out-dir", outDir, "--count", "10"];
    const first = await runOrilla(args);
    assert.equal(first.code, 0);
    assert.match(first.stderr, /OUT_DIR was made before and keeps its mode.*chmod 700/);
    assert.doesNotMatch(first.stderr, /checkpoint\.sqlite was made before/);
    await Deno.chmod(`${outDir}/checkpoint.sqlite`, 0o644);
    const second = await runOrilla(args);
    assert.match(second.stderr, /checkpoint\.sqlite was made before and keeps its mode.*chmod 600/);
    const modes = await modesBelow(outDir);
    assert.equal(modes.get("."), "755");
    assert.equal(modes.get("./checkpoint.sqlite"), "644");
    assert.equal(modes.get("./metrics.txt"), "600");
    const { stderr } = await runOrilla([...args, "--file-mode", "644"]);
    assert.doesNotMatch(stderr, /keeps its mode/);
  },
});

Deno.test("a rebuilt checkpoint has the mode too", { ignore: !isPosix }, async () => {
  await using folder = await temporaryFolder();
  const outDir = `${folder.path}/lake`;
  await runOrilla(["simulate", "--out-dir", outDir, "--count", "10"]);
  await Deno.remove(`${outDir}/checkpoint.sqlite`);
  const { code, stderr } = await runOrilla(["rebuild", "--out-dir", outDir], { umask: "000" });
  assert.equal(code, 0, stderr);
  assert.deepEqual(otherModes(await modesBelow(outDir), { file: "600", folder: "700" }), []);
});

Deno.test("folderModeOf() adds x where there is r", () => {
  const pairs = [[0o600, 0o700], [0o640, 0o750], [0o644, 0o755], [0o660, 0o770], [0o604, 0o705]];
  for (const [file = 0, folder] of pairs) assert.equal(folderModeOf(file), folder);
});
