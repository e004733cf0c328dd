import assert from "node:assert/strict";
import { readDeadLetters, readLake } from "../lake_reader.ts";
import { type OrillaOptions, runOrilla } from "../orilla_process.ts";
import { onEachServer } from "./each_server.ts";

const COUNT = 600;
const GENERATED = ["--count", String(COUNT), "--invalid-ratio", "0.05", "--seed", "3"];

onEachServer(
  "a lake whose server is lost goes on alone, by rebuild without CHECKPOINT_URL",
  async ({
    server,
    folder,
  }) => {
    const outDir = `${folder}/lake`, env = { CHECKPOINT_URL: server.url };
    const run = async (args: readonly string[], options: OrillaOptions = {}, code = 0) => {
      const result = await runOrilla([...args, "--out-dir", outDir], options);
      assert.equal(result.code, code, `${args}: ${result.stderr}${result.stdout}`);
      return result;
    };
    for (const firstId of ["0", String(COUNT)]) {
      const args = ["--first-id", firstId, "--batch-max-events", "250"];
      await run(["simulate", ...GENERATED, ...args], { env });
    }
    const rows = await readLake(outDir), letters = await readDeadLetters(outDir);
    assert.ok(letters.length > 20 && rows.length + letters.length === 2 * COUNT);
    await server.kill();

    const refused = await run(["rebuild"], { env }, 1);
    assert.match(refused.stderr, /127\.0\.0\.1/);
    const alone = await run(["simulate", ...GENERATED], {}, 3);
    assert.match(alone.stderr, /orilla rebuild/);
    const rebuilt = JSON.parse((await run(["rebuild", "--json"])).stdout);
    assert.deepEqual([rebuilt.eventCount, rebuilt.seenIdCount], [rows.length, rows.length]);
    assert.deepEqual([rebuilt.incomplete, rebuilt.gaps], [[], []]);
    const verified = JSON.parse((await run(["verify", "--json"])).stdout);
    assert.deepEqual([verified.findings, verified.eventCount], [[], rows.length]);

    const { stdout } = await run(["simulate", ...GENERATED, "--first-id", "0"]);
    assert.match(stdout, new RegExp(`received +${COUNT}\n +published +0`));
    assert.equal((await readLake(outDir)).length, rows.length);
  },
);
