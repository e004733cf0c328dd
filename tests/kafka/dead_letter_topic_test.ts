import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { KafkaMessage, Message } from "kafkajs";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { runOrilla } from "../orilla_process.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import {
  consumeRefused,
  consumeToEnd,
  groupOffsets,
  numberedEvents,
  send,
  startConsumer,
  temporaryFolder,
} from "./numbered_events.ts";
import { testClient, withAdmin } from "./topics.ts";

const seed = Number(Deno.env.get("ORILLA_TEST_SEED") ?? Date.now() % 1_000_000);

/** Everything that a topic holds. */
async function readTopic(bootstrap: string, topic: string): Promise<KafkaMessage[]> {
  const offsets = await withAdmin(bootstrap, (admin) => admin.fetchTopicOffsets(topic));
  const count = offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  if (count === 0) return [];
  const messages: KafkaMessage[] = [];
  const done = Promise.withResolvers<void>();
  const consumer = testClient(bootstrap).consumer({ groupId: uniqueName("reader") });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      if (messages.push(message) === count) done.resolve();
      return Promise.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  return messages;
}

/** The text of one header, or of all that share the name. */
function headerText({ headers = {} }: KafkaMessage, name: string): string | undefined {
  const values = headers[name];
  return values === undefined ? undefined : [values].flat().map(String).join("|");
}

function positionOf(message: KafkaMessage): string {
  return `${headerText(message, "orilla.partition")}/${headerText(message, "orilla.offset")}`;
}

/** Numbered events of which each fifth is not JSON. */
function mixed(from: number, count: number): Message[] {
  return numberedEvents(from, count).map((message, i) =>
    i % 5 === 4 ? { ...message, value: "{" } : message
  );
}

kafkaTest("rejected records in the dead-letter topic", async (test) => {
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const newTopics = async (config: Readonly<Record<string, string>> = {}) => {
    const topic = uniqueName("events"), dlq = uniqueName("dead");
    await broker.createTopic(topic, 3);
    await broker.createTopic(dlq, 2, config);
    const of = { topic, bootstrap, outDir: `${folder.path}/${topic}` };
    return { of, dlq, withDlq: { ...of, args: ["--dlq-topic", dlq] } };
  };

  await test.step("they have their key, value and headers, and what orilla says of them; once", async () => {
    const { of, dlq, withDlq } = await newTopics();
    const value = '{"event_id":"x","ts":"2026-11-24","usuario_id":1,"monto":-5}';
    const headers = { many: ["b", "c"], bytes: Buffer.of(0, 255), "orilla.attempts": "2" };
    await send(bootstrap, {
      topic: of.topic,
      messages: [...numberedEvents(0, 20), { key: "k", value, headers, partition: 1 }],
    });
    await send(bootstrap, {
      topic: of.topic,
      messages: [{ key: null, value: null, partition: 2, timestamp: "1795000000123" }],
    });
    await consumeToEnd(withDlq);
    const sent = await readTopic(bootstrap, dlq);
    assert.equal(sent.length, 2);
    const [negative, tombstone] = sent.sort((a, b) =>
      Number(a.value === null) - Number(b.value === null)
    );
    assert.ok(negative !== undefined && tombstone !== undefined);
    assert.deepEqual([String(negative.key), String(negative.value)], ["k", value]);
    const said = ["many", "reason", "path", "topic", "partition", "attempts", "version"].map((
      name,
    ) => headerText(negative, name === "many" ? name : `orilla.${name}`));
    assert.deepEqual(said, ["b|c", "monto_negative", "monto", of.topic, "1", "3", "0.1.0"]);
    assert.deepEqual([negative.headers?.["bytes"]].flat(), [Buffer.of(0, 255)]);
    assert.deepEqual([tombstone.key, tombstone.value], [null, null]);
    assert.deepEqual(
      ["reason", "path", "timestamp", "attempts"].map((name) =>
        headerText(tombstone, `orilla.${name}`)
      ),
      ["no_value", undefined, "1795000000123", "1"],
    );
    const local = (await readDeadLetters(of.outDir)).map(({ partition, offset }) =>
      `${partition}/${offset}`
    );
    assert.deepEqual(sent.map(positionOf).sort(), local.sort());

    await consumeToEnd(withDlq);
    assert.equal((await readTopic(bootstrap, dlq)).length, 2, "a second run sends nothing again");
  });

  await test.step(`with kill -9 at random moments each is there, and once in the lake (ORILLA_TEST_SEED=${seed})`, async () => {
    const { of, dlq, withDlq } = await newTopics();
    await send(bootstrap, { topic: of.topic, messages: mixed(0, 30_000) });
    for (let kills = 0; kills < 5; kills++) {
      const args = [...withDlq.args, "--session-timeout-ms", "1500"];
      await using consumer = startConsumer({ ...of, args });
      await consumer.untilStderr(/"assigned"/);
      await new Promise((resolve) => setTimeout(resolve, (seed * (kills + 7)) % 307));
      consumer.kill("SIGKILL");
    }
    await consumeToEnd(withDlq);
    const local = (await readDeadLetters(of.outDir)).map(({ partition, offset }) =>
      `${partition}/${offset}`
    );
    assert.equal(local.length, 6_000);
    assert.equal(new Set(local).size, 6_000);
    const sent = (await readTopic(bootstrap, dlq)).map(positionOf);
    assert.deepEqual([...new Set(sent)].sort(), local.sort());
    assert.equal((await readLake(of.outDir)).length, 24_000);
    // At most one batch a kill.
    assert.ok(sent.length <= 6_000 + 5 * 1_000, `${sent.length - 6_000} copies`);
  });

  await test.step("a topic that is gone for a while is tried again and counted; nothing is committed before", async () => {
    const { of, dlq, withDlq } = await newTopics();
    await using consumer = startConsumer({ ...withDlq });
    await consumer.untilStderr(/"assigned"/);
    await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [dlq] }));
    await send(bootstrap, { topic: of.topic, messages: mixed(0, 50) });
    await consumer.untilStderr(/tried again.*"dead_letter_topic"/);
    assert.deepEqual(await readLake(of.outDir), []);
    await broker.createTopic(dlq, 1);
    await consumer.untilStderr(/"committed"/);
    consumer.kill("SIGTERM");
    const { code, stderr } = await consumer.result;
    assert.equal(code, 0, stderr);
    assert.equal((await readTopic(bootstrap, dlq)).length, 10);
    assert.equal((await readLake(of.outDir)).length, 40);
    const metrics = await Deno.readTextFile(`${of.outDir}/metrics.txt`);
    assert.match(metrics, /^orilla_retries_total\{operation="dead_letter_topic"\} [1-9]/m);
  });

  await test.step("a record that the topic is too small for is exit 1 with advice; nothing is committed", async () => {
    const { of, withDlq } = await newTopics({ "max.message.bytes": "500" });
    const messages = [{ key: "k", value: "x".repeat(1_000), partition: 0 }];
    await send(bootstrap, { topic: of.topic, messages });
    const stderr = await consumeRefused(withDlq, 1);
    assert.match(stderr, /does not take what was rejected at .*\/0\/0: .*larger max.message.bytes/);
    assert.deepEqual(await readDeadLetters(of.outDir), []);
  });

  await test.step("--dlq-topic that is the topic is exit 2", async () => {
    const args = ["consumer", "--bootstrap-servers", bootstrap, "--topic", "a", "--dlq-topic", "a"];
    const { code, stderr } = await runOrilla([...args, "--out-dir", `${folder.path}/same`]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Cannot use --dlq-topic a/);
  });

  await test.step("--reject-ratio-max stops before the bad batch is committed; they stay in the topic", async () => {
    const { of } = await newTopics();
    const limit = ["--reject-ratio-max", "0.1", "--reject-window", "1000"];
    await send(bootstrap, { topic: of.topic, messages: mixed(0, 2_000) });
    for (let start = 0; start < 2; start++) {
      const stderr = await consumeRefused({ ...of, args: limit }, 1);
      assert.match(stderr, /orilla: 101 of the last \d+ records were rejected \(101 not_json\)/);
    }
    assert.deepEqual(await readDeadLetters(of.outDir), []);
    for (const offset of (await groupOffsets(bootstrap, of.topic)).values()) {
      assert.ok(offset <= 0n);
    }
    await consumeToEnd(of);
    assert.equal((await readDeadLetters(of.outDir)).length, 400);
  });
});
