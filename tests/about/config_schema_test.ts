import assert from "node:assert/strict";
import { Validator } from "@cfworker/json-schema";
import fc from "fast-check";
import { configSchema } from "../../src/about/config_schema.ts";
import { defaultOf, OPTION_ROWS } from "../../src/config.ts";
import { isFileOption, parseConfigFile, SCHEMA_KEY } from "../../src/config_file.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { wordsOf } from "../../src/options/value_schema.ts";
import { checkProperty } from "../property_seed.ts";

/** As others read it: from its text. */
const schema = JSON.parse(JSON.stringify(configSchema()));
const validator = new Validator(schema, "2020-12", false);

const isValid = (file: unknown) => validator.validate(file).valid;

function isTaken(file: unknown): boolean {
  try {
    parseConfigFile("f.json", JSON.stringify(file));
    return true;
  } catch (error) {
    assert.ok(error instanceof OrillaError, String(error));
    return false;
  }
}

const FILE_OPTIONS = OPTION_ROWS.filter(isFileOption);

Deno.test("configSchema() has every option that may stand in a file, with its meaning", () => {
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  const keys = FILE_OPTIONS.map(([key]) => key);
  assert.deepEqual(Object.keys(schema.properties), [SCHEMA_KEY, ...keys]);
  for (const [key, row] of FILE_OPTIONS) {
    const { description } = schema.properties[key];
    assert.ok(description.includes(row.meaning) && description.includes(row.accepts), key);
  }
});

Deno.test("configSchema() has ranges, words and defaults", () => {
  const { properties } = schema;
  const { type, minimum, maximum, default: standing } = properties["batchMaxEvents"];
  assert.deepEqual([type, minimum, maximum, standing], ["integer", 1, 1_000_000, 50_000]);
  assert.deepEqual(properties["logLevel"].enum, ["debug", "info", "warning", "error"]);
  assert.deepEqual([properties["untilEnd"].type, properties["untilEnd"].default], [
    "boolean",
    false,
  ]);
  assert.ok(!Object.hasOwn(properties["count"], "default"), "simulate and producer differ");
});

Deno.test("configSchema() takes the defaults that it names", () => {
  for (const [key] of FILE_OPTIONS) {
    const standing = schema.properties[key].default;
    if (standing === undefined) continue;
    assert.ok(isValid({ [key]: standing }) && isTaken({ [key]: standing }), key);
  }
});

Deno.test("configSchema() refuses secrets and keys that there are not", () => {
  const others = OPTION_ROWS.filter((entry) => !isFileOption(entry)).map(([key]) => key);
  assert.ok(others.length >= 3);
  for (const key of [...others, "batch-max-events", "wombat"]) {
    assert.ok(!isValid({ [key]: "x" }) && !isTaken({ [key]: "x" }), key);
  }
  for (const file of [[], "x", 1, null]) assert.ok(!isValid(file));
  assert.ok(isValid({ [SCHEMA_KEY]: "./schema.json" }) && !isValid({ [SCHEMA_KEY]: 1 }));
});

/** Values of which many are nearly right. */
const anyValue = fc.oneof(
  fc.constantFrom(
    ...OPTION_ROWS.flatMap(([, row]) => [
      ...wordsOf(row.schema),
      ...row.modes.map((mode) => defaultOf(row, mode)),
    ]),
    ...[
      "a:1,b:2",
      "12h",
      "0",
      "640",
      "pi2_events/3",
      "2026-11-24",
      "none",
      "any",
      "",
      "\0",
      "a\nb",
    ],
  ),
  fc.integer({ min: -1, max: 2_000_000 }),
  fc.double({ min: -0.5, max: 1.5, noNaN: true }).filter((value) =>
    value === 0 || Math.abs(value) > 1e-80
  ),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.constantFrom("a:1", "b", "none", "a,b", "", "usuario_id"), { maxLength: 3 }),
  fc.string({ unit: "binary", maxLength: 5 }),
);

Deno.test("configSchema() takes whatever orilla takes, and where it can say all, nothing else", () => {
  // What a schema cannot say: what is in a list, an address, a time, a position, a partition, a fault or a URL.
  const looser = ["bootstrapServers", "allowedHosts", "pseudonymizeFields", "httpAddress"]
    .concat(["start", "since", "position", "partition", "fault", "oauthTokenUrl"])
    .concat(["id", "letterEventId", "s3Endpoint", "date"]);
  let takenCount = 0;
  const anyOption = fc.constantFrom(...FILE_OPTIONS.map(([key]) => key));
  checkProperty(
    fc.property(anyOption, anyValue, (key, value) => {
      const file = { [key]: value };
      const isRight = isTaken(file);
      takenCount += Number(isRight);
      if (isRight) assert.ok(isValid(file), "the schema takes it");
      else if (!looser.includes(key)) assert.ok(!isValid(file), "the schema refuses it");
    }),
    { runs: 5_000 },
  );
  assert.ok(takenCount > 100, `${takenCount} were taken`);
});
