import assert from "node:assert/strict";
import { get, statusWithCommit } from "../http/raw_client.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import { numberedEvents, send, startConsumer, temporaryFolder } from "./numbered_events.ts";

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The codes of `/readyz`. */
async function unready(port: number): Promise<readonly string[]> {
  const { status, body } = await get(port, "/readyz");
  const { reasons } = JSON.parse(body);
  const codes = reasons.map(({ code }: { readonly code: string }) => code);
  assert.equal(status, codes.length === 0 ? 200 : 503);
  return codes;
}

/** Asks until the answer is this one: readiness follows Kafka's own timers. */
async function untilUnready(port: number, ...expected: readonly string[]): Promise<void> {
  let codes: readonly string[] = ["never asked"];
  for (let attempt = 0; attempt < 150; attempt++) {
    codes = await unready(port);
    if (codes.join() === expected.join()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.deepEqual(codes, expected);
}

kafkaTest("a consumer's readiness and lag over HTTP follow its group and its broker", async () => {
  await using broker = await startBroker();
  await using folder = await temporaryFolder();
  const { bootstrap } = broker;
  const topic = uniqueName("watched"), port = freePort();
  // With listed hosts the address is one of them, inside the sandbox.
  const args = ["--allowed-hosts", bootstrap, "--http-address", String(port)];
  await using consumer = startConsumer({ topic, bootstrap, outDir: `${folder.path}/lake`, args });
  await consumer.untilStderr(/waiting for the topic/);
  assert.deepEqual(await unready(port), ["not_assigned"]);

  await broker.createTopic(topic, 3);
  await send(bootstrap, { topic, messages: numberedEvents(0, 500) });
  await consumer.untilStderr(/"committed"/);
  await untilUnready(port);
  const status = await statusWithCommit(port);
  assert.deepEqual([status.mode, status.topic, status.groupId], [
    "consumer",
    topic,
    `group-${topic}`,
  ]);
  assert.equal(status.lag.partitionCount, 3);
  assert.ok(status.totals.received > 0);

  broker.pause();
  await untilUnready(port, "lag_unknown");
  await broker.resume();
  await untilUnready(port);
  consumer.kill("SIGTERM");
  const { code, stderr } = await consumer.result;
  assert.equal(code, 0, stderr);
}, { needsOwnBroker: true });
