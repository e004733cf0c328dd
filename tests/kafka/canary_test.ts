import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { LOG_LEVELS } from "../../src/runtime/log_levels.ts";
import { canaryParts, leakIn } from "../canary/canary_records.ts";
import { leaksOfLake } from "../canary/lake_leaks.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { type OrillaResult, runOrilla } from "../orilla_process.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import { consumeToEnd, send, startConsumer, temporaryFolder } from "./numbered_events.ts";

const SMALL_BATCHES = ["--batch-max-events", "7", "--max-record-bytes", "150000"];

function expectNoLeak({ stdout, stderr }: OrillaResult): void {
  assert.equal(leakIn(stdout), null, "stdout");
  assert.equal(leakIn(stderr), null, "stderr");
}

kafkaTest("no canary of a topic is shown by a command that talks to Kafka", async (test) => {
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const newTopic = async () => {
    const topic = uniqueName("feed");
    await broker.createTopic(topic, 2);
    const messages = canaryParts().map(({ key, value, headers }) => ({
      key,
      value: value === null ? null : Buffer.from(value),
      headers: { ...headers },
    }));
    await send(bootstrap, { topic, messages });
    return { topic, bootstrap, outDir: `${folder.path}/${topic}` };
  };

  for (const level of LOG_LEVELS) {
    await test.step(`consumer at log level ${level}`, async () => {
      const of = await newTopic();
      expectNoLeak(await consumeToEnd({ ...of, args: [...SMALL_BATCHES, "--log-level", level] }));
      assert.deepEqual(await leaksOfLake(of.outDir), []);
      const rows = await readLake(of.outDir), letters = await readDeadLetters(of.outDir);
      assert.ok(rows.length > 20 && letters.length > 20);
      assert.ok(letters.every(({ key }) => leakIn(new TextDecoder().decode(key ?? undefined))));
    });
  }

  await test.step("doctor, after a consumer", async () => {
    const { topic, outDir } = await newTopic();
    await consumeToEnd({ topic, bootstrap, outDir, args: SMALL_BATCHES });
    const kafka = ["--bootstrap-servers", bootstrap, "--topic", topic];
    for (const json of [[], ["--json"]]) {
      const args = ["doctor", ...kafka, "--out-dir", outDir, "--log-level", "debug", ...json];
      const result = await runOrilla(args);
      assert.equal(result.code, 0, result.stdout);
      expectNoLeak(result);
    }
  });

  await test.step("consumer whose broker goes away", async () => {
    const of = await newTopic();
    const args = ["--session-timeout-ms", "2000", "--retry-budget-ms", "500"];
    await using consumer = startConsumer({
      ...of,
      args: [...args, "--max-record-bytes", "150000", "--log-level", "debug"],
    });
    await consumer.untilStderr(/"committed"/);
    await broker.kill();
    const result = await consumer.result;
    assert.equal(result.code, 1, result.stderr);
    expectNoLeak(result);
    assert.deepEqual(await leaksOfLake(of.outDir), []);
  });

  await test.step("producer and consumer without a broker", async () => {
    for (const mode of ["producer", "consumer"]) {
      const outDir = mode === "consumer" ? ["--out-dir", `${folder.path}/none`] : [];
      const args = ["--bootstrap-servers", bootstrap, "--retry-budget-ms", "500"];
      const result = await runOrilla([mode, ...args, ...outDir, "--log-level", "debug"]);
      assert.equal(result.code, 1, result.stderr);
      expectNoLeak(result);
    }
  });
}, { needsOwnBroker: true });
