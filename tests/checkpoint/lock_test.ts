import assert from "node:assert/strict";
import { inspectCheckpoint } from "../../src/checkpoint/inspection.ts";
import { lockOutDir } from "../../src/checkpoint/lock.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { commitOf, openCheckpoint } from "./commits.ts";

function isRefusal(outDir: string) {
  return (error: unknown) =>
    error instanceof OrillaError && error.exitCode === 1 &&
    error.message.startsWith(`Another orilla is writing to ${outDir}. `);
}

Deno.test("lockOutDir() refuses a second lock, until the first one is given back", async () => {
  await using folder = await temporaryFolder();
  for (let round = 0; round < 2; round++) {
    using _lock = lockOutDir(folder.path);
    assert.throws(() => lockOutDir(folder.path), isRefusal(folder.path));
  }
});

Deno.test("lockOutDir() keeps folders apart", async () => {
  await using one = await temporaryFolder();
  await using other = await temporaryFolder();
  using _first = lockOutDir(one.path);
  using _second = lockOutDir(other.path);
});

Deno.test("lockOutDir() does not keep readers from the checkpoint", async () => {
  await using folder = await temporaryFolder();
  using _lock = lockOutDir(folder.path);
  using checkpoint = openCheckpoint(folder.path);
  checkpoint.commit(commitOf(1));
  assert.equal(inspectCheckpoint(folder.path).committed.sequence, 1);
});

Deno.test("lockOutDir() throws what it is where the folder is missing", async () => {
  await using folder = await temporaryFolder();
  const isOther = (error: unknown) => error instanceof Error && !(error instanceof OrillaError);
  assert.throws(() => lockOutDir(`${folder.path}/none`), isOther);
});

/** Another process that holds the lock of a folder. */
async function lockHolder(outDir: string) {
  const script = new URL("lock_holder.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", script.href, outDir],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assert.equal((await reader.read()).value, "locked\n");
  return {
    child,
    end: async () => {
      assert.equal((await reader.read()).done, true);
      const { signal } = await child.status;
      await child.stdin.close().catch(() => {});
      return signal;
    },
  };
}

Deno.test("lockOutDir() refuses another process's folder, and takes it once that was killed", async () => {
  await using folder = await temporaryFolder();
  const { child, end } = await lockHolder(folder.path);
  assert.throws(() => lockOutDir(folder.path), isRefusal(folder.path));
  child.kill("SIGKILL");
  assert.equal(await end(), "SIGKILL");
  using _lock = lockOutDir(folder.path);
});
