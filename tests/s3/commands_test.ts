import assert from "node:assert/strict";
import { S3Storage } from "../../src/lake/s3_storage.ts";
import { noFaults } from "../../src/runtime/operations.ts";
import { type OrillaResult, runOrilla, spawnOrilla } from "../orilla_process.ts";
import { startFaultProxy } from "./fault_proxy.ts";
import {
  bucketAt,
  CREDENTIALS,
  CREDENTIALS_ENV,
  type S3Server,
  startS3Server,
} from "./s3_server.ts";
import { s3Test } from "./s3_case.ts";

/** A lake in a bucket that commands are run on. */
interface CommandLake {
  readonly outDir: string;
  readonly checkpointDir: string;
  readonly args: readonly string[];
  readonly storage: S3Storage;
  readonly run: (...args: readonly string[]) => Promise<OrillaResult>;
}

async function withCommandLake(
  server: S3Server,
  action: (lake: CommandLake) => Promise<void>,
  endpoint = server.endpoint,
): Promise<void> {
  const name = await server.newBucket();
  const folder = await Deno.makeTempDir({ prefix: "orilla_s3_" });
  const outDir = `s3://${name}/lakes/one`, checkpointDir = `${folder}/checkpoint`;
  const args = ["--out-dir", outDir, "--checkpoint-dir", checkpointDir, "--s3-endpoint", endpoint];
  const place = { bucket: name, prefix: "lakes/one/" };
  const storage = new S3Storage(bucketAt({ endpoint: server.endpoint, place }), noFaults);
  const run = async (...given: readonly string[]) => {
    const result = await runOrilla([...given, ...args], { env: CREDENTIALS_ENV });
    assertNoSecrets(result);
    return result;
  };
  try {
    await action({ outDir, checkpointDir, args, storage, run });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function assertNoSecrets({ stdout, stderr }: OrillaResult): void {
  for (const secret of [CREDENTIALS.secretAccessKey, "hunter2-token"]) {
    assert.ok(!`${stdout}${stderr}`.includes(secret), "a secret was printed");
  }
}

const SOME = ["--count", "3000", "--days", "2", "--start", "2026-11-23", "--seed", "7"];
const MIXED = [...SOME, "--invalid-ratio", "0.02", "--duplicate-ratio", "0.02"];

s3Test("orilla compact merges the objects of a bucket", async () => {
  await using server = await startS3Server();
  await withCommandLake(server, async ({ storage, run }) => {
    const made = await run("simulate", ...SOME, "--batch-max-events", "200");
    assert.equal(made.code, 0, made.stderr);
    const before = (await storage.listByPrefix("date=")).length;
    assert.ok(before > 10, `${before} objects`);
    const merged = await run("compact", "--date", "2026-11-22,2026-11-23", "--json");
    assert.equal(merged.code, 0, merged.stderr);
    const { dates } = JSON.parse(merged.stdout) as {
      dates: readonly { readonly mergedFiles: number; readonly fileCount: number }[];
    };
    assert.equal(dates.reduce((sum, { mergedFiles }) => sum + mergedFiles, 0), before);
    assert.equal((await storage.listByPrefix("date=")).length, 2);
    assert.deepEqual(await storage.list("_staging"), []);
    const verified = await run("verify");
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match((await run("trace", "e17")).stdout, /published/);
  });
});

s3Test("--auto-compact merges the objects of a bucket beside the commits of a run", async () => {
  await using server = await startS3Server();
  await withCommandLake(server, async ({ args, storage, run }) => {
    const small = ["--batch-max-events", "200"];
    const past = ["--days", "2", "--start", "2026-11-10", "--seed", "7", ...small];
    assert.equal((await run("simulate", ...past, "--count", "3000")).code, 0);
    const before = (await storage.listByPrefix("date=2026-11-09/")).length;
    assert.ok(before >= 8, `${before} objects`);
    const more = ["--first-id", "5000", "--count", "1000000", "--rate", "300", ...small];
    const given = ["simulate", ...more, "--auto-compact", ...args];
    await using orilla = spawnOrilla(given, { env: CREDENTIALS_ENV });
    await orilla.untilStderr(
      /"merged files".*\n(?:.*\n)*.*"merged files".*\n(?:.*\n)*.*"committed"/,
    );
    orilla.kill("SIGTERM");
    assert.equal((await orilla.result).code, 0);
    for (const date of ["2026-11-09", "2026-11-10"]) {
      const found = await storage.listByPrefix(`date=${date}/`);
      assert.equal(found.filter((path) => path.endsWith("_merged.parquet")).length, 1, date);
      assert.equal(found.length, 1, date);
    }
    const verified = await run("verify");
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /All is as it was committed/);
  });
});

s3Test("all commands work on a lake in a bucket", async () => {
  await using server = await startS3Server();
  await withCommandLake(server, async ({ outDir, checkpointDir, storage, run }) => {
    const made = await run("simulate", ...MIXED);
    assert.equal(made.code, 0, made.stderr);
    assert.ok(made.stdout.includes(`lake       ${outDir}\n`), made.stdout);
    assert.ok(made.stdout.includes(`metrics    ${checkpointDir}/metrics.txt`));
    assert.match(
      made.stdout,
      /CREATE SECRET \(TYPE s3, .*FROM 's3:\/\/lake-\w+\/lakes\/one\/date=/,
    );
    const again = await run("simulate", ...MIXED);
    assert.match(again.stdout, /published +0/);

    const verified = await run("verify");
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /All is as it was committed/);
    assert.match((await run("status")).stdout, /staged +nothing/);
    assert.match((await run("trace", "e17")).stdout, /published +commit 1, /);
    assert.match((await run("dlq", "list")).stdout, /dead letters wait/);
    const exported = (await run("dlq", "export")).stdout.trim().split("\n");
    const { position } = JSON.parse(exported[0] ?? "{}");
    const shown = await run("dlq", "show", position);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match((await run("dlq", "replay")).stdout, /Replay done/);
    const report = await run("report");
    assert.ok(report.stdout.startsWith(`${checkpointDir}/_report.html: `), report.stdout);
    assert.match((await run("dlq", "purge", "--dlq-ttl", "1ms")).stdout, /removed/);
    const left = (await storage.listByPrefix("_dead_letters/")).length;
    assert.equal(left, 0, "the bucket has no dead letters left");
    assert.equal((await run("verify")).code, 0);

    await Deno.remove(checkpointDir, { recursive: true });
    const lost = await run("simulate", ...MIXED);
    assert.equal(lost.code, 3);
    assert.match(
      lost.stderr,
      /holds \d+ published files, but its checkpoint is gone .*orilla rebuild/,
    );
    const rebuilt = await run("rebuild");
    assert.equal(rebuilt.code, 0, rebuilt.stderr);
    assert.match((await run("simulate", ...MIXED)).stdout, /published +0/);
  });
});

s3Test(
  "what a killed run had staged is listed, and the next start drops or publishes it",
  async () => {
    await using server = await startS3Server();
    await withCommandLake(server, async ({ storage, run }) => {
      await run("simulate", ...SOME);
      const more = ["simulate", "--first-id", "9000", ...MIXED];
      assert.equal((await run(...more, "--fault", "commit:begin=crash")).code, 137);
      assert.match(
        (await run("status")).stdout,
        /staged +3 files of a batch that was not committed/,
      );
      assert.match(
        (await run("verify")).stdout,
        /3 staged files of a batch that was not committed/,
      );
      assert.equal((await run(...more, "--fault", "publish:link=crash")).code, 137);
      assert.match(
        (await run("status")).stdout,
        /staged +[23] files of the last commit, not published yet/,
      );
      const verified = await run("verify");
      assert.equal(verified.code, 0, verified.stdout);
      assert.match(
        verified.stdout,
        /[23] files of the last commit are not published yet, and were not read/,
      );
      const traced = await run("trace", "e9017");
      assert.equal(traced.code, 3);
      assert.match(traced.stdout, /not published yet, and cannot be read before/);
      assert.match((await run(...more)).stdout, /published +0/);
      assert.deepEqual(await storage.list("_staging"), []);
      assert.equal((await run("verify")).code, 0);
    });
  },
);

s3Test("a checkpoint that is behind its bucket is brought up to it", async () => {
  await using server = await startS3Server();
  await withCommandLake(server, async ({ checkpointDir, run }) => {
    await run("simulate", ...SOME);
    const older = await Deno.readFile(`${checkpointDir}/checkpoint.sqlite`);
    const more = ["simulate", "--first-id", "9000", ...MIXED];
    // One file of the commit is published, the others are not.
    assert.equal((await run(...more, "--fault", "publish:link:2=crash")).code, 137);
    for (const suffix of ["-wal", "-shm"]) {
      await Deno.remove(`${checkpointDir}/checkpoint.sqlite${suffix}`).catch(() => {});
    }
    await Deno.writeFile(`${checkpointDir}/checkpoint.sqlite`, older);
    const next = await run(...more);
    assert.equal(next.code, 0, next.stderr);
    assert.match(next.stderr, /the checkpoint was behind the lake/);
    assert.match(next.stdout, /published +0/);
    const verified = await run("verify");
    assert.equal(verified.code, 0, verified.stdout);
  });
});

s3Test(
  "a run killed by SIGKILL while it publishes leaves a lake that the next start makes exact",
  async () => {
    await using server = await startS3Server();
    await withCommandLake(server, async ({ args, run }) => {
      const slow = ["--rate", "4000", "--batch-max-events", "400", "--count", "20000"];
      for (let round = 0; round < 3; round++) {
        await using orilla = spawnOrilla(["simulate", ...slow, ...args], { env: CREDENTIALS_ENV });
        await orilla.untilStderr(/committed.*\n.*committed/);
        await new Promise((resolve) => setTimeout(resolve, 137 * (round + 1)));
        orilla.kill("SIGKILL");
      }
      const { stdout } = await run("simulate", "--count", "20000");
      assert.match(stdout, /received +20,000/);
      const verified = await run("verify", "--json");
      assert.equal(verified.code, 0, verified.stdout);
      assert.equal(JSON.parse(verified.stdout).eventCount, 20_000);
    });
  },
);

s3Test("credentials may come from a file, whose mode doctor looks at", async () => {
  await using server = await startS3Server();
  await withCommandLake(server, async ({ checkpointDir, args, run }) => {
    const file = `${checkpointDir}.credentials`;
    const lines = [
      "[other]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n[default]",
      `aws_access_key_id = ${CREDENTIALS.accessKeyId}`,
      `aws_secret_access_key=${CREDENTIALS.secretAccessKey}`,
    ];
    await Deno.writeTextFile(file, lines.join("\n"), { mode: 0o600 });
    const given = [...args, "--s3-credentials-file", file];
    // The file goes before the environment.
    const env = { ...CREDENTIALS_ENV, AWS_SECRET_ACCESS_KEY: "hunter2-token" };
    const made = await runOrilla(["simulate", ...SOME, ...given], { env });
    assert.equal(made.code, 0, made.stderr);
    const refused = await runOrilla(["simulate", ...SOME, ...args], { env });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /403 SignatureDoesNotMatch.*look at AWS_ACCESS_KEY_ID/s);
    assertNoSecrets(refused);
    const none = await runOrilla(["status", ...args]);
    assert.equal(none.code, 2);
    assert.match(
      none.stderr,
      /without credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
    );
    await Deno.chmod(file, 0o644);
    const doctor = await run("doctor", "--json", "--s3-credentials-file", file);
    const checks: { name: string; state: string; text: string }[] =
      JSON.parse(doctor.stdout).checks;
    const stateOf = (name: string) => checks.find((check) => check.name === name)?.state;
    assert.equal(stateOf("key files"), "warning");
    assert.equal(stateOf("OUT_DIR"), "ok", doctor.stdout);
    assert.equal(stateOf("local disk"), "ok");
    assert.equal(stateOf("checkpoint"), "ok");
    await Deno.writeTextFile(file, "aws_access_key_id = only");
    const half = await runOrilla(["status", ...given], { env });
    assert.equal(half.code, 2);
    assert.match(
      half.stderr,
      /Cannot use --s3-credentials-file .*: expected lines aws_access_key_id/,
    );
  });
});

s3Test(
  "doctor finds a bucket that is not there, no right to write, and a store that replaces objects",
  async () => {
    await using server = await startS3Server();
    await using proxy = startFaultProxy(server.port);
    await withCommandLake(server, async ({ args, outDir }) => {
      const outDirCheck = async (given: readonly string[]) => {
        const { stdout } = await runOrilla(["doctor", "--json", ...given], {
          env: CREDENTIALS_ENV,
        });
        const checks: { name: string; state: string; text: string; advice: string }[] =
          JSON.parse(stdout).checks;
        const { state, text, advice } = checks.find(({ name }) => name === "OUT_DIR") ??
          { state: "", text: "", advice: "" };
        return `${state}: ${text}. ${advice}`;
      };
      const none = args.map((arg) => arg === outDir ? "s3://no-such-bucket" : arg);
      assert.match(await outDirCheck(none), /^failure: .*404 NoSuchBucket\. make the bucket/);
      proxy.faultOf = ({ method }) =>
        method === "PUT" ? { kind: "answer", status: 403, code: "AccessDenied" } : null;
      assert.match(await outDirCheck(args), /^failure: .*403 AccessDenied\. let these credentials/);
      proxy.faultOf = ({ method, target }) =>
        method === "PUT" && !target.includes("uploadId")
          ? { kind: "answer", status: 200, code: "" }
          : null;
      assert.match(await outDirCheck(args), /^failure: .*in spite of If-None-Match \(PutObject\)/);
      proxy.faultOf = () => ({ kind: "answer", status: 503, code: "SlowDown" });
      assert.match(await outDirCheck(args), /^failure: .*503 SlowDown/);
    }, proxy.endpoint);
  },
);
