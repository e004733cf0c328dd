import assert from "node:assert/strict";
import { checkText } from "../src/commands/doctor.ts";
import {
  brokersFinding,
  clockFinding,
  clusterFinding,
  groupFinding,
  topicFinding,
} from "../src/commands/doctor_kafka.ts";
import {
  fileFinding,
  fsyncFinding,
  programFinding,
  spaceFinding,
} from "../src/commands/doctor_lake.ts";
import { lagFinding, startFinding } from "../src/commands/doctor_offsets.ts";
import { Examination } from "../src/commands/examination.ts";
import { type Check, failure, ok, tally, warning } from "../src/core/check.ts";
import { decodeQuorum } from "../src/kafka/controller_clock.ts";
import type { KnownOffsets } from "../src/kafka/positions.ts";

/** An examination that keeps what it is told. */
function examination(limitMs: number, stop = new AbortController()) {
  const told: Check[] = [];
  const onCheck = (check: Check) => void told.push(check);
  return { told, stop, it: new Examination({ limitMs, stop: stop.signal, onCheck }) };
}

Deno.test("Examination makes checks in their order, and takes failures for findings", async () => {
  const { it, told } = examination(10_000);
  assert.equal(await it.check("one", () => ok("fine")), true);
  assert.equal(await it.check("two", () => Promise.resolve(warning("so so", "look"))), true);
  const secret = "https://user:hunter2@example.test refused";
  assert.equal(await it.check("three", () => Promise.reject(new Error(secret))), false);
  assert.equal(await it.check("four", () => failure("broken", null)), false);
  it.skip(["five", "six"], "four is broken");
  assert.deepEqual(told.map(({ name, state }) => `${name} ${state}`), [
    "one ok",
    "two warning",
    "three failure",
    "four failure",
    "five skipped",
    "six skipped",
  ]);
  assert.deepEqual(it.checks, told);
  assert.doesNotMatch(told[2]?.text ?? "", /hunter2/);
  assert.deepEqual(tally(told), { ok: 1, warning: 1, failure: 2, skipped: 2 });
});

Deno.test("Examination waits for no check longer than its limit, and for none after a signal", async () => {
  const never = () => new Promise<never>(() => {});
  const { it, told, stop } = examination(20);
  assert.equal(await it.check("hangs", never), false);
  assert.match(told[0]?.text ?? "", /no answer in 20 ms/);
  const patient = examination(60_000, stop);
  const under = patient.it.check("is under way", never);
  stop.abort();
  assert.equal(await under, false);
  assert.equal(await it.check("comes later", () => ok("made all the same")), false);
  assert.match(told[1]?.text ?? "", /stopped by a signal/);
  assert.match(patient.told[0]?.text ?? "", /stopped by a signal/);
});

Deno.test("checkText() puts further lines and advice below the text", () => {
  const lines = ["a", "b"];
  const check = { ...warning("so so", "look", { lines }), name: "disk" };
  const space = " ".repeat(23);
  assert.equal(
    checkText(check),
    `  warning  disk        so so\n${space}a\n${space}b\n${space}→ look\n`,
  );
});

Deno.test("programFinding() knows the oldest Deno that will do", () => {
  const states = ["2.6.9", "1.99.99", "2.6.10", "2.6.11", "2.10.0", "3.0.0"]
    .map((deno) => programFinding("0.1.0", deno).state);
  assert.deepEqual(states, ["failure", "failure", "ok", "ok", "ok", "ok"]);
});

Deno.test("fileFinding() lets the group read a secret, and others read what is none", () => {
  const state = (mode: number | null, isSecret: boolean) =>
    fileFinding([{ flag: "--ssl-key-file", path: "k", isSecret, mode }]).state;
  for (const mode of [0o600, 0o400, 0o640, 0o440, null]) assert.equal(state(mode, true), "ok");
  for (const mode of [0o604, 0o644, 0o660, 0o602]) assert.equal(state(mode, true), "warning");
  for (const mode of [0o644, 0o444]) assert.equal(state(mode, false), "ok");
  for (const mode of [0o664, 0o646]) assert.equal(state(mode, false), "warning");
  const { lines } = fileFinding([
    { flag: "--ssl-key-file", path: "key", isSecret: true, mode: 0o644 },
    { flag: "--ssl-ca-file", path: "ca", isSecret: false, mode: 0o644 },
  ]);
  assert.deepEqual(lines, ["--ssl-key-file key (mode 644)"]);
});

Deno.test("fsyncFinding() and spaceFinding() warn of what will hold up commits", () => {
  assert.equal(fsyncFinding("/lake", [1, 2, 3, 99, 2_000]).state, "ok");
  assert.equal(fsyncFinding("/lake", [1, 2, 101, 102, 103]).state, "warning");
  const totalBytes = 2 ** 40;
  assert.equal(spaceFinding({ freeBytes: 2 ** 30, totalBytes }).state, "ok");
  assert.equal(spaceFinding({ freeBytes: 2 ** 30 - 1, totalBytes }).state, "warning");
  assert.equal(spaceFinding(null).state, "skipped");
});

Deno.test("brokersFinding() and clusterFinding() name those that cannot be used", () => {
  const good = { server: "a:1", problem: null, isSilent: false };
  const bad = { server: "b:2", problem: "b:2 is gone", isSilent: true };
  assert.equal(brokersFinding([good]).state, "ok");
  const one = brokersFinding([good, bad]);
  assert.deepEqual([one.state, one.lines], ["warning", ["b:2 is gone"]]);
  const none = brokersFinding([bad, bad]);
  assert.deepEqual([none.state, none.text, none.lines], ["failure", "b:2 is gone", [
    "b:2 is gone",
  ]]);
  assert.match(none.advice ?? "", /check --bootstrap-servers/);
  assert.equal(brokersFinding([{ ...bad, isSilent: false }]).advice, null);
  const servers = ["a:1", "b:2"];
  assert.equal(clusterFinding({ servers, isComplete: true }, [good]).state, "ok");
  assert.equal(clusterFinding({ servers, isComplete: true }, [bad]).state, "failure");
  assert.equal(clusterFinding({ servers, isComplete: false }, [good]).state, "failure");
});

Deno.test("topicFinding() and groupFinding() judge what brokers tell", () => {
  const state = { partitionCount: 3, leaderless: [], behind: [] };
  assert.equal(topicFinding("t", state).state, "ok");
  assert.equal(topicFinding("t", { ...state, behind: [1] }).state, "warning");
  assert.equal(topicFinding("t", { ...state, behind: [1], leaderless: [2] }).state, "failure");
  assert.equal(topicFinding("t", null).state, "failure");
  const states = ["Stable", "Empty", "Dead", "PreparingRebalance", "CompletingRebalance"];
  assert.deepEqual(
    states.map((state) => groupFinding("g", { state, memberCount: 1 }).state),
    ["ok", "ok", "ok", "warning", "warning"],
  );
});

Deno.test("clockFinding() warns only of a difference that is certain", () => {
  const of = (aheadMs: number, uncertainMs: number) =>
    clockFinding({ kind: "read", aheadMs, uncertainMs, controllerId: 3 });
  assert.equal(of(1_010, 10).state, "ok");
  assert.equal(of(1_011, 10).state, "warning");
  assert.equal(of(-1_011, 10).state, "warning");
  assert.match(
    of(-5_000, 2).text,
    /^this machine is 5,000 ms behind the clock of controller 3 \(±2/,
  );
  assert.equal(clockFinding({ kind: "not_offered" }).state, "skipped");
  assert.match(clockFinding({ kind: "refused", errorCode: 31 }).text, /error 31/);
});

/** An answer to DescribeQuorum, version 1, that a Kafka 4.4.0 gave: controller 1, 1795648000000 + 35426 ms. */
const ANSWER =
  "00000002135f5f636c75737465725f6d6574616461746102000000000000000000010000000100000000" +
  "0000004302000000010000000000000043000001a214f5fe62000001a214f5fe620001000000";

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

Deno.test("decodeQuorum() reads the controller's own time, and refusals", () => {
  const timeMs = 0x1a214f5fe62;
  assert.deepEqual(decodeQuorum(bytesOfHex(ANSWER)), { kind: "told", controllerId: 1, timeMs });
  // The leader is 2, which is not among the voters.
  const other = ANSWER.replace("000000000000000000010000000100", "000000000000000000020000000100");
  assert.notEqual(other, ANSWER);
  assert.deepEqual(decodeQuorum(bytesOfHex(other)), { kind: "not_offered" });
  assert.deepEqual(decodeQuorum(bytesOfHex("00001f0100")), { kind: "refused", errorCode: 31 });
  // Tagged fields that nobody knows yet, one of three bytes, in the header.
  const tagged = decodeQuorum(bytesOfHex(`010503aabbcc${ANSWER.slice(2)}`));
  assert.deepEqual(tagged, { kind: "told", controllerId: 1, timeMs });
  assert.throws(() => decodeQuorum(bytesOfHex(ANSWER.slice(0, 60))), RangeError);
});

function offsets(partition: number, parts: Partial<KnownOffsets> = {}): KnownOffsets {
  const at = { topic: "t", partition, checkpoint: null, group: null };
  return { ...at, logStart: 10n, logEnd: 110n, ...parts };
}

Deno.test("lagFinding() counts from the group's offset, or from the oldest record", () => {
  const group = (offset: bigint) => ({ offset, metadata: "" });
  const { facts, lines } = lagFinding([
    offsets(2, { group: group(110n) }),
    offsets(0, { group: group(60n) }),
    offsets(1),
    offsets(3, { group: group(4n) }),
    offsets(4, { group: group(111n) }),
  ]);
  assert.equal(facts["lag"], 250n);
  assert.deepEqual(lines.slice(1), [
    "  1               none  110  100",
    "  3                  4  110  100",
    "  0                 60  110   50",
  ]);
  const many = lagFinding(Array.from({ length: 25 }, (_, i) => offsets(i)));
  assert.equal(many.lines.length, 22);
  assert.match(many.lines.at(-1) ?? "", /and 5 more partitions/);
  assert.match(lagFinding([offsets(0, { logStart: 110n })]).text, /has read all/);
});

Deno.test("startFinding() goes by the consumer's own rules", () => {
  const writers = { instanceIds: ["3f9c1a0b77d2"], rebuiltInstanceIds: [] };
  const group = { offset: 90n, metadata: "" };
  assert.equal(startFinding([offsets(0, { checkpoint: 50n })], writers).state, "ok");
  assert.equal(startFinding([offsets(0, { checkpoint: 90n, group })], writers).state, "ok");
  const gone = offsets(1, { checkpoint: 5n });
  const moved = offsets(0, { checkpoint: 50n, group });
  const { state, text, lines } = startFinding([gone, moved], writers);
  assert.equal(state, "failure");
  assert.match(text, /retention deleted 5 offsets/);
  assert.match(lines[0] ?? "", /somebody moved it/);
});
