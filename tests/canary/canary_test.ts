import assert from "node:assert/strict";
import { messageOf } from "../../src/core/errors.ts";
import { REASON_CODES } from "../../src/core/outcome.ts";
import { RecordList } from "../../src/core/record_list.ts";
import { type Mode, MODES } from "../../src/options/option.ts";
import { LakeSession } from "../../src/pipeline/lake_session.ts";
import { LOG_LEVELS } from "../../src/runtime/log_levels.ts";
import { setUpLogs } from "../../src/runtime/logs.ts";
import { type FaultHooks, noFaults, OPERATION_LABELS } from "../../src/runtime/operations.ts";
import { testLimits, testSession } from "../crash/lake_run.ts";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { runOrilla } from "../orilla_process.ts";
import { canaryRecords, leakIn, MAX_RECORD_BYTES } from "./canary_records.ts";
import { leaksOfLake } from "./lake_leaks.ts";

/**
 * Every command that works on a lake, as it is run on one full of canaries. Whoever adds a command adds it
 * here; those that show records because they are asked to (`dlq show`, `dlq export`) are named below.
 */
const COMMANDS: readonly (readonly [Mode, ...string[]])[] = [
  ["verify"],
  ["verify", "--json"],
  ["simulate", "--count", "200", "--invalid-ratio", "0.2"],
  ["simulate", "--count", "200", "--first-id", "900", "--fault", "stage:write=enospc"],
  ["simulate", "--count", "200", "--first-id", "1200", "--fault", "publish:link=crash"],
  ["rebuild"],
  ["rebuild", "--json"],
  ["trace", "nobody"],
  ["trace", "nobody", "--json"],
  ["status"],
  ["status", "--json"],
  // No broker is there: tests/kafka/canary_test.ts asks one.
  ["doctor", "--bootstrap-servers", "127.0.0.1:9"],
  ["doctor", "--bootstrap-servers", "127.0.0.1:9", "--json"],
  ["report"],
  ["report", "--out", "-"],
  ["report", "--json"],
  ["dlq list"],
  ["dlq list", "--json"],
  ["dlq replay", "--dry-run"],
  ["dlq replay"],
  ["dlq purge", "--dry-run"],
  ["compact", "--compact-after", "0s", "--json"],
  ["compact", "--compact-after", "0s"],
];
/** Commands that are asked for records, or have their test with a broker (tests/kafka/canary_test.ts). */
const ELSEWHERE: readonly string[] = ["producer", "consumer", "dlq show", "dlq export"];

const AT = { topic: "feed", partition: 0 } as const;

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  // Deno lets a process with narrowed permissions have no folder in /dev, so it is not one in memory.
  const folder = await Deno.makeTempDir({ prefix: "orilla_canary_" });
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Takes the canary records into a lake, and gives everything that was logged or thrown meanwhile. */
async function takeIn(outDir: string, hooks: FaultHooks = noFaults): Promise<string> {
  const lines: string[] = [];
  const log = setUpLogs({ format: "json", level: "debug", write: (line) => lines.push(line) });
  const limits = testLimits({ maxEvents: 9, maxRecordBytes: MAX_RECORD_BYTES });
  try {
    await using session = await LakeSession.open(testSession(outDir, { log, hooks, limits }));
    await session.pipeline.add({ ...AT, records: new RecordList(canaryRecords()) });
    await session.pipeline.commit("end");
    await session.close();
  } catch (error) {
    lines.push(messageOf(error), error instanceof Error ? String(error.stack) : "");
  }
  return lines.join("\n");
}

/** Hooks that let one operation fail, once or for ever. */
function failing(label: string, code: "ENOSPC" | "EIO", isForEver: boolean): FaultHooks {
  let count = 0;
  return {
    ...noFaults,
    before: (at, path) => {
      if (at !== label || (count++ > 0 && !isForEver)) return;
      throw Object.assign(new Error(`${code} on ${path}`), { code });
    },
  };
}

Deno.test("every mode is in the list of the canary test", () => {
  const listed = new Set([...COMMANDS.map(([mode]): string => mode), ...ELSEWHERE]);
  assert.deepEqual(MODES.filter((mode) => !listed.has(mode)), []);
});

Deno.test("canaries lie in the lake and in dead letters of every reason, and nowhere else", async () => {
  await withFolder(async (outDir) => {
    assert.equal(leakIn(await takeIn(outDir)), null);
    const rows = await readLake(outDir), letters = await readDeadLetters(outDir);
    assert.ok(rows.length > 20 && rows.every(({ extra }) => leakIn(extra ?? "") !== null));
    const seen = new Set(letters.map(({ reason }) => reason));
    // No bytes are known that the Parquet writer refuses; tests/poison_test.ts makes it refuse some.
    const missing = REASON_CODES.filter((reason) => !seen.has(reason));
    assert.deepEqual(missing, ["not_encodable"]);
    assert.deepEqual(await leaksOfLake(outDir), []);
  });
});

Deno.test("no canary is logged, thrown or put into a name when an operation fails", async () => {
  for (const label of OPERATION_LABELS) {
    for (const [code, isForEver] of [["ENOSPC", false], ["EIO", true]] as const) {
      await withFolder(async (outDir) => {
        const said = await takeIn(outDir, failing(label, code, isForEver));
        assert.equal(leakIn(said), null, label);
      });
    }
  }
});

/** What is done to a lake before a command runs on it, and the exit code of `verify` then. */
const STATES: readonly (readonly [string, number, (outDir: string) => Promise<void>])[] = [
  ["sound lake", 0, () => Promise.resolve()],
  ["lake with changed bytes in its files", 3, async (outDir) => {
    for (const path of await parquetFiles(outDir)) await scratch(path);
  }],
  ["lake whose files are cut off", 3, async (outDir) => {
    for (const path of await parquetFiles(outDir)) await Deno.truncate(path, 300);
  }],
  ["lake with a damaged checkpoint", 3, (outDir) => scratch(`${outDir}/checkpoint.sqlite`)],
];

async function parquetFiles(outDir: string): Promise<Set<string>> {
  const rows = await readLake(outDir), letters = await readDeadLetters(outDir);
  return new Set([
    ...rows.map(({ file }) => `${outDir}/${file}`),
    ...letters.map(({ file }) => `${outDir}/_dead_letters/${file}`),
  ]);
}

/** Changes a byte of every 97, but the head. */
async function scratch(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  for (let at = 100; at < bytes.length; at += 97) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
  await Deno.writeFile(path, bytes);
}

for (const [state, verifyCode, damage] of STATES) {
  Deno.test(`no command shows a canary of a ${state}`, async () => {
    for (const args of COMMANDS) {
      await withFolder(async (outDir) => {
        await takeIn(outDir);
        await damage(outDir);
        const code = await expectNoLeak([
          ...words(args),
          ...["--out-dir", outDir, "--log-level", "debug"],
        ]);
        if (args[0] === "verify") assert.equal(code, verifyCode);
        assert.deepEqual(await leaksOfLake(outDir), [], args.join(" "));
      });
    }
  });
}

/** A command as one types it: some modes have two words. */
function words([mode, ...rest]: (typeof COMMANDS)[number]): readonly string[] {
  return [...mode.split(" "), ...rest];
}

/** Runs a command, and gives its exit code. */
async function expectNoLeak(args: readonly string[]): Promise<number> {
  const { code, stdout, stderr } = await runOrilla(args);
  assert.ok(stdout.length + stderr.length > 0, args.join(" "));
  assert.equal(leakIn(stdout), null, `stdout of ${args.join(" ")}`);
  assert.equal(leakIn(stderr), null, `stderr of ${args.join(" ")}`);
  assert.notEqual(code, 2, stderr);
  return code;
}

Deno.test("no command shows a canary at any log level", async () => {
  await withFolder(async (outDir) => {
    await takeIn(outDir);
    for (const level of LOG_LEVELS) {
      for (const format of ["json", "text"]) {
        const output = ["--log-level", level, "--log-format", format];
        assert.equal(await expectNoLeak(["verify", "--out-dir", outDir, ...output]), 0);
      }
    }
  });
});
