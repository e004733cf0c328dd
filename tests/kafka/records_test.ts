import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import { CompressionTypes } from "kafkajs";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import {
  consumeToEnd,
  expectExact,
  numberedEvents,
  send,
  temporaryFolder,
} from "./numbered_events.ts";
import { testClient } from "./topics.ts";
import { runScriptWithInput } from "./script.ts";

kafkaTest("consumer reads what other producers write", async (test) => {
  await using broker = await startBroker();
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const newTopic = async (config?: Readonly<Record<string, string>>) => {
    const topic = uniqueName("records");
    await broker.createTopic(topic, 1, config);
    return { topic, bootstrap, outDir: `${folder.path}/${topic}` };
  };

  for (const codec of ["gzip", "snappy", "lz4", "zstd"]) {
    await test.step(`${codec}, compressed by the Java producer`, async () => {
      const of = await newTopic();
      const lines = numberedEvents(0, 2_000).map(({ value }) => `${value}\n`).join("");
      await runScriptWithInput("kafka-broker.sh", [
        ...["tool", "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", bootstrap],
        ...["--topic", of.topic, "--compression-codec", codec],
      ], lines);
      await consumeToEnd(of);
      await expectExact([of.outDir], 2_000);
    });
  }

  await test.step("gzip, compressed by kafkajs", async () => {
    const of = await newTopic();
    const messages = numberedEvents(0, 500);
    await send(bootstrap, { topic: of.topic, messages, compression: CompressionTypes.GZIP });
    await consumeToEnd(of);
    await expectExact([of.outDir], 500);
  });

  await test.step("aborted transactions are not seen, and a marker at the end does not hold up --until-end", async () => {
    const of = await newTopic();
    const producer = testClient(bootstrap).producer({
      transactionalId: uniqueName("transaction"),
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await producer.connect();
    for (
      const [from, isCommitted] of [[0, true], [9_000, false], [100, true], [9_100, false]] as const
    ) {
      const transaction = await producer.transaction();
      await transaction.send({ topic: of.topic, messages: numberedEvents(from, 100) });
      await (isCommitted ? transaction.commit() : transaction.abort());
    }
    await producer.disconnect();
    const { stdout } = await consumeToEnd(of);
    assert.match(stdout, /received +200/);
    await expectExact([of.outDir], 200);
    assert.match((await consumeToEnd(of)).stdout, /received +0/);
  });

  await test.step("tombstones, empty values and headers become dead letters as they were", async () => {
    const of = await newTopic();
    await send(bootstrap, {
      topic: of.topic,
      messages: [
        {
          key: "k1",
          value: null,
          headers: {
            source: "a",
            many: ["b", "c"],
            bytes: Buffer.of(0, 255),
            constructor: "d",
            ["__proto__"]: "e",
          },
        },
        { key: "k2", value: "" },
        { key: null, value: "[]" },
      ].map((message) => ({ ...message, headers: message.headers ?? {} })),
    });
    await consumeToEnd(of);
    const letters = (await readDeadLetters(of.outDir)).sort((a, b) => Number(a.offset - b.offset));
    assert.deepEqual(letters.map(({ reason }) => reason), ["no_value", "no_value", "not_object"]);
    assert.deepEqual(letters.map(({ value }) => value && new TextDecoder().decode(value)), [
      null,
      "",
      "[]",
    ]);
    assert.deepEqual(letters[0]?.headers.map(({ name }) => name), [
      "source",
      "many",
      "many",
      "bytes",
      "constructor",
      "__proto__",
    ]);
    assert.deepEqual(
      letters[0]?.headers.map(({ value }) => value && new TextDecoder().decode(value)),
      [
        "a",
        "b",
        "c",
        "\0\ufffd",
        "d",
        "e",
      ],
    );
  });

  await test.step("values of a megabyte", async () => {
    const of = await newTopic({ "max.message.bytes": "2000000" });
    const long = "x".repeat(1_000_000);
    const messages = numberedEvents(0, 20).map(({ key, value }) => ({
      key: key ?? null,
      value: JSON.stringify({ ...JSON.parse(String(value)), long }),
    }));
    for (const message of messages) await send(bootstrap, { topic: of.topic, messages: [message] });
    await consumeToEnd(of);
    await expectExact([of.outDir], 20);
    assert.ok((await readLake(of.outDir)).every(({ extra }) => extra?.length === 1_000_011));
  });
});
