import assert from "node:assert/strict";
import { runOrilla } from "../orilla_process.ts";
import { type Broker, startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";
import {
  consumeToEnd,
  groupOffsets,
  numberedEvents,
  send,
  startConsumer,
  temporaryFolder,
} from "./numbered_events.ts";
import { withAdmin } from "./topics.ts";

const PASSWORD = "alice-secret", WRONG_PASSWORD = "not-her-secret";
/** Fourteen checks of 10 s would be longer; none of these cases may need a second limit. */
const LIMIT_MS = 30_000;

interface Diagnosis {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** State and text by the check's name. */
  readonly checks: Readonly<Record<string, readonly [state: string, text: string]>>;
  readonly facts: (name: string) => Readonly<Record<string, unknown>>;
}

/** Runs doctor with the log at its most talkative, and expects no password in what it writes. */
async function diagnose(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Diagnosis> {
  const all = ["doctor", "--json", "--log-level", "debug", ...args];
  const { code, stdout, stderr } = await runOrilla(all, { env, limitMs: LIMIT_MS });
  for (const secret of [PASSWORD, WRONG_PASSWORD]) {
    assert.ok(!`${stdout}${stderr}`.includes(secret), "no secret is written");
  }
  const { checks, isHealthy } = JSON.parse(stdout || assert.fail(stderr));
  assert.equal(isHealthy, code === 0);
  const found: { name: string; state: string; text: string; facts: Record<string, unknown> }[] =
    checks;
  return {
    code,
    stdout,
    stderr,
    checks: Object.fromEntries(found.map(({ name, state, text }) => [name, [state, text]])),
    facts: (name) => found.find((check) => check.name === name)?.facts ?? assert.fail(name),
  };
}

function expectCheck({ checks }: Diagnosis, name: string, [state, text]: [string, RegExp]): void {
  const found = checks[name] ?? assert.fail(`there is no check ${name}`);
  assert.equal(found[0], state, `${name}: ${found[1]}`);
  assert.match(found[1], text);
}

/** Names of the checks that are neither ok nor skipped. */
function badChecks({ checks }: Diagnosis): readonly string[] {
  return Object.entries(checks).filter(([, [state]]) => !["ok", "skipped"].includes(state))
    .map(([name]) => name);
}

async function topicNames({ bootstrap }: Broker): Promise<readonly string[]> {
  const topics = await withAdmin(bootstrap, (admin) => admin.listTopics());
  return topics.filter((name) => !name.startsWith("__")).sort();
}

kafkaTest(
  "orilla doctor tells lag, group and next start exactly, and writes nothing",
  async (test) => {
    await using broker = await startBroker({ autoCreate: true });
    await using folder = await temporaryFolder();
    const { bootstrap } = broker;
    const topic = uniqueName("doctor"), outDir = `${folder.path}/lake`;
    const kafka = ["--bootstrap-servers", bootstrap, "--out-dir", outDir];
    const all = [...kafka, "--topic", topic, "--group-id", `group-${topic}`];
    const lake = { bootstrap, topic, outDir };
    await broker.createTopic(topic, 3);
    const sizes = [700, 20, 0];
    const fill = async (from: number) => {
      for (const [partition, count] of sizes.entries()) {
        const messages = numberedEvents(from + 1_000 * partition, count)
          .map((message) => ({ ...message, partition }));
        if (count > 0) await send(bootstrap, { topic, messages });
      }
    };
    await fill(0);

    await test.step("a topic that is missing is not made", async () => {
      const missing = uniqueName("missing");
      const found = await diagnose([...kafka, "--topic", missing]);
      assert.equal(found.code, 1);
      expectCheck(found, "topic", ["failure", new RegExp(`there is no topic ${missing}`)]);
      for (const name of ["group", "lag", "next start"]) {
        expectCheck(found, name, ["skipped", /there is no topic to read/]);
      }
      assert.deepEqual(await topicNames(broker), [topic]);
    });

    await test.step("no group and no lake yet: all records are ahead, and nothing is made", async () => {
      const found = await diagnose(all);
      assert.equal(found.code, 0, found.stdout);
      expectCheck(found, "OUT_DIR", ["warning", /lake is not there/]);
      expectCheck(found, "topic", ["ok", /has 3 partitions/]);
      expectCheck(found, "group", [
        "ok",
        /does not exist yet: reading begins at the oldest record/,
      ]);
      expectCheck(found, "lag", ["ok", /^720 offsets behind the end$/]);
      expectCheck(found, "next start", ["ok", /without a gap/]);
      assert.deepEqual([...Deno.readDirSync(folder.path)], []);
      assert.equal((await diagnose([...all, "--strict"])).code, 1, "--strict: a warning counts");
    });

    await consumeToEnd(lake);
    await fill(10_000);

    await test.step("lag is the end less what was committed, by partition", async () => {
      const before = await groupOffsets(bootstrap, topic);
      const found = await diagnose([...all, "--strict"]);
      assert.equal(found.code, 0, found.stdout);
      expectCheck(found, "group", ["ok", /has no member/]);
      expectCheck(found, "lag", ["ok", /^720 offsets/]);
      expectCheck(found, "lock", ["ok", /^free/]);
      expectCheck(found, "checkpoint", ["ok", /^sound, schema version 1; last commit \d+/]);
      const partition = (at: number, committed: string | null, [end, lag]: readonly number[]) => {
        const [logEnd, behind] = [String(end), String(lag)];
        const checkpoint = committed;
        return { partition: at, committed, checkpoint, logStart: "0", logEnd, lag: behind };
      };
      assert.deepEqual(found.facts("lag"), {
        lag: "720",
        partitions: [
          partition(0, "700", [1_400, 700]),
          partition(1, "20", [40, 20]),
          partition(2, null, [0, 0]),
        ],
      });
      assert.deepEqual(await groupOffsets(bootstrap, topic), before, "the group is as it was");
      const text = await runOrilla(["doctor", ...all]);
      assert.match(text.stdout, /ok {7}lag +720 offsets behind the end\n.*\n +0 +700 +1400 +700\n/);
      assert.match(text.stdout, /\n {2}14 ok, 0 warnings, 0 failures\n$/);
    });

    await test.step("beside a running consumer all is ok, the lock too", async () => {
      await using consumer = startConsumer(lake);
      await consumer.untilStderr(/"committed"/);
      for (let round = 0; round < 3; round++) {
        const found = await diagnose([...all, "--strict"]);
        assert.equal(found.code, 0, found.stdout);
        assert.deepEqual(badChecks(found), []);
        expectCheck(found, "lock", ["ok", /^held by a running orilla$/]);
        expectCheck(found, "group", ["ok", /is stable, with 1 member$/]);
        const { aheadMs, uncertainMs } = found.facts("clock");
        // One machine has one clock; the controller's is read in whole milliseconds.
        assert.ok(Math.abs(Number(aheadMs)) <= Number(uncertainMs) + 1, found.stdout);
      }
      const status = await runOrilla(["status", "--out-dir", outDir, "--json"]);
      assert.equal(JSON.parse(status.stdout).isLocked, true);
      consumer.kill("SIGTERM");
      assert.equal((await consumer.result).code, 0);
    });

    await test.step("records that retention took before they were read are a gap", async () => {
      await fill(20_000);
      await withAdmin(bootstrap, async (admin) => {
        // kafkajs deletes only from topics whose metadata it has loaded.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "1500" }] });
      });
      const found = await diagnose(all);
      assert.equal(found.code, 1);
      expectCheck(found, "next start", ["failure", /retention deleted 100 offsets/]);
      assert.deepEqual(badChecks(found), ["next start"]);
      expectCheck(found, "lag", ["ok", /^620 offsets/]);
    });
  },
  { needsOwnBroker: true },
);

kafkaTest("orilla doctor names what is wrong with encryption and login", async (test) => {
  await using broker = await startBroker({ tls: true, sasl: true });
  await using folder = await temporaryFolder();
  const outDir = ["--out-dir", folder.path];
  const ca = (file: string) => ["--ssl-ca-file", `${broker.dataDir}/tls/${file}`];
  const login = ["--security-protocol", "SASL_SSL", "--sasl-mechanism", "SCRAM-SHA-512"];
  const alice = [
    ...["--bootstrap-servers", broker.saslBootstrap, "--sasl-username", "alice"],
    ...[...login, ...outDir, ...ca("ca.pem")],
  ];
  const topic = ["--topic", uniqueName("doctor")];
  await broker.createTopic(topic[1] ?? "", 1);

  await test.step("the right password", async () => {
    const found = await diagnose([...alice, ...topic], { KAFKA_SASL_PASSWORD: PASSWORD });
    assert.equal(found.code, 0, found.stdout);
    expectCheck(found, "login", ["ok", /^SASL_SSL, SCRAM-SHA-512: accepted$/]);
    expectCheck(found, "clock", ["ok", /the clock of controller 1/]);
  });
  await test.step("a password file that everybody can read", async () => {
    const path = `${folder.path}/password`;
    await Deno.writeTextFile(path, `${PASSWORD}\n`);
    const args = [...alice, ...topic, "--sasl-password-file", path];
    for (const [mode, code] of [[0o644, 1], [0o640, 0], [0o600, 0], [0o620, 1]] as const) {
      await Deno.chmod(path, mode);
      const found = await diagnose([...args, "--strict"]);
      assert.equal(found.code, code, found.stdout);
      assert.deepEqual(badChecks(found), code === 0 ? [] : ["key files"]);
    }
  });
  await test.step("a wrong password", async () => {
    const found = await diagnose([...alice, ...topic], { KAFKA_SASL_PASSWORD: WRONG_PASSWORD });
    assert.equal(found.code, 1);
    expectCheck(found, "brokers", ["ok", /can be reached/]);
    expectCheck(found, "login", ["failure", /refused the login .*check --sasl-username and its/]);
    expectCheck(found, "lag", ["skipped", /no broker lets orilla in/]);
  });
  await test.step("a login in clear", async () => {
    const server = `127.0.0.1:${Number(broker.bootstrap.split(":")[1]) + 2}`;
    const plain = ["--security-protocol", "SASL_PLAINTEXT", "--sasl-mechanism", "PLAIN"];
    const user = ["--bootstrap-servers", server, "--sasl-username", "alice"];
    const args = [...plain, ...user, ...outDir, ...topic];
    const found = await diagnose(args, { KAFKA_SASL_PASSWORD: PASSWORD });
    assert.equal(found.code, 0, found.stdout);
    expectCheck(found, "login", ["warning", /the secret is sent without encryption$/]);
  });
  for (
    const [what, args, text] of [
      [
        "a certificate of an unknown authority",
        ["--security-protocol", "SSL", ...ca("other-ca.pem")],
        /signed by an authority that is not trusted: .* --ssl-ca-file$/,
      ],
      ["TLS without TLS", [], /uses TLS, but --security-protocol is PLAINTEXT: use SSL/],
    ] as const
  ) {
    await test.step(what, async () => {
      const server = ["--bootstrap-servers", broker.tlsBootstrap];
      const found = await diagnose([...server, ...outDir, ...topic, ...args]);
      assert.equal(found.code, 1);
      expectCheck(found, "brokers", ["failure", text]);
      assert.deepEqual(badChecks(found), ["brokers"]);
    });
  }
}, { needsOwnBroker: true });

kafkaTest(
  "orilla doctor is done soon where brokers are down, silent or elsewhere",
  async (test) => {
    const elsewhere = "127.0.0.1:9";
    await using broker = await startBroker();
    await using folder = await temporaryFolder();
    const topic = uniqueName("doctor");
    await broker.createTopic(topic, 1);
    const args = ["--out-dir", folder.path, "--topic", topic, "--check-timeout-ms", "8000"];
    const { bootstrap } = broker;

    await test.step("one of two does not answer", async () => {
      const servers = ["--bootstrap-servers", `${elsewhere},${bootstrap}`];
      const found = await diagnose([...servers, ...args]);
      assert.equal(found.code, 0, found.stdout);
      expectCheck(found, "brokers", ["warning", /^1 of 2 cannot be used$/]);
      assert.deepEqual(badChecks(found), ["brokers"]);
    });
    await test.step("the broker calls itself by a name that cannot be reached from here", async () => {
      // It says that it is 127.0.0.1.
      const server = bootstrap.replace("127.0.0.1", "localhost");
      const hosts = ["--bootstrap-servers", server, "--allowed-hosts", server];
      const found = await diagnose([...hosts, ...args]);
      assert.equal(found.code, 1);
      expectCheck(found, "login", ["ok", /no login is asked for/]);
      expectCheck(found, "cluster", ["failure", /1 of 1 broker cannot be reached by the names/]);
      assert.match(found.stdout, /The broker 127\.0\.0\.1:\d+ is not among --allowed-hosts/);
      expectCheck(found, "topic", ["skipped", /the brokers cannot be asked/]);
    });
    await test.step("it hangs", async () => {
      broker.pause();
      const startMs = performance.now();
      const found = await diagnose(["--bootstrap-servers", bootstrap, ...args]);
      assert.equal(found.code, 1);
      expectCheck(found, "brokers", [
        "failure",
        /cannot be reached: .* did not answer in 3000 ms$/,
      ]);
      expectCheck(found, "login", ["skipped", /no broker can be used/]);
      assert.ok(performance.now() - startMs < 20_000);
      await broker.resume();
    });
    await test.step("it is down", async () => {
      await broker.kill();
      const found = await diagnose(["--bootstrap-servers", bootstrap, ...args]);
      assert.equal(found.code, 1);
      expectCheck(found, "brokers", ["failure", /cannot be reached: .*refused/i]);
      assert.deepEqual(badChecks(found), ["brokers"]);
    });
  },
  { needsOwnBroker: true },
);
