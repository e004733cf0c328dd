import assert from "node:assert/strict";
import { LOG_LEVELS } from "../../src/runtime/log_levels.ts";
import { setUpLogs } from "../../src/runtime/logs.ts";
import { scrub } from "../../src/runtime/scrub.ts";

type Format = Parameters<typeof setUpLogs>[0]["format"];

/** A log and the lines it wrote. */
function capture(format: Format, level: (typeof LOG_LEVELS)[number] = "debug") {
  const lines: string[] = [];
  const log = setUpLogs({ format, level, write: (line) => lines.push(line) });
  return { log, lines };
}

Deno.test("json log lines parse, with time, level, message and fields", () => {
  const { log, lines } = capture("json");
  log.info("committed", { sequence: 7, trigger: "events", nextOffset: 2n ** 60n });
  assert.equal(lines.length, 1);
  const { time, ...rest } = JSON.parse(lines[0] ?? "");
  assert.deepEqual(rest, {
    level: "info",
    message: "committed",
    sequence: 7,
    trigger: "events",
    nextOffset: "1152921504606846976",
  });
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

Deno.test("text log lines have time, level, message and fields", () => {
  const { log, lines } = capture("text");
  log.warning("could not write", { attempts: 3, error: "disk full" });
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? "",
    /^\d\d:\d\d:\d\d\.\d{3} WARNING could not write attempts=3 error=disk full$/,
  );
});

const FORMATS: readonly Format[] = ["json", "text"];

for (const format of FORMATS) {
  Deno.test(`${format} log lines hold listed fields alone`, () => {
    const { log, lines } = capture(format);
    const fields = {
      count: 1,
      event_id: "secret-id",
      value: "secret-value",
      password: "secret-word",
    };
    log.info("took in", fields);
    assert.ok(lines[0]?.includes("count"));
    assert.doesNotMatch(lines.join(), /secret|event_id|password/);
  });

  Deno.test(`${format} log lines hold no credentials of URLs`, () => {
    const { log, lines } = capture(format);
    log.error("failed", {
      error: "cannot reach kafka://alice:alice-secret@broker:9092",
      broker: "https://only-token@host/",
      reason: String(new Error("sasl://a:alice-secret@x and redis://:alice-secret@y")),
    });
    assert.doesNotMatch(lines.join(), /alice-secret|only-token/);
    assert.match(lines.join(), /kafka:\/\/…@broker:9092/);
  });

  Deno.test(`${format} log lines are one line each, whatever a field holds`, () => {
    const { log, lines } = capture(format);
    log.info("failed", { error: "one\ntwo\r\nthree", operation: "\n" });
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines[0] ?? "", /[\r\n]/);
    assert.match(lines[0] ?? "", /one two three/);
  });
}

Deno.test("setUpLogs() leaves lines below its level out", () => {
  const wanted = { debug: 4, info: 3, warning: 2, error: 1 } as const;
  for (const level of LOG_LEVELS) {
    const { log, lines } = capture("json", level);
    log.debug("a");
    log.info("b");
    log.warning("c");
    log.error("d");
    assert.equal(lines.length, wanted[level], level);
    const levels = lines.map((line) => JSON.parse(line).level);
    assert.deepEqual(levels, ["debug", "info", "warning", "error"].slice(-wanted[level]));
  }
});

Deno.test("setUpLogs() can be called again, and the lines go to the new place", () => {
  const first = capture("json");
  const second = capture("text");
  second.log.info("hello");
  assert.deepEqual([first.lines.length, second.lines.length], [0, 1]);
});

Deno.test("scrub() leaves texts without credentials as they are", () => {
  for (const text of ["", "a@b.example", "http://host/path@x", "localhost:9092", "a: b@c"]) {
    assert.equal(scrub(text), text);
  }
  assert.equal(scrub("x://u:p@h, y://t@h"), "x://…@h, y://…@h");
});

Deno.test("scrub() takes credentials out of settings, headers and JSON", () => {
  for (
    const text of [
      "sasl.password=hidden",
      "PASSWORD = 'hid den'",
      'sasl.jaas.config=org.apache.X required username="u" password="hid den";',
      '{"user":"u","password":"hidden"}',
      "client_secret=hidden&grant_type=x",
      "password: 'hidden'",
      "Authorization: Bearer hidden.hidden",
      "authorization: Basic aGlkZGVuOmhpZGRlbg==",
      "api_key=hidden, token=hidden;",
    ]
  ) {
    assert.doesNotMatch(scrub(text), /hid|aGlk/, text);
  }
  for (
    const text of [
      "Cannot read KAFKA_SASL_PASSWORD: expected a text, got none",
      "Unexpected token in JSON",
      "the password was wrong",
    ]
  ) {
    assert.equal(scrub(text), text);
  }
});

Deno.test(
  "scrub() takes passwords out that hold an @",
  () => {
    assert.doesNotMatch(scrub("kafka://alice:half@other-half@broker:9092"), /half/);
  },
);

Deno.test(
  "log lines hold no credentials in their message, which may come from a library",
  () => {
    const { log, lines } = capture("json");
    log.debug("kafkajs Connection: cannot reach kafka://alice:alice-secret@broker:9092");
    assert.doesNotMatch(lines.join(), /alice-secret/);
  },
);
