import assert from "node:assert/strict";
import { runOrilla } from "../orilla_process.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import {
  consumeRefused,
  consumeToEnd,
  expectExact,
  groupOffsets,
  numberedEvents,
  send,
  startConsumer,
  temporaryFolder,
} from "./numbered_events.ts";
import { withAdmin } from "./topics.ts";

const QUICK_SESSIONS = ["group.min.session.timeout.ms=1000"];
const SHORT_SESSION = ["--session-timeout-ms", "2000"];

kafkaTest("consumer when the broker is in trouble", async (test) => {
  await using broker = await startBroker({ conf: QUICK_SESSIONS });
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const newTopic = async (partitions = 2) => {
    const topic = uniqueName("trouble");
    await broker.createTopic(topic, partitions);
    return { topic, bootstrap, outDir: `${folder.path}/${topic}` };
  };

  await test.step("killed and started again while consuming: it goes on by itself, exact", async () => {
    const of = await newTopic();
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(0, 20_000) });
    await using consumer = startConsumer({
      ...of,
      args: [...SHORT_SESSION, "--max-events", "21000"],
    });
    await consumer.untilStderr(/"committed"/);
    await broker.kill();
    await broker.restart();
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(20_000, 1_000) });
    const { code, stderr } = await consumer.result;
    assert.equal(code, 0, stderr);
    await expectExact([of.outDir], 21_000);
  });

  await test.step("paused for longer than the session timeout: exact", async () => {
    const of = await newTopic();
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(0, 10_000) });
    await using consumer = startConsumer({ ...of, args: SHORT_SESSION });
    await consumer.untilStderr(/"committed"/);
    broker.pause();
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await broker.resume();
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(10_000, 1_000) });
    consumer.kill("SIGTERM");
    await consumer.result;
    await consumeToEnd(of);
    await expectExact([of.outDir], 11_000);
  });

  await test.step("a broker that stays away is exit 1 once the budget is spent, and nothing is lost", async () => {
    const of = await newTopic();
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(0, 3_000) });
    await using consumer = startConsumer({
      ...of,
      args: [...SHORT_SESSION, "--retry-budget-ms", "500"],
    });
    await consumer.untilStderr(/"committed"/);
    await broker.kill();
    const { code, stderr } = await consumer.result;
    await broker.restart();
    assert.equal(code, 1, stderr);
    await consumeToEnd(of);
    await expectExact([of.outDir], 3_000);
  });

  await test.step("a partition that is added while running is read from its start", async () => {
    const of = await newTopic(1);
    await using consumer = startConsumer({ ...of, args: ["--metadata-max-age-ms", "500"] });
    await consumer.untilStderr(/"assigned"/);
    await withAdmin(
      bootstrap,
      (admin) => admin.createPartitions({ topicPartitions: [{ topic: of.topic, count: 3 }] }),
    );
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(0, 300) });
    await consumer.untilStderr(/"partitions":3/);
    await consumer.untilStderr(/"committed"/);
    consumer.kill("SIGTERM");
    assert.equal((await consumer.result).code, 0);
    await consumeToEnd(of);
    await expectExact([of.outDir], 300);
  });
}, { needsOwnBroker: true });

kafkaTest("consumer refuses rather than loses", async (test) => {
  await using broker = await startBroker();
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const consumed = async (count: number) => {
    const topic = uniqueName("refuse");
    await broker.createTopic(topic, 1);
    const of = { topic, bootstrap, outDir: `${folder.path}/${topic}` };
    await send(bootstrap, { topic, messages: numberedEvents(0, count) });
    await consumeToEnd(of);
    return of;
  };
  const setGroupOffset = (topic: string, offset: string) =>
    withAdmin(
      bootstrap,
      (admin) =>
        admin.setOffsets({
          groupId: `group-${topic}`,
          topic,
          partitions: [{ partition: 0, offset }],
        }),
    );

  await test.step("retention past the next offset is exit 4, or a gap that verify names", async () => {
    const of = await consumed(100);
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(100, 100) });
    await withAdmin(bootstrap, async (admin) => {
      // kafkajs deletes only from topics whose metadata it has loaded.
      await admin.fetchTopicOffsets(of.topic);
      const partitions = [{ partition: 0, offset: "150" }];
      await admin.deleteTopicRecords({ topic: of.topic, partitions });
    });
    const stderr = await consumeRefused(of, 4);
    assert.match(
      stderr,
      /handled up to offset 100, but the log now starts at 150: retention deleted 50 offsets/,
    );
    await consumeToEnd({ ...of, args: ["--allow-gaps"] });
    const { code, stdout } = await runOrilla(["verify", "--out-dir", of.outDir]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /gap in .*\/0: offsets 100 to 149/);
  });

  await test.step("a topic that was deleted and made anew is exit 4", async () => {
    const of = await consumed(100);
    await withAdmin(bootstrap, (admin) => admin.deleteTopics({ topics: [of.topic] }));
    await broker.createTopic(of.topic, 1);
    assert.match(await consumeRefused(of, 4), /the topic was deleted and made anew/);
  });

  await test.step("group offsets that were deleted do not matter: the checkpoint knows", async () => {
    const of = await consumed(100);
    await withAdmin(bootstrap, (admin) => admin.deleteGroups([`group-${of.topic}`]));
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(100, 50) });
    assert.match((await consumeToEnd(of)).stdout, /received +50/);
    await expectExact([of.outDir], 150);
    assert.equal((await groupOffsets(bootstrap, of.topic)).get(0), 150n);
  });

  await test.step("group offsets that somebody moved back do not matter either", async () => {
    const of = await consumed(100);
    await setGroupOffset(of.topic, "10");
    assert.match((await consumeToEnd(of)).stdout, /received +0/);
    await expectExact([of.outDir], 100);
  });

  await test.step("group offsets that somebody moved ahead are exit 4", async () => {
    const of = await consumed(100);
    await send(bootstrap, { topic: of.topic, messages: numberedEvents(100, 100) });
    await setGroupOffset(of.topic, "150");
    const stderr = await consumeRefused(of, 4);
    assert.match(stderr, /is 150, ahead of the checkpoint's 100, and was not written by orilla/);
    await setGroupOffset(of.topic, "100");
    await consumeToEnd(of);
    await expectExact([of.outDir], 200);
  });

  await test.step("a topic that does not exist is exit 1 with --until-end", async () => {
    const of = { topic: uniqueName("none"), bootstrap, outDir: `${folder.path}/none` };
    assert.match(await consumeRefused(of, 1), /There is no topic none-/);
  });
});
