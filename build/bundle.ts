import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import wasm from "parquet-wasm/wasm" with { type: "bytes" };
import project from "../deno.json" with { type: "json" };
import { type BundledPackage, noticesText } from "./notices.ts";

const root = await Deno.realPath(fileURLToPath(new URL("../", import.meta.url)));

/** What a thread is started with: the program and its workers. The last one is for its order alone. */
const ENTRIES = ["main.ts", "src/worker.ts", "src/encoder_worker.ts", "build/arrow_order.ts"];

/** Is not made JavaScript of: it is a file beside it. */
const WASM = { name: "parquet-wasm/wasm", file: "parquet_wasm_bg.wasm" };

/**
 * Puts the program and what it needs of its libraries into a folder, which then needs neither npm nor this project:
 * a file of JavaScript for whatever is loaded at one time, a deno.json that says where the parts are, and the notices
 * of the libraries. What was in the folder is gone.
 *
 * @throws Error with what `deno bundle` said, where that failed
 */
export async function bundle(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await makeScripts(folder);
  const npmCache = await npmCacheFolder();
  const packages = new Map<string, BundledPackage>();
  for (const path of await scriptsIn(folder)) {
    const script = withoutMachine(await Deno.readTextFile(path), npmCache);
    for (const found of packagesOf(script)) packages.set(`${found.name}@${found.version}`, found);
    await Deno.writeTextFile(path, script);
  }
  if (packages.size === 0) throw new Error(`No module of the bundle is from ${npmCache}`);
  await Deno.writeFile(`${folder}/${WASM.file}`, wasm);
  await Deno.writeTextFile(`${folder}/deno.json`, settingsText());
  const notices = await noticesText([...packages.values()], npmCache);
  await Deno.writeTextFile(`${folder}/LICENSES.txt`, notices);
}

async function makeScripts(folder: string): Promise<void> {
  const flags = ["--quiet", "--code-splitting", "--external", WASM.name, "--outdir", folder];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", ...flags, ...ENTRIES],
    cwd: root,
    // Packages that are there twice are taken as ES modules, of which what is not used can be left out.
    env: { DENO_CONDITIONS: "module" },
    stdout: "null",
  }).output();
  if (code !== 0) throw new Error(`deno bundle failed:\n${new TextDecoder().decode(stderr)}`);
}

async function npmCacheFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return await Deno.realPath(JSON.parse(new TextDecoder().decode(stdout)).npmCache);
}

async function scriptsIn(folder: string): Promise<string[]> {
  const scripts: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) scripts.push(...await scriptsIn(`${folder}/${name}`));
    else if (name.endsWith(".js")) scripts.push(`${folder}/${name}`);
  }
  return scripts;
}

/** The names of modules without where this machine keeps them: `npm/kafkajs/2.2.4/index.js`. */
function withoutMachine(script: string, npmCache: string): string {
  const [start = "", ...parts] = script.split(`${relative(root, npmCache).replaceAll("\\", "/")}/`);
  return [start, ...parts.map((part) => part.replace(/^[^/]+/, "npm"))].join("");
}

/** The packages that code in a script is from, as the comments in it say. */
function packagesOf(script: string): BundledPackage[] {
  return [...script.matchAll(/^\/\/ npm\/((?:@[^/\n]+\/)?[^/\n]+)\/([^/\n]+)\//gm)]
    .map(([, name = "", version = ""]) => ({ name, version }));
}

/** deno.json of the bundle: its own modules under the names that the program knows them by. */
function settingsText(): string {
  const own = Object.entries(project.imports).filter(([, target]) => target.startsWith("./"))
    .map(([name, target]) => [name, target.replace(/\.ts$/, ".js")]);
  const imports = Object.fromEntries([...own, [WASM.name, `./${WASM.file}`]]);
  return `${JSON.stringify({ unstable: project.unstable, imports }, null, 2)}\n`;
}

/** `deno bundle` runs in the project's folder, this script anywhere. */
async function absolute(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  return await Deno.realPath(folder);
}

if (import.meta.main) {
  const [folder, ...rest] = Deno.args;
  if (folder === undefined || rest.length > 0) throw new Error("Usage: bundle.ts FOLDER");
  await bundle(await absolute(folder));
}
