import assert from "node:assert/strict";
import { lockOutDir } from "../../src/checkpoint/lock.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { diskTest } from "./small_disk.ts";

/** Nobody listens there, so that brokers are the one failure that is always found. */
const NO_BROKER = ["--bootstrap-servers", "127.0.0.1:9"];

interface Found {
  readonly state: string;
  readonly text: string;
  readonly advice: string | null;
}

/** What doctor finds, by the check's name; those of Kafka are left out. */
async function diagnose(outDir: string): Promise<Readonly<Record<string, Found>>> {
  const args = ["doctor", "--json", "--out-dir", outDir, ...NO_BROKER];
  const { code, stdout, stderr } = await runOrilla(args);
  assert.equal(code, 1, stderr);
  const { checks } = JSON.parse(stdout);
  const found: Record<string, Found> = {};
  for (const { name, state, text, advice } of checks) found[name] = { state, text, advice };
  assert.equal(found["brokers"]?.state, "failure");
  return found;
}

function states(found: Readonly<Record<string, Found>>): readonly (string | undefined)[] {
  return ["OUT_DIR", "checkpoint", "lock"].map((name) => found[name]?.state);
}

async function simulate(outDir: string): Promise<void> {
  const { code, stderr } = await runOrilla(["simulate", "--out-dir", outDir, "--count", "500"]);
  assert.equal(code, 0, stderr);
}

/** Everything below a folder but SQLite's own files, with the time of its last change. */
function tree(folder: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) { for (const entry of tree(path)) found.set(...entry); }
    else if (!/-(wal|shm)$/.test(name)) found.set(path, Deno.lstatSync(path).mtime?.getTime() ?? 0);
  }
  return found;
}

Deno.test("orilla doctor finds a sound lake sound, and leaves it as it was", async () => {
  await using folder = await temporaryFolder();
  await simulate(folder.path);
  const before = tree(folder.path);
  const found = await diagnose(folder.path);
  assert.deepEqual(states(found), ["ok", "ok", "ok"]);
  assert.match(found["lock"]?.text ?? "", /^free/);
  assert.match(found["checkpoint"]?.text ?? "", /^sound, schema version 1; last commit 1, /);
  assert.match(found["space"]?.text ?? "", /iB of .*iB are free$/);
  assert.deepEqual(tree(folder.path), before);
  using _lock = lockOutDir(folder.path);
  assert.equal((await diagnose(folder.path))["lock"]?.text, "held by a running orilla");
});

Deno.test("orilla doctor begins no lake where there is none", async () => {
  await using folder = await temporaryFolder();
  const missing = await diagnose(`${folder.path}/a/lake`);
  assert.deepEqual(states(missing), ["warning", "skipped", "skipped"]);
  assert.deepEqual([...tree(folder.path)], []);
  const empty = await diagnose(folder.path);
  assert.deepEqual(states(empty), ["ok", "ok", "ok"]);
  assert.match(empty["checkpoint"]?.text ?? "", /none yet/);
  assert.deepEqual([...Deno.readDirSync(folder.path)], []);
});

Deno.test("orilla doctor says when a checkpoint is damaged, or gone from its lake", async () => {
  await using folder = await temporaryFolder();
  await simulate(folder.path);
  const path = `${folder.path}/checkpoint.sqlite`;
  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.fill(0xa5, 20_000, 150_000));
  const damaged = await diagnose(folder.path);
  assert.deepEqual(states(damaged), ["ok", "failure", "ok"]);
  assert.match(damaged["checkpoint"]?.text ?? "", /cannot be read as a checkpoint: .* rebuild$/);
  await Deno.remove(path);
  const gone = await diagnose(folder.path);
  assert.match(gone["checkpoint"]?.text ?? "", /is gone, and 1 files of the lake are there/);
  assert.match(gone["checkpoint"]?.advice ?? "", /orilla rebuild/);
});

diskTest(
  "orilla doctor and status on a full disk: what to do, and no word of damage",
  "3m",
  async (disk) => {
    await simulate(disk.path);
    const roomy = await diagnose(disk.path);
    assert.deepEqual(states(roomy), ["ok", "ok", "ok"]);
    assert.equal(roomy["space"]?.state, "warning", "less than 1 GiB is free");
    for (const name of ["-wal", "-shm"]) {
      await removeIfThere(
        `${disk.path}/checkpoint.sqlite${name}`,
      );
    }
    await fillUp(`${disk.path}/filling`);
    const full = await diagnose(disk.path);
    assert.deepEqual(states(full), ["failure", "failure", "ok"]);
    assert.match(full["OUT_DIR"]?.text ?? "", /cannot be written: No space left/);
    assert.match(full["OUT_DIR"]?.advice ?? "", /^make room/);
    assert.match(full["checkpoint"]?.text ?? "", /cannot be looked at now: .*must not be full/);
    assert.match(full["space"]?.text ?? "", /^0 B of 3\.0 MiB/);
    assert.deepEqual(leftovers(disk.path), []);
    const status = await runOrilla(["status", "--out-dir", disk.path]);
    assert.equal(status.code, 1, status.stderr);
    assert.match(status.stderr, /cannot be looked at now: .*must not be full or read-only/);
    await Deno.remove(`${disk.path}/filling`);
    assert.deepEqual(states(await diagnose(disk.path)), ["ok", "ok", "ok"]);
  },
);

diskTest("orilla doctor and status on a read-only disk", "20m", async (disk) => {
  await simulate(disk.path);
  await disk.remount("ro");
  const found = await diagnose(disk.path);
  assert.deepEqual(states(found), ["failure", "failure", "ok"]);
  assert.match(found["OUT_DIR"]?.text ?? "", /cannot be written: Read-only file system/);
  assert.equal(found["OUT_DIR"]?.advice, "mount it for writing");
  assert.match(found["checkpoint"]?.text ?? "", /cannot be looked at now/);
  const { code, stderr } = await runOrilla(["status", "--out-dir", disk.path]);
  assert.equal(code, 1, stderr);
  await disk.remount("rw");
  assert.deepEqual(states(await diagnose(disk.path)), ["ok", "ok", "ok"]);
});

Deno.test("orilla doctor ends at a signal, and does not call that healthy", async () => {
  await using folder = await temporaryFolder();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = `127.0.0.1:${listener.addr.port}`;
  const args = ["doctor", "--out-dir", folder.path, "--bootstrap-servers", server];
  await using doctor = spawnOrilla(args);
  // It asks a broker that says nothing.
  const connection = await listener.accept();
  doctor.kill("SIGTERM");
  const { code, stdout } = await doctor.result;
  connection.close();
  listener.close();
  assert.equal(code, 1);
  assert.match(stdout, /skipped {2}brokers +not looked at: stopped by a signal\n/);
});

async function fillUp(path: string): Promise<void> {
  for (const size of [65_536, 4_096, 512]) {
    try {
      for (;;) await Deno.writeFile(path, new Uint8Array(size), { append: true });
    } catch (error) {
      assert.match(String(error), /No space left/);
    }
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function leftovers(folder: string): readonly string[] {
  return [...tree(folder).keys()].filter((path) => path.includes("_doctor_"));
}
