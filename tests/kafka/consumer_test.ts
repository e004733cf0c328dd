import assert from "node:assert/strict";
import { runOrilla } from "../orilla_process.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import {
  consumeToEnd,
  expectExact,
  groupOffsets,
  numberedEvents,
  send,
  startConsumer,
  temporaryFolder,
  unionOf,
} from "./numbered_events.ts";

kafkaTest("consumer against a real broker", async (test) => {
  await using broker = await startBroker({ conf: ["group.min.session.timeout.ms=1000"] });
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const newTopic = async (partitions: number) => {
    const topic = uniqueName("events");
    await broker.createTopic(topic, partitions);
    return { topic, bootstrap, outDir: `${folder.path}/${topic}` };
  };

  await test.step("producer and consumer bring everything into the lake, once", async () => {
    const topic = uniqueName("produced");
    const target = ["--bootstrap-servers", bootstrap, "--topic", topic];
    const produced = await runOrilla([
      "producer",
      ...target,
      "--count",
      "3000",
      "--duplicate-ratio",
      "0.1",
      "--invalid-ratio",
      "0.1",
    ]);
    assert.equal(produced.code, 0, produced.stderr);
    assert.match(produced.stdout, /3,000 of 3,000 records acknowledged/);
    const of = { topic, bootstrap, outDir: `${folder.path}/produced` };
    const { stdout } = await consumeToEnd(of);
    assert.match(stdout, /received +3,000/);
    const { copies, deadLetters } = await unionOf([of.outDir]);
    assert.ok([...copies.values()].every((n) => n === 1));
    assert.match(stdout, new RegExp(`published +${copies.size.toLocaleString("en-US")} `));
    assert.match(stdout, new RegExp(`rejected +${deadLetters} `));
    assert.match((await consumeToEnd(of)).stdout, /received +0/);
  });

  await test.step("--max-events stops after that many, and the next run goes on there", async () => {
    const of = await newTopic(3);
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(0, 5_000) });
    const first = await consumeToEnd({ ...of, args: ["--max-events", "1234"] });
    assert.match(first.stdout, /received +1,234/);
    await consumeToEnd(of);
    await expectExact([of.outDir], 5_000);
  });

  await test.step("an idle topic is committed by the timer, and the group's offsets follow", async () => {
    const of = await newTopic(1);
    await using consumer = startConsumer(of);
    await consumer.untilStderr(/"assigned"/);
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(0, 10) });
    await consumer.untilStderr(/"trigger":"latency"/);
    consumer.kill("SIGTERM");
    assert.equal((await consumer.result).code, 0);
    await expectExact([of.outDir], 10);
    assert.deepEqual([...await groupOffsets(bootstrap, of.topic)], [[0, 10n]]);
  });

  // In the next two each run gets events of its own: however fast the one before was, there is something to commit.
  await test.step("SIGTERM in the middle drains, and the next start goes on: exact", async () => {
    const of = await newTopic(4);
    for (let stops = 0; stops < 3; stops++) {
      await send(bootstrap, { topic: of.topic, messages: numberedEvents(stops * 10_000, 10_000) });
      await using consumer = startConsumer(of);
      await consumer.untilStderr(/"committed"/);
      consumer.kill("SIGTERM");
      assert.equal((await consumer.result).code, 0);
    }
    await consumeToEnd(of);
    await expectExact([of.outDir], 30_000);
  });

  await test.step("kill -9 in the middle, again and again: exact", async () => {
    const of = await newTopic(4);
    // Without memory for filters; the last run has it.
    const args = ["--session-timeout-ms", "1500", "--seen-memory-bytes", "0"];
    for (let kills = 0; kills < 5; kills++) {
      await send(bootstrap, { topic: of.topic, messages: numberedEvents(kills * 6_000, 6_000) });
      await using consumer = startConsumer({ ...of, args });
      await consumer.untilStderr(kills % 2 === 0 ? /"assigned"/ : /"committed"/);
      consumer.kill("SIGKILL");
    }
    await consumeToEnd(of);
    await expectExact([of.outDir], 30_000);
  });
}, { needsOwnBroker: true });
