import assert from "node:assert/strict";

/** Folders for a probe: OUT_DIR and what lies outside. */
async function probeFolders(folder: string): Promise<{ outDir: string; outside: string }> {
  const outDir = `${folder}/lake`, outside = `${folder}/outside`;
  await Deno.mkdir(outDir);
  await Deno.mkdir(outside);
  await Deno.writeTextFile(`${outside}/secret`, "");
  return { outDir, outside };
}

/** Runs a probe and expects each of its attempts to be refused. */
export async function expectAllRefused(
  command: string,
  args: readonly string[],
  folder: string,
): Promise<void> {
  const { outDir, outside } = await probeFolders(folder);
  const { stdout, stderr } = await new Deno.Command(command, {
    args: [...args, outDir, outside],
    cwd: folder,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith("{"), new TextDecoder().decode(stderr));
  const results: Record<string, string> = JSON.parse(text);
  assert.ok(Object.keys(results).length >= 14, "all attempts were made");
  for (const [attempt, result] of Object.entries(results)) assert.equal(result, "refused", attempt);
  assert.deepEqual([...Deno.readDirSync(outside)].map(({ name }) => name), ["secret"]);
  assert.ok(
    [...Deno.readDirSync(outDir)].some(({ name }) => name === "allowed"),
    "OUT_DIR itself is writable",
  );
}
