import { DatabaseSync } from "node:sqlite";
import { readParquetFile } from "../lake_reader.ts";

/** An action of a log, as its JSON has it. */
interface LoggedAction {
  readonly add?: LoggedFile;
  readonly remove?: { readonly path: string };
  readonly txn?: { readonly appId: string; readonly version: number };
  readonly protocol?: unknown;
  readonly metaData?: unknown;
}

interface LoggedFile {
  readonly path: string;
  readonly size: number;
  readonly partitionValues: Readonly<Record<string, string>>;
  readonly stats: string;
}

/** The actions of each version of a log, by nobody's code but this. */
export async function loggedVersions(
  outDir: string,
): Promise<readonly (readonly LoggedAction[])[]> {
  const folder = `${outDir}/_delta_log`;
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  const versions: LoggedAction[][] = [];
  for (const [index, name] of names.filter((name) => name.endsWith(".json")).sort().entries()) {
    if (name !== `${String(index).padStart(20, "0")}.json`) throw new Error(`a gap before ${name}`);
    const text = await Deno.readTextFile(`${folder}/${name}`);
    versions.push(text.trimEnd().split("\n").map((line) => JSON.parse(line)));
  }
  return versions;
}

/**
 * Holds a table's log against the manifest of the checkpoint: version by version one commit, all of its event files.
 *
 * @returns what differs, in words; empty where all is exact
 */
export async function tableDifferences(outDir: string): Promise<string[]> {
  const [first, ...versions] = await loggedVersions(outDir);
  const found: string[] = [];
  if (!first?.some(({ protocol }) => protocol) || !first.some(({ metaData }) => metaData)) {
    found.push("version 0 does not say what the table is");
  }
  const commits = committedFiles(outDir);
  if (versions.length !== commits.length) {
    found.push(`${versions.length} versions of ${commits.length} commits`);
  }
  for (const [i, { sequence, paths }] of commits.entries()) {
    const actions = versions[i] ?? [];
    const added = actions.flatMap(({ add }) => add ? [add] : []);
    if (added.map(({ path }) => path).sort().join() !== paths.toSorted().join()) {
      found.push(`version ${i + 1} is not commit ${sequence}: ${added.map(({ path }) => path)}`);
    }
    const txns = actions.flatMap(({ txn }) => txn ? [txn.version] : []);
    if (txns.join() !== String(sequence)) found.push(`version ${i + 1} has txn ${txns}`);
    for (const add of added) found.push(...await fileDifferences(outDir, add));
  }
  return found;
}

/** Whether what the log says of a file is so. */
async function fileDifferences(outDir: string, add: LoggedFile): Promise<string[]> {
  const rows = await readParquetFile(`${outDir}/${add.path}`);
  const { size } = await Deno.stat(`${outDir}/${add.path}`);
  const times = rows.map(({ ts }) => String(ts)).sort();
  const processed = [...new Set(rows.map(({ processing_ts }) => String(processing_ts)))];
  const stats = JSON.parse(add.stats);
  const facts = {
    size: [add.size, size],
    date: [add.partitionValues["date"], add.path.slice(5, 15)],
    numRecords: [stats.numRecords, rows.length],
    minTs: [microseconds(stats.minValues.ts), times[0]],
    maxTs: [microseconds(stats.maxValues.ts), times.at(-1)],
    processing: [microseconds(stats.maxValues.processing_ts), processed.join()],
  };
  return Object.entries(facts).filter(([, [said, is]]) => said !== is).map(([name, [said, is]]) =>
    `${add.path}: ${name} is ${is}, and the log says ${said}`
  );
}

/** `2026-11-24T10:15:00.123456Z` → microseconds since 1970-01-01 UTC, as text. */
function microseconds(text: string): string {
  const [, ms = "", rest = ""] = /^(.{23})(\d{3})Z$/.exec(text) ?? [];
  return String(BigInt(Date.parse(`${ms}Z`)) * 1000n + BigInt(rest));
}

/** The event files of each commit that has some. */
export function committedFiles(
  outDir: string,
): readonly { readonly sequence: number; readonly paths: readonly string[] }[] {
  using database = new DatabaseSync(`${outDir}/checkpoint.sqlite`, { readOnly: true });
  const rows = database.prepare(
    `SELECT sequence, group_concat(final_path, '|') AS paths FROM files WHERE kind = 'events'
     GROUP BY sequence ORDER BY sequence`,
  ).all();
  return rows.map(({ sequence, paths }) => ({
    sequence: Number(sequence),
    paths: String(paths).split("|"),
  }));
}
