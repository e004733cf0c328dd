import assert from "node:assert/strict";
import { effectiveJson, effectiveTable } from "../../src/about/effective_config.ts";
import { environmentOf, flagOf, OPTION_ROWS } from "../../src/config.ts";
import { configure } from "../../src/configure.ts";
import { MODES } from "../../src/options/option.ts";
import { givenSources } from "../given_sources.ts";

const SECURE = {
  KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
  KAFKA_SASL_MECHANISM: "PLAIN",
  KAFKA_SASL_USERNAME: "user",
  KAFKA_SASL_PASSWORD: "hunter2",
};

const mixed = configure(
  "consumer",
  givenSources({
    flags: { configFile: "f.json", topic: "events", batchMaxEvents: "20_000", untilEnd: "true" },
    environment: { ...SECURE, DEDUPE_TTL: "12h" },
    files: { "f.json": '{"bootstrapServers": ["a:1", "b:2"], "topic": "other", "count": 5}' },
  }),
);

/** The cells of the table's lines, without its two lines of titles. */
function rowsOf(table: string): string[][] {
  return table.trimEnd().split("\n").slice(3).map((line) => line.trim().split(/ {2,}/));
}

Deno.test("effectiveTable() has every option of the mode with its value and where that is from", () => {
  const rows = rowsOf(effectiveTable(mixed));
  const names = OPTION_ROWS.filter(([, { modes }]) => modes.includes("consumer"))
    .map(([key, row]) => row.isSecret ? environmentOf(key, row) : flagOf(key));
  assert.deepEqual(rows.map(([name]) => name), names);
  const expected = [
    ["--topic", "events", "flag --topic"],
    ["--batch-max-events", "20000", "flag --batch-max-events"],
    ["--dedupe-ttl", "12h", "environment DEDUPE_TTL"],
    ["--bootstrap-servers", "a:1,b:2", "file f.json"],
    ["--group-id", "orilla", "default"],
    ["KAFKA_SASL_PASSWORD", "set", "environment KAFKA_SASL_PASSWORD"],
    ["KAFKA_OAUTH_CLIENT_SECRET", "not set", "default"],
  ];
  for (const row of expected) {
    assert.deepEqual(rows.find(([name]) => name === row[0]), row);
  }
});

Deno.test("effectiveJson() has values as a configuration file has them, and where they are from", () => {
  const { mode, options } = JSON.parse(effectiveJson(mixed));
  assert.equal(mode, "consumer");
  assert.deepEqual(options.topic, { value: "events", source: "flag", name: "--topic" });
  assert.deepEqual(options.untilEnd, { value: true, source: "flag", name: "--until-end" });
  assert.deepEqual(options.dedupeTtl, { value: "12h", source: "environment", name: "DEDUPE_TTL" });
  const servers = { value: ["a:1", "b:2"], source: "file", name: "f.json" };
  assert.deepEqual(options.bootstrapServers, servers);
  assert.deepEqual(options.retryBaseMs, { value: 100, source: "default" });
  assert.deepEqual(options.saslPassword, {
    value: "set",
    isSecret: true,
    source: "environment",
    name: "KAFKA_SASL_PASSWORD",
  });
  assert.equal(options.count, undefined);
});

Deno.test("neither form repeats a secret", () => {
  for (const text of [effectiveTable(mixed), effectiveJson(mixed)]) {
    assert.ok(!text.includes("hunter2"));
  }
});

Deno.test("what effectiveJson() says is, as a configuration file, the same configuration", () => {
  const environment = { ...SECURE, DEDUPE_TTL: "12h", OUT_DIR: "a, b", REJECT_RATIO_MAX: ".25" };
  for (const mode of MODES) {
    const before = configure(mode, givenSources({ environment }));
    const { options } = JSON.parse(effectiveJson(before));
    const file = Object.fromEntries(
      Object.entries<{ value: unknown; isSecret?: boolean }>(options)
        .filter(([key, { isSecret }]) => isSecret !== true && key !== "configFile")
        .map(([key, { value }]) => [key, value] as const)
        // Texts that are no value: nothing is traced where no event is named.
        .filter(([key, value]) => !(key === "id" && value === "")),
    );
    const after = configure(
      mode,
      givenSources({
        flags: { configFile: "f.json" },
        environment: { KAFKA_SASL_PASSWORD: "hunter2" },
        files: { "f.json": JSON.stringify(file) },
      }),
    );
    assert.deepEqual({ ...after.config, configFile: null }, before.config, mode);
  }
});

Deno.test("effectiveTable() keeps control characters from the terminal", () => {
  const sources = givenSources({ flags: { outDir: "a\x1b[2J\nb\u009b" } });
  const table = effectiveTable(configure("simulate", sources));
  assert.deepEqual(rowsOf(table)[0], ["--out-dir", "a\\u001b[2J\\u000ab\\u009b", "flag --out-dir"]);
});
