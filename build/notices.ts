/** A package of npm with code in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
}

/**
 * The licences and notices of packages, which go where their code goes: the texts that lie in them, or where there is
 * none, what their package.json says.
 *
 * @param npmCache where Deno keeps packages, in a folder for each registry
 * @throws Error where a package has neither
 */
export async function noticesText(
  packages: readonly BundledPackage[],
  npmCache: string,
): Promise<string> {
  const sorted = packages.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const parts = await Promise.all(sorted.map(async (found) => {
    const texts = await textsIn(await folderOf(found, npmCache));
    return [`=== ${found.name} ${found.version}`, ...texts].join("\n\n");
  }));
  return `${parts.join("\n\n")}\n`;
}

async function folderOf({ name, version }: BundledPackage, npmCache: string): Promise<string> {
  for await (const registry of Deno.readDir(npmCache)) {
    const folder = `${npmCache}/${registry.name}/${name}/${version}`;
    try {
      if ((await Deno.stat(folder)).isDirectory) return folder;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(`${name} ${version} is in the bundle, but not in ${npmCache}`);
}

async function textsIn(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const names = entries.map(({ name }) => name)
    .filter((name) => /^(licen[cs]e|notice|copying|copyright)/i.test(name)).sort();
  if (names.length > 0) {
    return await Promise.all(
      names.map(async (name) => (await Deno.readTextFile(`${folder}/${name}`)).trim()),
    );
  }
  const { license, author, homepage } = JSON.parse(
    await Deno.readTextFile(`${folder}/package.json`),
  );
  if (typeof license !== "string") throw new Error(`${folder} says no licence`);
  const by = typeof author === "object" ? author.name : author;
  return [[`Licence: ${license}`, by, homepage].filter((line) => line !== undefined).join("\n")];
}
