import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { operatingError, OrillaError } from "../../src/core/errors.ts";
import { canPassLater, retry, type Retrying, type RetryPolicy } from "../../src/runtime/retry.ts";
import { checkAsyncProperty } from "../property_seed.ts";
import { temporaryFolder } from "./temporary_folder.ts";

const DISK_FULL = Object.assign(new Error("no space left"), { code: "ENOSPC" });
const POLICY: RetryPolicy = { attempts: 5, baseMs: 100, capMs: 1_000, budgetMs: 60_000 };

/** Retrying by a clock of its own, which only sleeping and the action move. */
function fakeRetrying(policy: RetryPolicy, random: () => number = () => 1) {
  const waits: number[] = [];
  const notes: string[] = [];
  let nowMs = 1_000;
  const retrying: Retrying = {
    policy,
    random,
    clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
    sleep: (ms) => {
      waits.push(ms);
      nowMs += ms;
      return Promise.resolve();
    },
    onRetry: (operation, error, waitMs) => notes.push(`${operation} ${String(error)} ${waitMs}`),
  };
  return {
    retrying,
    waits,
    notes,
    pass: (ms: number) => nowMs += ms,
    elapsedMs: () => nowMs - 1_000,
  };
}

Deno.test("retry() gives the result of an action that succeeds, without waiting", async () => {
  const { retrying, waits } = fakeRetrying(POLICY);
  assert.equal(await retry("commit", retrying, () => 7), 7);
  assert.equal(await retry("commit", retrying, () => Promise.resolve(8)), 8);
  assert.deepEqual(waits, []);
});

Deno.test("retry() tries again until it succeeds, waiting twice as long each time up to the cap", async () => {
  const { retrying, waits, notes } = fakeRetrying({ ...POLICY, attempts: 100 });
  let tries = 0;
  const result = await retry("fetch", retrying, () => {
    if (++tries < 8) throw DISK_FULL;
    return "done";
  });
  assert.equal(result, "done");
  assert.deepEqual(waits, [100, 200, 400, 800, 1_000, 1_000, 1_000]);
  assert.equal(notes[0], "fetch Error: no space left 100");
  assert.equal(notes.length, 7);
});

Deno.test("retry() gives up after its attempts, saying what, how often and why", async () => {
  const { retrying, waits, notes } = fakeRetrying(POLICY);
  let tries = 0;
  const failing = retry("commit", retrying, () => {
    tries++;
    return Promise.reject(DISK_FULL);
  });
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof OrillaError);
    assert.equal(error.exitCode, 1);
    assert.equal(error.cause, DISK_FULL);
    assert.equal(error.message, "Gave up commit after 5 tries in 1.5 s: no space left");
    return true;
  });
  assert.deepEqual([tries, waits.length, notes.length], [5, 4, 4]);
});

Deno.test("retry() begins no try after its budget is spent, and counts the tries' own time", async () => {
  const { retrying, elapsedMs, pass } = fakeRetrying({
    ...POLICY,
    attempts: 1_000,
    budgetMs: 5_000,
  });
  let tries = 0;
  const failing = retry("commit", retrying, () => {
    tries++;
    pass(900);
    throw DISK_FULL;
  });
  await assert.rejects(failing, /Gave up commit after 4 tries in 4.3 s/);
  assert.equal(tries, 4);
  assert.ok(elapsedMs() <= 5_000 + 900, `${elapsedMs()} ms`);
});

Deno.test("retry() tries once where the budget is zero", async () => {
  const { retrying, waits } = fakeRetrying({ ...POLICY, budgetMs: 0 });
  const failing = retry("commit", retrying, () => Promise.reject(DISK_FULL));
  await assert.rejects(failing, /after 1 tries/);
  assert.deepEqual(waits, []);
});

Deno.test("retry() ends with the failure itself where nobody needs the result any more", async () => {
  const { retrying, waits, notes } = fakeRetrying(POLICY);
  let isWanted = true, tries = 0;
  const failing = retry("confirm_assignment", { ...retrying, isWanted: () => isWanted }, () => {
    isWanted = ++tries < 3;
    throw DISK_FULL;
  });
  await assert.rejects(failing, (thrown) => thrown === DISK_FULL);
  assert.deepEqual([tries, waits.length, notes.length], [3, 2, 2]);
});

Deno.test("retry() passes failures on that do not pass by themselves", async () => {
  const lasting = [
    new TypeError("a defect"),
    operatingError("no broker", DISK_FULL),
    Object.assign(new Error("exists"), { code: "EEXIST" }),
  ];
  for (const error of lasting) {
    const { retrying, waits } = fakeRetrying(POLICY);
    let tries = 0;
    const failing = retry("commit", retrying, () => {
      tries++;
      throw error;
    });
    await assert.rejects(failing, (thrown) => thrown === error);
    assert.deepEqual([tries, waits.length], [1, 0]);
  }
});

Deno.test("retry() stays within its bounds for any policy and any jitter", async () => {
  const anyPolicy = fc.record({
    attempts: fc.integer({ min: 1, max: 30 }),
    baseMs: fc.integer({ min: 1, max: 1_000 }),
    capMs: fc.integer({ min: 1, max: 10_000 }),
    budgetMs: fc.integer({ min: 0, max: 50_000 }),
  });
  const anyJitter = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 });
  await checkAsyncProperty(
    fc.asyncProperty(anyPolicy, anyJitter, async (policy, jitter) => {
      let drawn = 0, tries = 0;
      const random = () => jitter[drawn++ % jitter.length] ?? 0;
      const { retrying, waits, elapsedMs } = fakeRetrying(policy, random);
      await assert.rejects(
        retry("commit", retrying, () => {
          tries++;
          throw DISK_FULL;
        }),
        OrillaError,
      );
      assert.ok(tries >= 1 && tries <= policy.attempts);
      assert.equal(waits.length, tries - 1);
      assert.ok(elapsedMs() <= policy.budgetMs);
      waits.forEach((waitMs, i) => {
        const longest = Math.min(policy.capMs, policy.baseMs * 2 ** i);
        assert.ok(waitMs >= longest / 2 && waitMs <= Math.ceil(longest), `${waitMs} of ${longest}`);
      });
    }),
  );
});

Deno.test("canPassLater() decides by system codes, SQLite's primary codes and what libraries say", () => {
  const withParts = (parts: object) => Object.assign(new Error("x"), parts);
  const passing = ["ENOSPC", "EIO", "EMFILE", "EAGAIN", "EROFS"].map((code) => withParts({ code }));
  const sqlite = [5, 6, 8, 10, 13, 14, 261, 778].map((errcode) => withParts({ errcode }));
  for (const error of [...passing, ...sqlite, withParts({ retriable: true })]) {
    assert.ok(canPassLater(error), JSON.stringify(error));
  }
  const lasting = [
    new Error("x"),
    withParts({ code: "EEXIST" }),
    withParts({ code: 28 }),
    withParts({ errcode: 11 }),
    withParts({ errcode: 26, code: "ENOSPC" }),
    withParts({ retriable: false }),
    withParts({ retriable: "true" }),
    operatingError("x"),
    "ENOSPC",
    { code: "ENOSPC" },
    null,
    undefined,
  ];
  for (const error of lasting) assert.equal(canPassLater(error), false, String(error));
});

Deno.test("canPassLater() knows the runtime's own failures of files", async () => {
  await using folder = await temporaryFolder();
  assert.ok(canPassLater(thrownBy(() => Deno.openSync(`${folder.path}/none`))));
  await Deno.writeTextFile(`${folder.path}/a`, "");
  await Deno.writeTextFile(`${folder.path}/b`, "");
  const existing = thrownBy(() => Deno.linkSync(`${folder.path}/a`, `${folder.path}/b`));
  assert.ok(existing instanceof Deno.errors.AlreadyExists);
  assert.equal(canPassLater(existing), false);
});

/** What an action throws. */
function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
}

Deno.test("canPassLater() knows SQLite's own failures: a lock passes, damage does not", async () => {
  await using folder = await temporaryFolder();
  using holder = new DatabaseSync(`${folder.path}/a.sqlite`);
  holder.exec("CREATE TABLE t (x)");
  using other = new DatabaseSync(`${folder.path}/a.sqlite`);
  const insert = other.prepare("INSERT INTO t VALUES (1)");
  holder.exec("BEGIN EXCLUSIVE");
  const locked = thrownBy(() => insert.run());
  assert.match(String(locked), /locked/);
  assert.ok(canPassLater(locked));
  await Deno.writeFile(`${folder.path}/b.sqlite`, new Uint8Array(4096).fill(7));
  using damaged = new DatabaseSync(`${folder.path}/b.sqlite`);
  const noDatabase = thrownBy(() => damaged.prepare("SELECT * FROM t").all());
  assert.match(String(noDatabase), /not a database/);
  assert.equal(canPassLater(noDatabase), false);
  assert.equal(canPassLater(thrownBy(() => other.exec("no SQL"))), false);
});

Deno.test(
  "canPassLater() knows a lock that a statement ran into",
  async () => {
    await using folder = await temporaryFolder();
    using holder = new DatabaseSync(`${folder.path}/a.sqlite`);
    holder.exec("CREATE TABLE t (x); BEGIN EXCLUSIVE");
    using other = new DatabaseSync(`${folder.path}/a.sqlite`);
    assert.ok(canPassLater(thrownBy(() => other.prepare("BEGIN IMMEDIATE").run())));
  },
);

Deno.test("canPassLater() looks through kafkajs's wrappers at what failed in them", () => {
  // Names and fields are those of kafkajs's errors.js.
  const failure = (name: string, parts: object = {}) =>
    Object.assign(new Error(name), { name, ...parts });
  const answer = (type: string, retriable: boolean) =>
    failure("KafkaJSProtocolError", { type, retriable });
  const spent = (cause: Error) =>
    failure("KafkaJSNumberOfRetriesExceeded", { retriable: false, cause });
  const wrapped = (cause: Error) =>
    failure("KafkaJSNonRetriableError", { retriable: false, cause });
  const passing = [
    failure("KafkaJSConnectionError", { retriable: true, code: "ECONNREFUSED" }),
    failure("KafkaJSGroupCoordinatorNotFound", { retriable: false }),
    answer("NOT_ENOUGH_REPLICAS", true),
  ];
  const lasting = [
    answer("MESSAGE_TOO_LARGE", false),
    answer("TOPIC_AUTHORIZATION_FAILED", false),
    answer("ILLEGAL_GENERATION", false),
    failure("KafkaJSSASLAuthenticationError", { retriable: false }),
  ];
  for (const error of passing) {
    for (const seen of [error, spent(error), wrapped(error), wrapped(spent(error))]) {
      assert.ok(canPassLater(seen), `${seen.name} of ${error.message}`);
    }
  }
  for (const error of lasting) {
    for (const seen of [error, spent(error), wrapped(error)]) {
      assert.equal(canPassLater(seen), false, `${seen.name} of ${error.message}`);
    }
  }
});
