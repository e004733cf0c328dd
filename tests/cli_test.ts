import assert from "node:assert/strict";
import { type Command, helpTopics, parseCommandLine } from "../src/cli.ts";
import { type Config, environmentOf, flagOf, OPTION_ROWS } from "../src/config.ts";
import { OrillaError } from "../src/core/errors.ts";
import { MODES } from "../src/options/option.ts";
import { givenSources } from "./given_sources.ts";

/** A command line as one would type it, in an empty environment. */
function parse(line: string): Command {
  return parseCommandLine(line.split(" ").filter((word) => word !== ""), givenSources({}));
}

function configOf(line: string): Config {
  const command = parse(line);
  assert.ok("config" in command, command.kind);
  return command.config;
}

function refusal(line: string): string {
  try {
    parse(line);
  } catch (error) {
    assert.ok(error instanceof OrillaError, String(error));
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  throw new Error(`It was not refused: ${line}`);
}

Deno.test("parseCommandLine() reads each mode with its defaults", () => {
  for (const mode of MODES) assert.equal(parse(mode).kind, mode);
});

Deno.test("parseCommandLine() reads flags with values after a space or an equals sign", () => {
  const config = configOf("simulate --count 20 --seed=3 --out-dir /tmp/x --start=2026-11-24");
  assert.equal(config.count, 20);
  assert.equal(config.seed, 3);
  assert.equal(config.outDir, "/tmp/x");
  assert.equal(config.start, Date.UTC(2026, 10, 24));
  assert.equal(configOf("simulate --out-dir=a=b").outDir, "a=b");
});

Deno.test("parseCommandLine() reads a switch without a value, and with one after an equals sign", () => {
  assert.equal(configOf("consumer").untilEnd, false);
  assert.equal(configOf("consumer --until-end").untilEnd, true);
  assert.equal(configOf("consumer --until-end=true").untilEnd, true);
  assert.equal(configOf("consumer --until-end=false").untilEnd, false);
  assert.equal(configOf("consumer --until-end --topic t").topic, "t");
});

Deno.test("parseCommandLine() passes the environment on, behind the flags", () => {
  const sources = givenSources({ environment: { GENERATE_COUNT: "9" } });
  const count = (args: readonly string[]) => {
    const command = parseCommandLine(args, sources);
    assert.ok(command.kind === "simulate");
    return command.config.count;
  };
  assert.equal(count(["simulate"]), 9);
  assert.equal(count(["simulate", "--count", "8"]), 8);
});

Deno.test("parseCommandLine() asks for help and the version in every usual way", () => {
  for (const line of ["", "--help", "-h", "help"]) {
    assert.deepEqual(parse(line), { kind: "help", topic: null });
  }
  for (
    const line of ["consumer --help", "consumer --topic t -h", "help consumer", "--help consumer"]
  ) {
    assert.deepEqual(parse(line), { kind: "help", topic: "consumer" });
  }
  assert.deepEqual(parse("dlq show -h"), { kind: "help", topic: "dlq show" });
  for (const word of ["dlq", "config", "completions"]) {
    assert.deepEqual(parse(`${word} --help`), { kind: "help", topic: word });
  }
  assert.ok("config" in parse("trace -- --help"));
  for (const line of ["--version", "-V", "version"]) {
    assert.deepEqual(parse(line), { kind: "version" });
  }
});

Deno.test("parseCommandLine() refuses a mode that there is not, naming those that there are", () => {
  for (const line of ["consume", "--count 5", "Simulate", "toString"]) {
    const message = refusal(line);
    assert.ok(message.includes(JSON.stringify(line.split(" ")[0])), message);
    for (const mode of MODES) assert.ok(message.includes(mode), message);
  }
});

Deno.test("parseCommandLine() refuses flags that there are not, and those of another mode", () => {
  for (const flag of ["--topics", "--count", "--no-until-end", "-x", "--__proto__", "--Topic"]) {
    const message = refusal(`consumer ${flag}=5`.replace("-x=5", "-x"));
    assert.ok(message.includes(flag), message);
    assert.ok(message.includes("orilla consumer --help"), message);
  }
});

Deno.test("parseCommandLine() takes no secret as a flag, does not repeat it, and says where it goes", () => {
  const secrets = OPTION_ROWS.filter(([, { isSecret }]) => isSecret);
  assert.ok(secrets.length >= 2);
  for (const [key, row] of secrets) {
    for (const line of [`consumer ${flagOf(key)}=hunter2`, `consumer ${flagOf(key)} hunter2`]) {
      const message = refusal(line);
      assert.ok(message.includes(environmentOf(key, row)), message);
      assert.ok(!message.includes("hunter2"), message);
    }
  }
});

Deno.test("parseCommandLine() refuses words that belong to no flag", () => {
  assert.ok(refusal("simulate 100").includes('"100"'));
  assert.ok(refusal("simulate -- --count").includes('"--count"'));
  assert.ok(refusal("consumer --until-end false").includes('"false"'));
});

Deno.test("parseCommandLine() refuses a flag without its value", () => {
  const accepted = "expected an integer from 1 to";
  assert.match(refusal("simulate --count"), /--count: expected a value/);
  assert.ok(refusal("simulate --count=").includes(`Cannot read --count: ${accepted}`));
});

Deno.test(
  "parseCommandLine() does not take the next flag for a value",
  () => {
    assert.match(refusal("consumer --out-dir --until-end"), /--out-dir/);
    assert.match(refusal("simulate --count --seed 1"), /--count/);
  },
);

Deno.test("parseCommandLine() refuses a flag that is given twice", () => {
  assert.match(refusal("simulate --count 1 --count 2"), /--count twice/);
  assert.match(refusal("consumer --until-end --until-end"), /--until-end twice/);
});

Deno.test("parseCommandLine() refuses a value that the option does not take", () => {
  const message = refusal("simulate --batch-max-events abc");
  assert.equal(
    message,
    'Cannot read --batch-max-events: expected an integer from 1 to 1000000, got "abc"',
  );
  assert.ok(refusal("simulate --rate -5").includes('got "-5"'));
});

Deno.test("parseCommandLine() refuses flags that contradict each other", () => {
  assert.match(
    refusal("simulate --duplicate-ratio 0.9 --invalid-ratio 0.2"),
    /--invalid-ratio 0.2/,
  );
});

Deno.test("parseCommandLine() reads what help is asked about, and refuses what has none", () => {
  for (const topic of helpTopics()) {
    assert.deepEqual(parse(`help ${topic}`), { kind: "help", topic });
  }
  const message = refusal("help exit-code");
  assert.ok(message.startsWith('Cannot explain "exit-code": expected one of simulate, '), message);
  assert.ok(message.endsWith("metrics; did you mean exit-codes?"), message);
  assert.ok(refusal("help dlq lists").endsWith("did you mean dlq list?"));
  assert.ok(refusal("help nonsense whatsoever").endsWith("metrics."));
});

Deno.test("parseCommandLine() names the mode that was meant", () => {
  const meant = { consume: "consumer", Simulate: "simulate", rebiuld: "rebuild", conf: "config" };
  for (const [typed, mode] of Object.entries(meant)) {
    assert.ok(refusal(typed).endsWith(`; did you mean ${mode}? See orilla --help`), typed);
  }
  assert.match(refusal("dlq lsit"), /"dlq lsit": .*; did you mean dlq list\? See/);
  assert.match(refusal("zzz"), /help\. See orilla --help$/);
  assert.match(refusal("config consum"), /did you mean consumer\?/);
});

Deno.test("parseCommandLine() names the flag that was meant, or the modes that have it", () => {
  const meant = {
    "--until_end": "--until-end",
    "--untilend": "--until-end",
    "--unitl-end": "--until-end",
    "--topics": "--topic",
    "--until": "--until-end",
    "--hepl": "--help",
    "until-end": "--until-end",
  };
  for (const [typed, flag] of Object.entries(meant)) {
    const expected = `there is no such option; did you mean ${flag}? See orilla consumer --help`;
    assert.ok(refusal(`consumer ${typed}`).endsWith(expected), typed);
  }
  assert.match(refusal("consumer --wombat"), /there is no such option\. See/);
  assert.equal(
    refusal("consumer --count 5"),
    "Cannot use --count with consumer: it is an option of simulate, producer. See orilla consumer --help",
  );
  assert.match(
    refusal("consumer --sasl-pasword hunter2"),
    /seen by other users .* --sasl-password-file/,
  );
});

Deno.test("parseCommandLine() reads orilla config: a mode with its flags, consumer where there is none", () => {
  const configured = (line: string) => {
    const command = parse(line);
    assert.ok(command.kind === "config", command.kind);
    return command;
  };
  assert.equal(configured("config").configuration.mode, "consumer");
  assert.equal(configured("config --until-end").configuration.config.untilEnd, true);
  const replay = configured("config dlq replay --to-topic t --json");
  assert.deepEqual([replay.configuration.mode, replay.isJson], ["dlq replay", true]);
  assert.equal(replay.configuration.config.toTopic, "t");
  assert.equal(configured("config verify --json").configuration.config.json, false);
  assert.equal(configured("config trace -- --json").configuration.config.id, "--json");
  assert.equal(configured("config trace -- --json").isJson, false);
  assert.deepEqual(parse("config --json-schema"), { kind: "schema" });
  assert.match(refusal("config --json-schema consumer"), /--json-schema with anything else/);
  assert.match(refusal("config --json --json"), /--json twice/);
  assert.match(refusal("config producer --until-end"), /it is an option of consumer/);
  assert.match(refusal("config simulate --days 0"), /Cannot read --days: expected an integer/);
});

Deno.test("parseCommandLine() reads which shell completions are for", () => {
  assert.deepEqual(parse("completions zsh"), { kind: "completions", shell: "zsh" });
  const expected = /Cannot make completions for ".*": expected one of bash, zsh, fish/;
  for (const line of ["completions", "completions tcsh", "completions bash zsh"]) {
    assert.match(refusal(line), expected);
  }
  assert.match(refusal("completions fihs"), /; did you mean fish\?$/);
});

Deno.test("parseCommandLine() reads what dead letters are meant", () => {
  const config = configOf(
    "dlq export --reason ts_missing --event-id e7 --partition orders/3 --since 2026-11-24",
  );
  assert.deepEqual([config.reason, config.letterEventId], ["ts_missing", "e7"]);
  assert.deepEqual(config.partition, { topic: "orders", partition: 3 });
  assert.equal(config.since, Date.UTC(2026, 10, 24));
  assert.deepEqual(configOf("dlq list --partition 3").partition, { topic: null, partition: 3 });
  const position = { topic: "orders", partition: 3, offset: 12n };
  assert.deepEqual(configOf("dlq show orders/3/12").position, position);
  assert.equal(configOf("simulate --event-id uuid").eventId, "uuid");
  assert.equal(configOf("dlq purge --dlq-ttl 12h").dlqTtl, 12 * 3_600_000);
  assert.match(refusal("dlq list --reason nonsense"), /expected any, or one of no_value, /);
  assert.match(refusal("dlq list --partition orders"), /a partition \(3\) or one of a topic/);
  assert.match(refusal("dlq"), /one of dlq list, dlq show, dlq export, dlq replay, dlq purge/);
});
