import assert from "node:assert/strict";
import { readLake } from "../lake_reader.ts";
import { runOrilla } from "../orilla_process.ts";
import { startBroker } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import { isPortFree } from "./ports.ts";
import { withAdmin } from "./topics.ts";

const compose = await Deno.readTextFile(new URL("../../docker-compose.yml", import.meta.url));

/**
 * What is changed to run the container's settings without a container. (log.dirs, a path of the image, is
 * replaced by kafka-broker.sh.)
 */
const CHANGES = [
  // Outside a container, all interfaces would be the machine's own.
  { from: "//0.0.0.0:", to: "//127.0.0.1:" },
  // The service's name is known to containers alone.
  { from: "//kafka:", to: "//127.0.0.1:" },
] as const;

/** Variables that the image keeps to itself. */
const NOT_PROPERTIES = /^KAFKA_(VERSION|OPTS|HEAP_OPTS|JMX_.*|JVM_.*|GC_LOG_OPTS|.*LOG4J.*)$/;

Deno.test("docker-compose.yml holds one KRaft broker that this machine alone reaches, and that survives", () => {
  const image = /^ {4}image: apache\/kafka:(\d+)\.(\d+)\.\d+$/m.exec(compose);
  assert.ok(Number(image?.[1]) * 100 + Number(image?.[2]) >= 401, "Kafka 4.1 or newer");
  assert.match(compose, /^ {6}- "127\.0\.0\.1:9092:9092"$/m);
  assert.equal(compose.match(/:\d+"$/gm)?.length, 1, "no other port is published");
  assert.match(compose, /^ {4}healthcheck:$/m);
  assert.match(compose, /^ {4}restart: unless-stopped$/m);
  const { KAFKA_LOG_DIRS, KAFKA_PROCESS_ROLES } = environmentOf("kafka");
  assert.match(compose, new RegExp(`^ {6}- kafka-data:${KAFKA_LOG_DIRS}$`, "m"));
  assert.equal(KAFKA_PROCESS_ROLES, "broker,controller");
  assert.doesNotMatch(compose, /zookeeper/i);
});

Deno.test("propertyOf() follows the image's rule", () => {
  assert.equal(propertyOf("KAFKA_ABC_DEF"), "abc.def");
  assert.equal(propertyOf("KAFKA_ABC__DEF"), "abc_def");
  assert.equal(propertyOf("KAFKA_ABC___DEF"), "abc-def");
});

kafkaTest("the broker of docker-compose.yml serves orilla at localhost:9092", async () => {
  for (const port of [9092, 9093, 29092]) {
    const advice =
      "stop what listens there (this project's own: docker compose down), then try again";
    assert.ok(
      await isPortFree(port),
      `docker-compose.yml needs port ${port}, which is in use: ${advice}`,
    );
  }
  const { CLUSTER_ID, ...variables } = environmentOf("kafka");
  const properties = serverProperties(variables);
  await using broker = await startBroker({
    port: 9092,
    properties,
    ...(CLUSTER_ID === undefined ? {} : { clusterId: CLUSTER_ID }),
  });
  const { brokers } = await withAdmin(broker.bootstrap, (admin) => admin.describeCluster());
  assert.deepEqual(brokers.map(({ host, port }) => `${host}:${port}`), ["localhost:9092"]);

  const cwd = await Deno.makeTempDir({ prefix: "orilla-compose-" });
  try {
    const producer = await runOrilla(["producer", "--count", "50"], { cwd });
    assert.equal(producer.code, 0, producer.stderr);
    const consumer = await runOrilla(["consumer", "--until-end"], { cwd });
    assert.equal(consumer.code, 0, consumer.stderr);
    const rows = await readLake(`${cwd}/datasets/processed/pi2`);
    assert.equal(new Set(rows.map(({ event_id }) => event_id)).size, 50);
    assert.equal(rows.length, 50);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}, { needsOwnBroker: true });

/** server.properties as the image would write it, with CHANGES. */
function serverProperties(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables)
    .filter(([name]) => name.startsWith("KAFKA_") && !NOT_PROPERTIES.test(name))
    .map(([name, value]) => `${propertyOf(name)}=${value}`);
  return CHANGES.reduce((text, { from, to }) => text.replaceAll(from, to), lines.join("\n"));
}

/** The image's rule, from its usage guide: docker/examples/README.md of Apache Kafka. */
function propertyOf(variable: string): string {
  return variable.replace("KAFKA_", "").toLowerCase()
    .replaceAll("___", "-").replaceAll(/(?<!_)_(?!_)/g, ".").replaceAll("__", "_");
}

/** The environment block of a service: `NAME: value` lines, and nothing cleverer. */
function environmentOf(service: string): Readonly<Record<string, string>> {
  const lines = compose.split("\n");
  const start = lines.indexOf("    environment:", lines.indexOf(`  ${service}:`));
  assert.ok(start > 0, `docker-compose.yml has no environment of ${service}`);
  const variables: Record<string, string> = {};
  for (const line of lines.slice(start + 1)) {
    if (/^ *#/.test(line)) continue;
    if (!line.startsWith("      ")) break;
    const [, name, value] = /^ {6}([A-Z0-9_]+): ([^"'#{[ ]+)$/.exec(line) ?? [];
    assert.ok(name !== undefined && value !== undefined, `Cannot read this line: ${line}`);
    variables[name] = value;
  }
  return variables;
}
