import assert from "node:assert/strict";
import { type OrillaOptions, runOrilla } from "../orilla_process.ts";

/** Names in OUT_DIR that orilla opens, and what a link in their place leads to. */
const PLANTED: Readonly<Record<string, "folder" | "file" | "nothing">> = {
  "date=2026-11-24": "folder",
  "_staging": "folder",
  "_dead_letters": "folder",
  "checkpoint.sqlite": "file",
  "checkpoint.sqlite-wal": "nothing",
  "checkpoint.sqlite-shm": "file",
  "checkpoint.sqlite-journal": "file",
  "checkpoint.lock": "nothing",
  "checkpoint.lock-journal": "file",
  "metrics.txt": "file",
  "metrics.txt.new": "nothing",
};

const CONTENT = "what lies outside";

/**
 * Plants a symbolic link that leads out of OUT_DIR, at each place in turn, and expects that a run neither
 * writes through it nor takes anything away behind it. Deno's permissions alone would follow it.
 */
export async function expectNoLinkFollowed(folder: string, options: OrillaOptions): Promise<void> {
  const outDir = `${folder}/lake`, outside = `${folder}/outside`;
  for (const [name, kind] of Object.entries(PLANTED)) {
    await Deno.mkdir(outDir);
    await Deno.mkdir(outside);
    await Deno.writeTextFile(`${outside}/file`, CONTENT);
    const target = { folder: outside, file: `${outside}/file`, nothing: `${outside}/new` }[kind];
    await Deno.symlink(target, `${outDir}/${name}`);
    const args = ["simulate", "--count", "50", "--start", "2026-11-24", "--invalid-ratio", "0.2"];
    const limit = ["--out-dir", outDir, "--retry-budget-ms", "500"];
    const { code, stderr } = await runOrilla([...args, ...limit], options);
    if (kind === "folder") {
      assert.equal(code, 3, stderr);
      assert.ok(stderr.includes(`${name} is a symbolic link`), stderr);
    }
    assert.deepEqual([...Deno.readDirSync(outside)].map((entry) => entry.name), ["file"], name);
    assert.equal(await Deno.readTextFile(`${outside}/file`), CONTENT, name);
    await Deno.remove(outDir, { recursive: true });
    await Deno.remove(outside, { recursive: true });
  }
}
