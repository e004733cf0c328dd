import assert from "node:assert/strict";
import { readLake } from "./lake_reader.ts";
import { runOrilla } from "./orilla_process.ts";
import { temporaryFolder } from "./runtime/temporary_folder.ts";

Deno.test("a mode runs with the options of its configuration file", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const options = { count: 70, outDir: "lake", days: 2, untilEnd: true, logLevel: "error" };
  await Deno.writeTextFile(`${cwd}/orilla.json`, JSON.stringify(options));
  const run = await runOrilla(["simulate", "--config", "orilla.json", "--count", "60"], { cwd });
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stderr, "");
  assert.equal((await readLake(`${cwd}/lake`)).length, 60);
  const env = { ORILLA_CONFIG: "orilla.json", GENERATE_FIRST_ID: "1000" };
  const other = await runOrilla(["simulate"], { cwd, env });
  assert.equal(other.code, 0, other.stderr);
  assert.equal((await readLake(`${cwd}/lake`)).length, 60 + 70);
});

Deno.test("a wrong configuration file ends every mode with exit 2 before anything is made", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const path = `${cwd}/orilla.json`;
  await Deno.writeTextFile(path, '{\n  "outDir": "lake",\n  "saslPassword": "hunter2"\n}');
  for (const args of [["simulate"], ["producer"], ["dlq", "list"], ["config", "verify"]]) {
    const { code, stdout, stderr } = await runOrilla([...args, "--config", path], { cwd });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(
      stderr,
      `orilla: Cannot use saslPassword in ${path} (line 3): no secret may stand there. Set ` +
        `KAFKA_SASL_PASSWORD in the environment, or name a file with saslPasswordFile\n`,
    );
  }
  assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["orilla.json"]);
});

Deno.test("orilla config tells what a mode would run with, and starts nothing", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/orilla.json`, '{"topic": "of-file"}');
  const env = { ORILLA_CONFIG: "orilla.json", KAFKA_SASL_PASSWORD: "hunter2" };
  const refused = await runOrilla(["config"], { cwd, env });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /Cannot use KAFKA_SASL_PASSWORD with --security-protocol PLAINTEXT/);

  const flags = ["--security-protocol=SASL_SSL", "--sasl-mechanism=PLAIN", "--sasl-username=me"];
  const table = await runOrilla(["config", "producer", ...flags], { cwd, env });
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /^What orilla producer would run with\n/);
  assert.match(table.stdout, /--topic +of-file +file orilla\.json\n/);
  assert.match(table.stdout, /KAFKA_SASL_PASSWORD +set +environment KAFKA_SASL_PASSWORD\n/);

  const { stdout } = await runOrilla(["config", "producer", "--json", ...flags], { cwd, env });
  const { mode, options } = JSON.parse(stdout);
  assert.deepEqual([mode, options.topic.value], ["producer", "of-file"]);
  for (const text of [table.stdout, table.stderr, stdout, refused.stderr]) {
    assert.ok(!text.includes("hunter2"));
  }
  assert.deepEqual([...Deno.readDirSync(cwd)].map(({ name }) => name), ["orilla.json"]);
});

Deno.test("orilla prints its schema, completions, topics and version", async () => {
  const schema = await runOrilla(["config", "--json-schema"], { env: { ORILLA_CONFIG: "/gone" } });
  assert.equal(schema.code, 0, schema.stderr);
  assert.equal(JSON.parse(schema.stdout).additionalProperties, false);
  const script = await runOrilla(["completions", "fish"]);
  assert.match(script.stdout, /^complete -c orilla -f$/m);
  const topic = await runOrilla(["help", "exit-codes"]);
  assert.match(topic.stdout, /^ {2}0 {2}done, or drained after a signal\n/);
  const unknown = await runOrilla(["help", "metric"]);
  assert.equal(unknown.code, 2);
  assert.match(
    unknown.stderr,
    /Cannot explain "metric": expected one of .*did you mean metrics\?\n$/,
  );
  const { stdout } = await runOrilla(["--version"]);
  assert.match(stdout, /^orilla \d+\.\d+\.\d+\n$/);
});
