import { leakIn } from "./canary_records.ts";

/** Where a lake shows what it must not: in a file's name, or in metrics.txt. */
export async function leaksOfLake(outDir: string): Promise<string[]> {
  const leaks: string[] = [];
  for (const path of await pathsBelow(outDir)) {
    if (leakIn(path) !== null) leaks.push(`the name ${path}`);
  }
  const metrics = await Deno.readTextFile(`${outDir}/metrics.txt`);
  const leak = leakIn(metrics);
  return leak === null ? leaks : [...leaks, `metrics.txt: ${leak}`];
}

async function pathsBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    paths.push(`${folder}/${name}`);
    if (isDirectory) paths.push(...await pathsBelow(`${folder}/${name}`));
  }
  return paths;
}
