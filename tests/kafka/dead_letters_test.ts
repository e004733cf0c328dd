import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import type { KafkaMessage } from "kafkajs";
import { REASONS, stageOf } from "../../src/core/outcome.ts";
import { REASONS_OF_BYTES, REJECTIONS } from "../core/rejections.ts";
import { bytesOf, eventText } from "../core/samples.ts";
import { readLake } from "../lake_reader.ts";
import { runOrilla } from "../orilla_process.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import { consumeToEnd, send, temporaryFolder } from "./numbered_events.ts";
import { testClient } from "./topics.ts";

const HEADERS = { trace: [Buffer.of(0, 255), Buffer.from("ñ")], source: Buffer.from("app") };

/** A message for each reason: its key is the reason. */
function invalidMessages() {
  return REASONS_OF_BYTES.map((reason) => {
    const value = REJECTIONS[reason][0]?.value ?? null;
    return {
      key: reason,
      value: value === null
        ? null
        : Buffer.from(typeof value === "string" ? bytesOf(value) : value),
      headers: HEADERS,
    };
  });
}

async function run(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runOrilla(args, input === undefined ? {} : { input });
  assert.equal(code, 0, stderr + stdout);
  return stdout;
}

/** The messages of a topic's only partition. */
async function messagesOf(
  bootstrap: string,
  { topic, count }: { readonly topic: string; readonly count: number },
): Promise<readonly KafkaMessage[]> {
  const consumer = testClient(bootstrap).consumer({ groupId: uniqueName("reader") });
  const messages: KafkaMessage[] = [];
  const all = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      if (messages.push(message) >= count) all.resolve();
      return Promise.resolve();
    },
  });
  await all.promise;
  await consumer.disconnect();
  return messages;
}

kafkaTest(
  "records that are rejected go from Kafka to dlq show, and back by a replay",
  async (test) => {
    await using broker = await startBroker();
    await using folder = await temporaryFolder();
    const { bootstrap } = broker;
    const topic = uniqueName("letters"), outDir = folder.path;
    await broker.createTopic(topic, 1);
    const invalid = invalidMessages();
    await send(bootstrap, { topic, messages: invalid });
    await consumeToEnd({ bootstrap, topic, outDir });
    const lake = ["--out-dir", outDir], kafka = ["--bootstrap-servers", bootstrap];

    await test.step("a dead letter of every reason is shown and exported as it was in Kafka", async () => {
      const exported = (await run(["dlq", "export", ...lake])).trimEnd().split("\n");
      assert.equal(exported.length, REASONS_OF_BYTES.length);
      for (const [offset, reason] of REASONS_OF_BYTES.entries()) {
        const position = `${topic}/0/${offset}`;
        const text = await run(["dlq", "show", position, ...lake]);
        assert.ok(
          text.includes(`reason      ${reason}: ${REASONS[reason]}\n`),
          text.slice(0, 2_000),
        );
        assert.ok(text.includes(`stage       ${stageOf(reason)}\n`) && /attempts +1\n/.test(text));
        assert.match(text, new RegExp(`key +${reason}\n`));
        assert.match(text, /header +trace: 2 bytes that are not UTF-8, in hexadecimal: 00 ff\n/);
        assert.match(text, /header +trace: ñ\n +header +source: app\n/);
        const line = JSON.parse(exported[offset] ?? "");
        assert.deepEqual([line.position, line.key, line.reason], [position, reason, reason]);
        const { value, value_encoding: encoding } = line;
        const bytes = value === null ? null : Buffer.from(value, encoding);
        assert.deepEqual(bytes, invalid[offset]?.value, reason);
      }
    });

    await test.step("a topic that is not there is refused, and nothing is marked", async () => {
      const args = ["dlq", "replay", "--to-topic", uniqueName("none"), ...lake, ...kafka];
      const { code, stderr } = await runOrilla(args);
      assert.equal(code, 1);
      assert.match(stderr, /There is no topic .*Make it first, or name another with --to-topic/);
      assert.equal(
        JSON.parse(await run(["dlq", "list", "--json", ...lake])).waiting,
        invalid.length,
      );
    });

    await test.step("a replay to a topic sends key, value and headers, with the position, once", async () => {
      const to = uniqueName("again");
      await broker.createTopic(to, 1);
      const args = ["dlq", "replay", "--to-topic", to, "--reason", "ts_missing", ...lake, ...kafka];
      const dry = await run([...args, "--dry-run", "--json"]);
      assert.equal(JSON.parse(dry).sent, 1);
      assert.equal(JSON.parse(await run([...args, "--json"])).sent, 1);
      assert.equal(JSON.parse(await run([...args, "--json"])).sent, 0);
      const offset = REASONS_OF_BYTES.indexOf("ts_missing");
      const [message] = await messagesOf(bootstrap, { topic: to, count: 1 });
      assert.equal(message?.key?.toString(), "ts_missing");
      assert.ok(message?.value?.equals(invalid[offset]?.value ?? Buffer.of()));
      assert.deepEqual(message?.headers, {
        ...HEADERS,
        "orilla.replay": Buffer.from(`${topic}/0/${offset}`),
      });
      const { sent } = JSON.parse(await run(["dlq", "list", "--json", ...lake]));
      assert.equal(sent, 1);
    });

    await test.step("repaired records that are sent back to their topic are consumed from it", async () => {
      const exported = (await run(["dlq", "export", ...lake])).trimEnd().split("\n");
      const input = exported.map((line, i) =>
        JSON.stringify({
          ...JSON.parse(line),
          value: eventText({ event_id: `back${i}` }),
          value_encoding: "utf8",
        })
      ).join("\n");
      const args = ["dlq", "replay", "--stdin", "--to-topic", topic, "--json", ...lake, ...kafka];
      assert.equal(JSON.parse(await run(args, input)).sent, invalid.length - 1);
      await consumeToEnd({ bootstrap, topic, outDir });
      const ids = (await readLake(outDir)).map(({ event_id }) => event_id).sort();
      assert.deepEqual(ids, exported.map((_, i) => `back${i}`).sort());
      const { findings } = JSON.parse(await run(["verify", "--json", ...lake]));
      assert.deepEqual(findings, []);
    });
  },
);
