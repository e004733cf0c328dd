import { leakIn } from "./canary_records.ts";

/** Where a lake shows what it must not: in a file's name, in metrics.txt, or in a report. */
export async function leaksOfLake(outDir: string): Promise<string[]> {
  const leaks: string[] = [];
  for (const path of await pathsBelow(outDir)) {
    if (leakIn(path) !== null) leaks.push(`the name ${path}`);
  }
  for (const name of ["metrics.txt", "_report.html"]) {
    const leak = leakIn(await textOf(`${outDir}/${name}`));
    if (leak !== null) leaks.push(`${name}: ${leak}`);
  }
  return leaks;
}

/** The text of a file; none where there is none, as with reports. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && !path.endsWith("metrics.txt")) return "";
    throw error;
  }
}

async function pathsBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    paths.push(`${folder}/${name}`);
    if (isDirectory) paths.push(...await pathsBelow(`${folder}/${name}`));
  }
  return paths;
}
