import assert from "node:assert/strict";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { DeadLetterCipher } from "../../src/lake/dead_letter_cipher.ts";
import { bytesOf, eventRecord, recordOf } from "../core/samples.ts";
import { keyBytes, keyFileText, keyRing } from "../lake/key_rings.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { type OrillaResult, runOrilla } from "../orilla_process.ts";
import { soon } from "../pipeline_parts.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { everythingIn, snapshotOf, takeIn } from "./protected_lake.ts";

const IN_CLEAR = { keys: null, pseudonymizedFields: [] };

/** A folder with a key file, and how orilla simulates there. */
async function keyedFolder(...ids: readonly string[]) {
  const folder = await temporaryFolder();
  const keyFile = `${folder.path}/orilla.keys`, outDir = `${folder.path}/lake`;
  await Deno.writeTextFile(keyFile, keyFileText(...ids));
  const invalid = ["--invalid-ratio", "0.2", "--count", "100"];
  return {
    path: folder.path,
    keyFile,
    outDir,
    simulate: (firstId: number, ...args: readonly string[]) =>
      runOrilla(
        ["simulate", "--out-dir", outDir, "--first-id", String(firstId), ...invalid, ...args],
      ),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** Each dead letter's value, opened with these keys. */
async function openedValues(outDir: string, ...ids: readonly string[]): Promise<string[]> {
  const cipher = new DeadLetterCipher(keyRing(...ids));
  return (await readDeadLetters(outDir)).map(({ key_id: keyId, file, ...letter }) => {
    const { value } = cipher.open({ ...letter, keyId }, letter, file);
    return new TextDecoder().decode(value ?? new Uint8Array());
  });
}

async function writesNothing(
  outDir: string,
  run: () => Promise<OrillaResult>,
  message: RegExp,
): Promise<void> {
  const before = await snapshotOf(outDir);
  const { code, stderr } = await run();
  assert.equal(code, 2, stderr);
  assert.match(stderr, message);
  assert.deepEqual(await snapshotOf(outDir), before);
}

Deno.test("an encrypted lake goes on with its key alone; without, or with another one, nothing is written", async () => {
  await using lake = await keyedFolder("k1");
  const { outDir, keyFile, simulate } = lake;
  const keyed = ["--encryption-key-file", keyFile];
  assert.equal((await simulate(0, ...keyed)).code, 0);

  await writesNothing(
    outDir,
    () => simulate(100),
    /Cannot go on without --encryption-key-file.*k1/,
  );
  await Deno.writeTextFile(keyFile, keyFileText("k1").replace(/^k1 \S+/, `k1 ${"A".repeat(43)}=`));
  await writesNothing(outDir, () => simulate(100, ...keyed), /key k1 .* is not the one/);
  await Deno.writeTextFile(keyFile, keyFileText("k2"));
  await writesNothing(outDir, () => simulate(100, ...keyed), /has no key k1/);
  await Deno.writeTextFile(keyFile, "k1");
  await writesNothing(outDir, () => simulate(100, ...keyed), /expected in line 1/);
  await Deno.remove(keyFile);
  await writesNothing(outDir, () => simulate(100, ...keyed), /expected a file that can be read/);

  await Deno.writeTextFile(keyFile, keyFileText("k1"));
  assert.equal((await simulate(100, ...keyed)).code, 0);
  const values = await openedValues(outDir, "k1");
  assert.ok(values.length >= 20 && values.every((value) => value.length > 0));
});

Deno.test("a key file that cannot be used keeps OUT_DIR from being made", async () => {
  await using lake = await keyedFolder();
  const { keyFile, simulate } = lake;
  const fields = ["--pseudonymize-fields", "usuario_id"];
  const cases: readonly [string, readonly string[], RegExp][] = [
    ["", [], /expected a line with a key id/],
    [`k1 ${btoa("x".repeat(32))}`, fields, /expected a line "pseudonym BASE64"/],
  ];
  for (const [text, args, message] of cases) {
    await Deno.writeTextFile(keyFile, text);
    const { code, stderr } = await simulate(0, "--encryption-key-file", keyFile, ...args);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
  const withoutFile = await simulate(0, ...fields);
  assert.equal(withoutFile.code, 2);
  assert.match(withoutFile.stderr, /--pseudonymize-fields without --encryption-key-file/);
  assert.deepEqual([...Deno.readDirSync(lake.path)].map(({ name }) => name), ["orilla.keys"]);
});

Deno.test({
  name: "keys can come through a pipe, and never lie on the disk",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using lake = await keyedFolder("k1");
    const { path, simulate } = lake;
    const pipe = `${path}/pipe`;
    assert.ok((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
    const [{ code, stderr }] = await Promise.all([
      simulate(0, "--encryption-key-file", pipe),
      soon(Deno.writeTextFile(pipe, keyFileText("k1"))),
    ]);
    assert.equal(code, 0, stderr);
  },
});

Deno.test("a key file in OUT_DIR is refused, by a link too", async () => {
  await using lake = await keyedFolder("k1");
  const { outDir, keyFile, simulate } = lake;
  await Deno.mkdir(outDir);
  await Deno.rename(keyFile, `${outDir}/orilla.keys`);
  await Deno.symlink(`${outDir}/orilla.keys`, keyFile);
  for (const path of [keyFile, `${outDir}/orilla.keys`]) {
    const { code, stderr } = await simulate(0, "--encryption-key-file", path);
    assert.equal(code, 2);
    assert.match(stderr, /expected a file outside of --out-dir/);
  }
});

Deno.test("keys rotate: new letters have the new key, old ones can be read, pseudonyms stay", async () => {
  await using lake = await keyedFolder("k1");
  const { outDir, keyFile, simulate } = lake;
  const args = ["--encryption-key-file", keyFile, "--pseudonymize-fields", "usuario_id"];
  const user = ["--seed", "5", "--start", "2026-11-24"];
  assert.equal((await simulate(0, ...args)).code, 0);
  assert.equal((await simulate(100, ...args, ...user)).code, 0);
  await Deno.writeTextFile(keyFile, keyFileText("k2", "k1"));
  assert.equal((await simulate(200, ...args)).code, 0);
  assert.equal((await simulate(300, ...args, ...user)).code, 0);

  const ids = (await readDeadLetters(outDir)).map(({ key_id }) => key_id);
  assert.deepEqual(new Set(ids), new Set(["k1", "k2"]));
  assert.equal((await openedValues(outDir, "k2", "k1")).length, ids.length);
  const rows = await readLake(outDir);
  const usersOf = (first: number) =>
    Array.from(
      { length: 100 },
      (_, i) => rows.find(({ event_id }) => event_id === `e${first + i}`)?.usuario_id,
    );
  assert.deepEqual(usersOf(100), usersOf(300));
  const known = usersOf(100).filter((user) => user !== undefined);
  assert.ok(known.length > 70 && known.every((user) => /^[0-9a-f]{32}$/.test(String(user))));

  await Deno.writeTextFile(keyFile, keyFileText("k2"));
  await writesNothing(outDir, () => simulate(400, ...args), /has no key k1/);
  await Deno.writeTextFile(keyFile, `${keyFileText("k2")}k1 retired\n`);
  assert.equal((await simulate(400, ...args)).code, 0);
});

Deno.test("another choice of fields is refused, and nothing is written", async () => {
  await using lake = await keyedFolder("k1");
  const { outDir, keyFile, simulate } = lake;
  const keyed = ["--encryption-key-file", keyFile];
  assert.equal((await simulate(0, ...keyed)).code, 0);
  const fields = ["--pseudonymize-fields", "usuario_id"];
  const message = /this lake was begun with none, and its columns cannot change/;
  await writesNothing(outDir, () => simulate(100, ...keyed, ...fields), message);
  // After a rebuild the files tell it.
  assert.equal((await runOrilla(["rebuild", "--out-dir", outDir])).code, 0);
  await writesNothing(outDir, () => simulate(100, ...keyed, ...fields), message);
  await writesNothing(
    outDir,
    () => simulate(100),
    /Cannot go on without --encryption-key-file.*k1/,
  );
});

Deno.test("letters from before the encryption stay in clear, and both can be read", async () => {
  await using folder = await temporaryFolder();
  const { path: outDir } = folder;
  const value = bytesOf("not JSON");
  await takeIn(outDir, IN_CLEAR, [recordOf(value, { offset: 0n })]);
  const keyed = { keys: keyRing("k1"), pseudonymizedFields: [] };
  await takeIn(outDir, keyed, [recordOf(value, { offset: 1n })]);
  const ids = (await readDeadLetters(outDir)).map(({ offset, key_id }) => [offset, key_id]);
  assert.deepEqual(ids, [[0n, null], [1n, "k1"]]);
  assert.deepEqual(await openedValues(outDir, "k1"), ["not JSON", "not JSON"]);
});

Deno.test("a checkpoint that lost its note learns it from the lake's files", async () => {
  await using folder = await temporaryFolder();
  const { path: outDir } = folder;
  const checkpoint = `${outDir}/checkpoint.sqlite`;
  // An older copy: of the same instance, from before the first commit.
  new Checkpoint({ outDir, ttlMs: 0, duplicateTtlMs: 0, newInstanceId: "3f9c1a0b77d2" })
    [Symbol.dispose]();
  await Deno.copyFile(checkpoint, `${checkpoint}.old`);
  const keyed = { keys: keyRing("k1"), pseudonymizedFields: ["usuario_id"] };
  await takeIn(outDir, keyed, [eventRecord({}, { offset: 0n }), recordOf(null, { offset: 1n })]);
  await Deno.rename(`${checkpoint}.old`, checkpoint);
  const refused = (message: RegExp) => (error: unknown) =>
    error instanceof OrillaError && error.exitCode === 2 && message.test(error.message);
  await assert.rejects(takeIn(outDir, IN_CLEAR, []), refused(/without --encryption-key-file/));
  const others = { ...keyed, pseudonymizedFields: [] };
  await assert.rejects(takeIn(outDir, others, []), refused(/was begun with usuario_id/));
  await takeIn(outDir, keyed, [eventRecord({ event_id: "e2" }, { offset: 2n })]);
  assert.equal((await readLake(outDir)).length, 2);
});

Deno.test("keys can be chosen anew until the first commit", async () => {
  await using folder = await temporaryFolder();
  const keyed = { keys: keyRing("k1"), pseudonymizedFields: ["usuario_id"] };
  await takeIn(folder.path, keyed, []);
  await takeIn(folder.path, IN_CLEAR, [eventRecord({}, { offset: 0n })]);
  assert.equal((await readLake(folder.path))[0]?.usuario_id, 7n);
  await takeIn(folder.path, IN_CLEAR, [eventRecord({ event_id: "e2" }, { offset: 1n })]);
});

const CANARY = "canary";
const USER = 8_412_907_365;

Deno.test("no value of a record is in OUT_DIR in clear, wherever it stood", async () => {
  const key = bytesOf(`${CANARY}-key`);
  const headers = [{ name: `${CANARY}-name`, value: bytesOf(`${CANARY}-header`) }];
  const event = {
    usuario_id: USER,
    dni: `${CANARY}-dni`,
    [`o"tro`]: { inner: [`${CANARY}-inner`] },
  };
  const records = [
    eventRecord(event, { offset: 0n, key, headers }),
    eventRecord({ ...event, event_id: "e2", monto: -1 }, { offset: 1n, key, headers }),
    recordOf(bytesOf(`{"usuario_id":${USER},"${CANARY}":`), { offset: 2n, key, headers }),
  ];
  const found = async (protection: Parameters<typeof takeIn>[1]) => {
    await using folder = await temporaryFolder();
    await takeIn(folder.path, protection, records);
    const text = await everythingIn(folder.path);
    return [CANARY, String(USER)].filter((secret) => text.includes(secret));
  };
  const pseudonymizedFields = ["dni", `o"tro`, "usuario_id"];
  assert.deepEqual(await found({ keys: keyRing("k1"), pseudonymizedFields }), []);
  // In clear the same look finds them, so it would find what the protection left out.
  assert.deepEqual(await found(IN_CLEAR), [CANARY, String(USER)]);
});

Deno.test("no key is in OUT_DIR, and none in what is printed, whatever goes wrong", async () => {
  await using lake = await keyedFolder("k1", "k2");
  const { outDir, keyFile, simulate } = lake;
  const args = ["--encryption-key-file", keyFile, "--log-level", "debug"];
  const results = [await simulate(0, ...args, "--pseudonymize-fields", "usuario_id")];
  results.push(await simulate(100, ...args));
  await Deno.writeTextFile(keyFile, `${keyFileText("k1", "k2")}k2 retired`);
  results.push(await simulate(200, ...args));
  assert.deepEqual(results.map(({ code }) => code), [0, 2, 2]);
  const printed = results.map(({ stdout, stderr }) => stdout + stderr).join();
  const text = printed + await everythingIn(outDir);
  for (const id of ["k1", "k2", "pseudonym"]) {
    const secret = String.fromCharCode(...keyBytes(id));
    assert.ok(!text.includes(secret) && !text.includes(btoa(secret)), id);
  }
});
