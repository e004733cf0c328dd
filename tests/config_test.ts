import assert from "node:assert/strict";
import { type Config, defaultOf, environmentOf, flagOf, OPTION_ROWS } from "../src/config.ts";
import { configure as configureFrom, type Sources } from "../src/configure.ts";
import { type Mode, MODES } from "../src/options/option.ts";
import { OrillaError } from "../src/core/errors.ts";

/** A text that no option takes, not even a path. */
const NONSENSE = "\0";

const NOTHING: ReadonlyMap<string, string> = new Map();

/** What a mode runs with, without a configuration file. */
function configure(
  mode: Mode,
  flags: Sources["flags"],
  environment: Sources["environment"],
): Config {
  const readFile = (path: string) => assert.fail(`${path} was read`);
  return configureFrom(mode, { flags, environment, readFile }).config;
}

/** An environment of the given names. */
function environment(values: Readonly<Record<string, string>> = {}) {
  return (name: string) => values[name];
}

/** The failure of a configuration, which is one of usage. */
function usageFailure(configuring: () => unknown): string {
  try {
    configuring();
  } catch (error) {
    assert.ok(error instanceof OrillaError, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  throw new Error("It was not refused");
}

Deno.test("every option has an environment name of its own, and a flag that is its own in each mode", () => {
  const flags = OPTION_ROWS.map(([key]) => flagOf(key));
  for (const mode of MODES) {
    const ofMode = OPTION_ROWS.filter(([, { modes }]) => modes.includes(mode));
    assert.equal(new Set(ofMode.map(([key]) => flagOf(key))).size, ofMode.length, mode);
  }
  const names = OPTION_ROWS.map(([key, row]) => environmentOf(key, row));
  assert.equal(new Set(names).size, OPTION_ROWS.length);
  for (const flag of flags) assert.match(flag, /^--[a-z\d]+(-[a-z]+)*$/);
  for (const name of names) assert.match(name, /^[A-Z\d]+(_[A-Z]+)*$/);
});

Deno.test("every option says what it means, what it accepts and where it holds", () => {
  for (const [key, { meaning, accepts, modes }] of OPTION_ROWS) {
    assert.match(meaning, /^[A-Z].*[^.]$/, key);
    assert.ok(accepts.length > 0, key);
    assert.ok(modes.length > 0 && modes.every((mode) => MODES.includes(mode)), key);
  }
});

Deno.test("the names of the original system are kept, with their defaults", () => {
  const byName = new Map(OPTION_ROWS.map(([key, row]) => [environmentOf(key, row), row.default]));
  assert.equal(byName.get("KAFKA_BOOTSTRAP_SERVERS"), "localhost:9092");
  assert.equal(byName.get("KAFKA_TOPIC"), "pi2_events");
  assert.equal(byName.get("OUT_DIR"), "datasets/processed/pi2/");
});

Deno.test("the batch limits and the time to live have the names and defaults of the design", () => {
  const config = configure("consumer", NOTHING, environment());
  assert.equal(config.batchMaxEvents, 50_000);
  assert.equal(config.batchMaxBytes, 64 * 1024 * 1024);
  assert.equal(config.batchMaxLatencyMs, 5_000);
  assert.equal(config.dedupeTtl, 7 * 86_400_000);
  const set = {
    BATCH_MAX_EVENTS: "7",
    BATCH_MAX_BYTES: "8",
    BATCH_MAX_LATENCY_MS: "90",
    DEDUPE_TTL: "0",
  };
  const other = configure("consumer", NOTHING, environment(set));
  const { batchMaxEvents, batchMaxBytes, batchMaxLatencyMs, dedupeTtl } = other;
  assert.deepEqual([batchMaxEvents, batchMaxBytes, batchMaxLatencyMs, dedupeTtl], [7, 8, 90, 0]);
});

for (const mode of MODES) {
  Deno.test(`configure() takes the defaults of ${mode} where nothing is given`, () => {
    const config = configure(mode, NOTHING, environment());
    assert.deepEqual(Object.keys(config), OPTION_ROWS.map(([key]) => key));
    for (const [key, row] of OPTION_ROWS) {
      assert.deepEqual(valueOf(config, key), row.parse(defaultOf(row, mode)), key);
    }
  });
}

function valueOf(config: Config, key: string): unknown {
  return new Map(Object.entries(config)).get(key);
}

Deno.test("configure() knows that simulate and producer make other numbers of records", () => {
  assert.equal(configure("simulate", NOTHING, environment()).count, 1000);
  assert.equal(configure("producer", NOTHING, environment()).count, 50);
});

Deno.test("configure() puts flags before the environment, and that before the default", () => {
  const flags = new Map([["topic", "from-flag"]]);
  const names = environment({ KAFKA_TOPIC: "from-environment", KAFKA_GROUP_ID: "group" });
  assert.equal(configure("consumer", flags, names).topic, "from-flag");
  assert.equal(configure("consumer", NOTHING, names).topic, "from-environment");
  assert.equal(configure("consumer", NOTHING, names).groupId, "group");
  assert.equal(configure("consumer", flags, names).clientId, "orilla");
});

Deno.test("configure() takes an empty environment variable for one that is not set", () => {
  assert.equal(
    configure("consumer", NOTHING, environment({ KAFKA_TOPIC: "" })).topic,
    "pi2_events",
  );
});

Deno.test("configure() does not read environment names of other modes", () => {
  const [key, row] = OPTION_ROWS.find(([, { modes }]) => !modes.includes("producer")) ?? [];
  assert.ok(key !== undefined && row !== undefined);
  const asked: string[] = [];
  configure("producer", NOTHING, (name) => {
    asked.push(name);
    return undefined;
  });
  assert.ok(!asked.includes(environmentOf(key, row)));
  assert.ok(asked.includes("KAFKA_TOPIC"));
});

for (const [key, row] of OPTION_ROWS) {
  Deno.test(`configure() refuses a wrong ${flagOf(key)}, naming it, the value and what is accepted`, () => {
    const [mode] = row.modes;
    assert.ok(mode !== undefined);
    const sources: readonly (readonly [string, () => unknown])[] = [
      ...row.isSecret ? [] : [
        [flagOf(key), () => configure(mode, new Map([[key, NONSENSE]]), environment())] as const,
      ],
      [
        environmentOf(key, row),
        () => configure(mode, NOTHING, environment({ [environmentOf(key, row)]: NONSENSE })),
      ],
    ];
    for (const [source, configuring] of sources) {
      const got = row.isSecret ? "" : `, got "\\u0000"`;
      const expected = `Cannot read ${source}: expected ${row.accepts}${got}`;
      assert.equal(usageFailure(configuring), expected);
    }
  });
}

Deno.test("configure() refuses ratios that add up to more than 1, naming them", () => {
  const flags = (duplicate: string, invalid: string, unknown: string) =>
    new Map([
      ["duplicateRatio", duplicate],
      ["invalidRatio", invalid],
      ["unknownFieldRatio", unknown],
    ]);
  const message = usageFailure(() =>
    configure("simulate", flags("0.6", "0.3", "0.2"), environment())
  );
  for (
    const part of [
      "--duplicate-ratio 0.6",
      "--invalid-ratio 0.3",
      "--unknown-field-ratio 0.2",
      "at most 1",
    ]
  ) {
    assert.ok(message.includes(part), message);
  }
  const modes: readonly Mode[] = ["simulate", "producer"];
  for (const mode of modes) {
    configure(mode, flags("0.7", "0.2", "0.1"), environment());
    configure(mode, flags("1", "0", "0"), environment());
  }
});

Deno.test("configure() refuses a dead-letter topic that is the topic itself, whichever way they are named", () => {
  const same = environment({ KAFKA_TOPIC: "events", DLQ_TOPIC: "events" });
  const message = usageFailure(() => configure("consumer", NOTHING, same));
  assert.match(message, /Cannot use --dlq-topic events: expected another topic than --topic/);
  usageFailure(() => configure("consumer", new Map([["dlqTopic", "pi2_events"]]), environment()));
  const other = environment({ DLQ_TOPIC: "dead" });
  assert.equal(configure("consumer", NOTHING, other).dlqTopic, "dead");
  assert.equal(configure("consumer", NOTHING, environment()).dlqTopic, null);
});
