import assert from "node:assert/strict";
import { DeadLetterCipher } from "../../src/lake/dead_letter_cipher.ts";
import { keyFileText, keyRing } from "../lake/key_rings.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { DASHBOARD_FILES } from "../../src/http/dashboard_files.ts";
import { get } from "../http/raw_client.ts";
import { takePortBlock } from "../kafka/ports.ts";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { lockedPackages } from "../supply/locked_packages.ts";
import { expectNoLinkFollowed } from "./planted_links.ts";
import { expectAllRefused } from "./probe.ts";
import { compileAlike, compileOrilla, temporaryFolder } from "./compiler.ts";

Deno.test("the sandbox refuses everything but OUT_DIR and the listed host, in a compiled binary", async () => {
  await using folder = await temporaryFolder();
  const output = `${folder.path}/probe`;
  await compileAlike({
    main: "tests/compile/probe_main.ts",
    worker: "tests/compile/probe_worker.ts",
    output,
  });
  await Deno.mkdir(`${folder.path}/run`);
  await expectAllRefused(output, [], { folder: `${folder.path}/run`, isExecutable: true });
});

Deno.test("the executable runs in an empty folder with neither Deno nor Node", async (test) => {
  await using folder = await temporaryFolder();
  const binary = `${folder.path}/orilla`;
  const bundleFolder = `${folder.path}/bundle`;
  await compileOrilla({ output: binary, bundleFolder });
  const cwd = `${folder.path}/empty`;
  await Deno.mkdir(cwd);

  await test.step("the bundle has notices of its libraries, and nothing of this machine", async () => {
    const shipped = (await lockedPackages()).filter(({ isShipped }) => isShipped);
    const known = shipped.map(({ name, version }) => `${name} ${version}`);
    const notices = await Deno.readTextFile(`${bundleFolder}/LICENSES.txt`);
    const bundled = [...notices.matchAll(/^=== (.+)\n\n(.+)/gm)].map(([, name = ""]) => name);
    assert.deepEqual(bundled.filter((name) => !known.includes(name)), []);
    for (const name of ["kafkajs 2.2.4", "postgres 3.4.9", "apache-arrow 21.2.0"]) {
      assert.ok(bundled.includes(name), `${name} in ${bundled}`);
    }
    for await (const { name, isFile } of Deno.readDir(bundleFolder)) {
      if (!isFile) continue;
      const text = await Deno.readTextFile(`${bundleFolder}/${name}`);
      assert.doesNotMatch(text, /(?:\/\/ |")(?:\.\.\/)+\S*\/npm\//, name);
    }
  });

  await test.step("--help and --version", async () => {
    const started = performance.now();
    const { code, stdout } = await runOrilla(["--help"], { binary, cwd });
    const elapsedMs = Math.round(performance.now() - started);
    assert.equal(code, 0);
    assert.match(stdout, /orilla simulate/);
    const { size } = await Deno.stat(binary);
    const report = `orilla executable: ${Math.round(size / 1e6)} MB, --help in ${elapsedMs} ms\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(report));
  });

  await test.step("simulate", async () => {
    const { code, stdout, stderr } = await runOrilla(["simulate"], { binary, cwd });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /published +1,000/);
    const outDir = `${cwd}/datasets/processed/pi2`;
    assert.equal((await readLake(outDir)).length, 1000);
    const metrics = await Deno.readTextFile(`${outDir}/metrics.txt`);
    assert.match(metrics, /^orilla_events_published_total 1000$/m);
    assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["datasets"]);
  });

  await test.step("simulate with encrypted dead letters and pseudonyms", async () => {
    const keyFile = `${folder.path}/orilla.keys`;
    await Deno.writeTextFile(keyFile, keyFileText("k1"));
    const fields = ["--encryption-key-file", keyFile, "--pseudonymize-fields", "usuario_id"];
    const args = ["simulate", "--out-dir", "protected", "--invalid-ratio", "0.1", ...fields];
    const { code, stderr } = await runOrilla(args, { binary, cwd });
    assert.equal(code, 0, stderr);
    const letters = await readDeadLetters(`${cwd}/protected`);
    assert.ok(letters.length > 0 && letters.every(({ key_id }) => key_id === "k1"));
    const cipher = new DeadLetterCipher(keyRing("k1"));
    for (const { key_id: keyId, file, ...letter } of letters) {
      assert.ok(cipher.open({ ...letter, keyId }, letter, file).value !== null);
    }
    await Deno.remove(`${cwd}/protected`, { recursive: true });
  });

  await test.step("no symbolic link out of OUT_DIR is followed", async () => {
    const linked = `${folder.path}/linked`;
    await Deno.mkdir(linked);
    await expectNoLinkFollowed(linked, { binary, cwd });
  });

  await test.step("the dashboard is in the executable, and served from inside the sandbox", async () => {
    using block = takePortBlock();
    const port = block.first;
    const args = ["--rate", "500", "--count", "1000000", "--http-address", String(port)];
    const out = ["--out-dir", "watched"];
    await using orilla = spawnOrilla(["simulate", ...out, ...args], { binary, cwd });
    await orilla.untilStderr(/"serving HTTP"/);
    for (const [path, { type, text }] of DASHBOARD_FILES) {
      const { status, headers, body } = await get(port, path);
      assert.deepEqual([status, headers.get("content-type"), body], [200, type, text], path);
    }
    orilla.kill("SIGTERM");
    assert.equal((await orilla.result).code, 0);
    await Deno.remove(`${cwd}/watched`, { recursive: true });
  });

  await test.step("producer and consumer without a broker", async () => {
    for (const mode of ["producer", "consumer"]) {
      const { code, stderr } = await runOrilla([mode, "--bootstrap-servers", "127.0.0.1:9"], {
        binary,
        cwd,
      });
      assert.equal(code, 1);
      assert.match(stderr, /No Kafka broker answered at 127\.0\.0\.1:9/);
    }
  });

  await test.step("status and doctor, which is told of the free space", async () => {
    const status = await runOrilla(["status", "--json"], { binary, cwd });
    assert.equal(JSON.parse(status.stdout).counters.published, 1000, status.stderr);
    const words = ["doctor", "--json", "--bootstrap-servers", "127.0.0.1:9"];
    const doctor = await runOrilla(words, { binary, cwd });
    assert.equal(doctor.code, 1, doctor.stderr);
    const { checks } = JSON.parse(doctor.stdout);
    const failed = checks.filter(({ state }: { readonly state: string }) => state === "failure");
    assert.deepEqual(failed.map(({ name }: { readonly name: string }) => name), ["brokers"]);
    const space = checks.find(({ name }: { readonly name: string }) => name === "space");
    assert.ok(space.facts.freeBytes > 0, space.text);
  });
});
