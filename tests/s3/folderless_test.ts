import assert from "node:assert/strict";
import { orillaCommand, type OrillaResult } from "../orilla_process.ts";
import { redisLeftOut, startRedis } from "../stores/redis_server.ts";
import { CREDENTIALS_ENV, startS3Server } from "./s3_server.ts";
import { s3TestBeside } from "./s3_case.ts";

const MIXED = [
  ...["--count", "3000", "--days", "2", "--start", "2026-11-23", "--seed", "7"],
  ...["--invalid-ratio", "0.02", "--duplicate-ratio", "0.02"],
];

interface FolderlessLake {
  readonly outDir: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Runs orilla as a process that may write nowhere. */
async function runWithoutWriting(
  { args, env }: FolderlessLake,
  ...given: readonly string[]
): Promise<OrillaResult> {
  const command = orillaCommand([...given, ...args], { env });
  assert.ok(command.args.includes("--allow-write"), "deno.json's tasks allow it");
  const { code, stdout, stderr } = await new Deno.Command(command.path, {
    args: command.args.filter((arg) => arg !== "--allow-write"),
    clearEnv: true,
    env: command.env,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function withLake(action: (lake: FolderlessLake) => Promise<void>): Promise<void> {
  await using server = await startS3Server();
  await using redis = await startRedis();
  const outDir = `s3://${await server.newBucket()}/lakes/one`;
  const args = ["--out-dir", outDir, "--s3-endpoint", server.endpoint];
  await action({ outDir, args, env: { ...CREDENTIALS_ENV, CHECKPOINT_URL: redis.url } });
}

s3TestBeside(
  "a lake in a bucket with its checkpoint on a server needs no folder, and no right to write",
  redisLeftOut(),
  () =>
    withLake(async (lake) => {
      const run = async (...given: readonly string[]) => {
        const result = await runWithoutWriting(lake, ...given);
        assert.equal(result.code, 0, `${given.join(" ")}: ${result.stdout}${result.stderr}`);
        return result.stdout;
      };
      const made = await run("simulate", ...MIXED);
      assert.ok(made.includes(`lake       ${lake.outDir}\n`), made);
      assert.ok(!made.includes("metrics.txt"), made);
      assert.match(await run("simulate", ...MIXED), /published +0/);
      assert.match(await run("verify"), /All is as it was committed/);
      assert.match(await run("status"), /staged +nothing/);
      assert.match(await run("trace", "e17"), /published +commit 1, /);
      const [first = "{}"] = (await run("dlq", "export")).split("\n");
      assert.match(await run("dlq", "show", JSON.parse(first).position), /reason/);
      assert.match(await run("dlq", "list"), /dead letters wait/);
      assert.match(await run("dlq", "replay"), /Replay done/);
      assert.match(await run("report", "--out", "-"), /<html/);
      assert.match(await run("dlq", "purge", "--dlq-ttl", "1ms"), /removed/);
      assert.match(await run("verify"), /All is as it was committed/);
    }),
);

s3TestBeside(
  "what needs a folder says so where a lake has none: a report as a file, and doctor",
  redisLeftOut(),
  () =>
    withLake(async (lake) => {
      assert.equal((await runWithoutWriting(lake, "simulate", ...MIXED)).code, 0);
      const refused = await runWithoutWriting(lake, "report");
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /nothing of s3:\/\/\S+ lies on this machine.*--out -/);
      const { stdout } = await runWithoutWriting(lake, "doctor", "--json");
      const checks: { name: string; state: string }[] = JSON.parse(stdout).checks;
      const stateOf = (name: string) => checks.find((check) => check.name === name)?.state;
      assert.deepEqual(
        ["OUT_DIR", "local disk", "space", "checkpoint", "lock"].map(stateOf),
        ["ok", "skipped", "skipped", "ok", "ok"],
        stdout,
      );
    }),
);
