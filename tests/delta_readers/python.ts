import assert from "node:assert/strict";
import { runProgram } from "../programs.ts";

const folder = new URL("./", import.meta.url).pathname;

/** A Python with the readers of requirements.txt: made once, beside the other programs that tests install. */
export async function readersPython(): Promise<string> {
  const requirements = `${folder}requirements.txt`;
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(requirements));
  const name = new Uint8Array(digest).toHex().slice(0, 12);
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
  const root = `${cache}/orilla-tools/delta-readers-${name}`;
  const python = `${root}/bin/python`;
  if (await isThere(`${root}/complete`)) return python;
  await run("python3", ["-m", "venv", root]);
  const quiet = ["--quiet", "--disable-pip-version-check"];
  await run(python, ["-m", "pip", "install", ...quiet, "-r", requirements]);
  await Deno.writeTextFile(`${root}/complete`, "");
  return python;
}

/** What a Python script of this folder printed, as JSON. */
export async function askPython(script: string, args: readonly string[]): Promise<unknown> {
  const output = await run(await readersPython(), [`${folder}${script}`, ...args]);
  return JSON.parse(output.trim().split("\n").at(-1) ?? "");
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { code, output } = await runProgram(program, args);
  assert.equal(code, 0, output);
  return output;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
