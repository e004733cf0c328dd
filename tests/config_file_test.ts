import assert from "node:assert/strict";
import { environmentOf, fileKeyOf, OPTION_ROWS } from "../src/config.ts";
import {
  isFileOption,
  MAX_CONFIG_BYTES,
  parseConfigFile,
  readConfigFile,
} from "../src/config_file.ts";
import { configure } from "../src/configure.ts";
import { OrillaError } from "../src/core/errors.ts";
import { MODES } from "../src/options/option.ts";
import { givenSources } from "./given_sources.ts";
import { temporaryFolder } from "./runtime/temporary_folder.ts";

/** The texts that a file gives. */
function texts(text: string): Record<string, string> {
  return Object.fromEntries(parseConfigFile("f.json", text).texts);
}

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof OrillaError, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  throw new Error("It was not refused");
}

const refusalOf = (text: string) => refusal(() => parseConfigFile("f.json", text));

Deno.test("parseConfigFile() reads numbers, switches, texts and lists", () => {
  const file = {
    $schema: "./orilla.schema.json",
    batchMaxEvents: 1000,
    rejectRatioMax: 0.25,
    untilEnd: true,
    dedupeTtl: "12h",
    duplicateTtl: 0,
    fileMode: "640",
    bootstrapServers: ["a:1", "b:2"],
    allowedHosts: "a,b",
  };
  assert.deepEqual(texts(JSON.stringify(file)), {
    batchMaxEvents: "1000",
    rejectRatioMax: "0.25",
    untilEnd: "true",
    dedupeTtl: "12h",
    duplicateTtl: "0",
    fileMode: "640",
    bootstrapServers: "a:1,b:2",
    allowedHosts: "a,b",
  });
  assert.deepEqual(texts("{}"), {});
});

Deno.test("parseConfigFile() refuses a wrong value, naming file, line, key, value and what is accepted", () => {
  const wrong = {
    '{"batchMaxEvents": 0}':
      "Cannot read batchMaxEvents in f.json (line 1): expected an integer from 1 to 1000000, got 0",
    '{\n"batchMaxEvents": "5"}':
      "Cannot read batchMaxEvents in f.json (line 2): expected an integer from 1 to 1000000 " +
      '(in JSON: number), got "5"',
    '{"maxEvents": 9007199254740993}':
      "Cannot read maxEvents in f.json (line 1): expected an integer from 0 to 9007199254740991, " +
      "got 9007199254740993",
    '{"untilEnd": 1}':
      "Cannot read untilEnd in f.json (line 1): expected true or false (in JSON: boolean), got 1",
    '{"topic": "a b"}':
      "Cannot read topic in f.json (line 1): expected 1 to 249 letters, digits, dots, underscores or " +
      'hyphens, got "a b"',
    '{"topic": null}':
      "Cannot read topic in f.json (line 1): expected 1 to 249 letters, digits, dots, underscores or " +
      "hyphens (in JSON: string), got null",
    '{"bootstrapServers": ["a:1,b:2"]}':
      "Cannot read bootstrapServers in f.json (line 1): expected host:port, or several separated by " +
      'commas (in JSON: string or array), got ["a:1,b:2"]',
  };
  for (const [text, message] of Object.entries(wrong)) assert.equal(refusalOf(text), message);
  const long = refusalOf(JSON.stringify({ topic: "x".repeat(100_000) }));
  assert.ok(long.length < 400 && long.endsWith("…"), long.slice(0, 400));
});

for (const [key, row] of OPTION_ROWS.filter(isFileOption)) {
  Deno.test(`parseConfigFile() checks ${key} by its parser, whatever the mode`, () => {
    for (const value of ["\0", null]) {
      const message = refusalOf(JSON.stringify({ [key]: value }));
      assert.ok(message.startsWith(`Cannot read ${key} in f.json (line 1): expected `), message);
      assert.ok(message.includes(row.accepts), message);
      assert.ok(message.endsWith(`, got ${JSON.stringify(value)}`), message);
    }
  });
}

Deno.test("parseConfigFile() refuses a key that there is not, names the one that was meant, and no value", () => {
  const meant = {
    batchMaxEvent: "batchMaxEvents",
    "batch-max-events": "batchMaxEvents",
    BATCH_MAX_EVENTS: "batchMaxEvents",
    Topic: "topic",
  };
  for (const [key, known] of Object.entries(meant)) {
    const message = refusalOf(JSON.stringify({ [key]: "hunter2" }));
    assert.equal(
      message,
      `Cannot use "${key}" in f.json (line 1): there is no such option; did you mean ${known}? ` +
        `See orilla help options`,
    );
  }
  for (const key of ["wombat", "__proto__", "toString", "", "--topic\n"]) {
    assert.ok(!refusalOf(`{${JSON.stringify(key)}: "hunter2"}`).includes("hunter2"));
  }
  assert.match(refusalOf('{"$schema": 1}'), /Cannot use "\$schema"/);
});

Deno.test("parseConfigFile() refuses a key that is there twice, naming both lines", () => {
  const message = refusalOf('{"topic": "a",\n"groupId": "g",\n"t\\u006fpic": "a"}');
  assert.equal(message, "Cannot use topic twice in f.json (lines 1 and 3)");
});

Deno.test("parseConfigFile() refuses secrets, says where they go, and does not repeat them", () => {
  const secrets = OPTION_ROWS.filter(([, { isSecret }]) => isSecret);
  assert.ok(secrets.length >= 2);
  for (const [key, row] of secrets) {
    const message = refusalOf(JSON.stringify({ [key]: "hunter2" }));
    assert.equal(
      message,
      `Cannot use ${key} in f.json (line 1): no secret may stand there. Set ${
        environmentOf(key, row)
      } ` +
        `in the environment, or name a file with ${fileKeyOf(key, row)}`,
    );
  }
});

Deno.test("parseConfigFile() says where a file is no JSON, and repeats nothing of it", () => {
  const message = refusalOf('{\n  "topic": "a", // mine\n  "saslPassword": hunter2\n}');
  assert.equal(
    message,
    "Cannot read f.json: line 2, column 17: expected a name in double quotes; JSON has no comments",
  );
  assert.match(refusalOf('{"configFile": "g.json"}'), /a configuration file names no other one/);
});

const file = (object: unknown) => ({ "f.json": JSON.stringify(object) });

Deno.test("configure() puts flags before environment before configuration file before defaults", () => {
  const files = file({ topic: "of-file", groupId: "of-file", clientId: "of-file" });
  const sources = givenSources({
    flags: { configFile: "f.json", topic: "of-flag" },
    environment: { KAFKA_TOPIC: "of-environment", KAFKA_GROUP_ID: "of-environment" },
    files,
  });
  const { config, settings } = configure("consumer", sources);
  assert.deepEqual(
    [config.topic, config.groupId, config.clientId, config.outDir],
    ["of-flag", "of-environment", "of-file", "datasets/processed/pi2/"],
  );
  const origins = Object.fromEntries(settings.map(({ key, origin }) => [key, origin]));
  assert.deepEqual(origins["configFile"], { kind: "flag", name: "--config" });
  assert.deepEqual(origins["topic"], { kind: "flag", name: "--topic" });
  assert.deepEqual(origins["groupId"], { kind: "environment", name: "KAFKA_GROUP_ID" });
  assert.deepEqual(origins["clientId"], { kind: "file", name: "f.json" });
  assert.deepEqual(origins["outDir"], { kind: "default" });
});

Deno.test("configure() finds the file by its environment name, and a flag turns that off", () => {
  const given = { environment: { ORILLA_CONFIG: "f.json" }, files: file({ topic: "of-file" }) };
  assert.equal(configure("consumer", givenSources(given)).config.topic, "of-file");
  const off = givenSources({ ...given, flags: { configFile: "none" } });
  assert.equal(configure("consumer", off).config.topic, "pi2_events");
});

Deno.test("configure() takes what the mode has from the file, and leaves the rest at its defaults", () => {
  const files = file({ securityProtocol: "SSL", untilEnd: true, count: 7, outDir: "lake" });
  for (const mode of MODES) {
    const sources = givenSources({ flags: { configFile: "f.json" }, files });
    const { config } = configure(mode, sources);
    assert.equal(config.untilEnd, mode === "consumer", mode);
    assert.equal(config.outDir === "lake", mode !== "producer", mode);
    const usesKafka = ["producer", "consumer", "doctor", "dlq replay"].includes(mode);
    assert.equal(config.securityProtocol === "SSL", usesKafka, mode);
  }
});

Deno.test("configure() holds the values of a file against each other, and against others", () => {
  const files = file({ dlqTopic: "dead", topic: "events" });
  const given = { flags: { configFile: "f.json" }, files };
  assert.equal(configure("consumer", givenSources(given)).config.dlqTopic, "dead");
  const same = givenSources({ ...given, environment: { KAFKA_TOPIC: "dead" } });
  assert.match(refusal(() => configure("consumer", same)), /--dlq-topic dead/);
  const insecure = givenSources({ ...given, files: file({ saslMechanism: "PLAIN" }) });
  assert.match(refusal(() => configure("consumer", insecure)), /--sasl-mechanism/);
});

Deno.test("readConfigFile() reads UTF-8 with or without a mark, up to a bound", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/f.json`;
  await Deno.writeTextFile(path, '\ufeff{"topic": "a"}');
  assert.deepEqual(Object.fromEntries(parseConfigFile(path, readConfigFile(path)).texts), {
    topic: "a",
  });
  await Deno.writeTextFile(path, `{}${" ".repeat(MAX_CONFIG_BYTES - 2)}`);
  assert.equal(readConfigFile(path).length, MAX_CONFIG_BYTES);
  await Deno.writeTextFile(path, `{}${" ".repeat(MAX_CONFIG_BYTES - 1)}`);
  assert.match(refusal(() => readConfigFile(path)), /--config .*f\.json: it has more than 1048576/);
  await Deno.writeFile(path, new Uint8Array([0x7b, 0xff, 0x7d]));
  assert.match(refusal(() => readConfigFile(path)), /--config .*f\.json: it is not UTF-8/);
  assert.match(refusal(() => readConfigFile(folder.path)), /Cannot use --config /);
  assert.match(refusal(() => readConfigFile(`${path}.gone`)), /--config .*gone: No such file/);
  if (Deno.build.os !== "windows") {
    assert.match(refusal(() => readConfigFile("/dev/zero")), /it has more than/);
  }
});
