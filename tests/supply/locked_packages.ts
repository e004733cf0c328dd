import project from "../../deno.json" with { type: "json" };

/** A package of deno.lock. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** SHA-512 of its archive, in base64. */
  readonly sha512: string;
  /** Names of the packages that it asks for. */
  readonly dependencies: readonly string[];
  /** Whether orilla itself needs it; others serve its tests alone. */
  readonly isShipped: boolean;
  /** An SPDX expression of its package.json, null where the package is not installed, or has none. */
  readonly licence: string | null;
}

interface LockEntry {
  readonly integrity: string;
  readonly dependencies?: readonly string[];
}

interface Lock {
  readonly npm: Readonly<Record<string, LockEntry>>;
}

const lock: Lock = JSON.parse(
  await Deno.readTextFile(new URL("../../deno.lock", import.meta.url)),
);
const ENTRIES = new Map(Object.entries(lock.npm));

/** The packages of deno.lock in the order of their names. */
export async function lockedPackages(): Promise<LockedPackage[]> {
  const shipped = await shippedNames();
  const folders = await packageFolders();
  return await Promise.all([...ENTRIES].map(async ([key, { integrity, dependencies = [] }]) => {
    const { name, version } = nameAndVersion(key);
    const sha512 = integrity.replace(/^sha512-/, "");
    const licence = await licenceOf(folders, `${name}/${version}`);
    const asked = dependencies.map((dependency) => nameAndVersion(dependency).name);
    return { name, version, sha512, dependencies: asked, isShipped: shipped.has(name), licence };
  }));
}

/** `@scope/name@1.2.3_peer@4`, or a name alone where the lock holds one version. */
function nameAndVersion(key: string): { readonly name: string; readonly version: string } {
  const [, name = key, version = ""] = /^(@?[^@]+)(?:@([^_]+))?/.exec(key) ?? [];
  return { name, version };
}

/** Import names of deno.json that files below a folder, or a file, import. */
export async function importedNames(...paths: readonly string[]): Promise<Set<string>> {
  const names = new Set<string>();
  for (const path of paths) {
    for (const file of await sourcesBelow(new URL(`../../${path}`, import.meta.url).pathname)) {
      const text = await Deno.readTextFile(file);
      for (const [, name = ""] of text.matchAll(/(?:from |import |import\()"([^".][^"]*)"/g)) {
        names.add(name);
      }
    }
  }
  const isImported = (name: string) =>
    names.has(name) || name.endsWith("/") && names.values().some((path) => path.startsWith(name));
  return new Set(Object.keys(project.imports).filter(isImported));
}

async function sourcesBelow(path: string): Promise<string[]> {
  if (path.endsWith(".ts")) return [path];
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory || name.endsWith(".ts")) files.push(...await sourcesBelow(`${path}/${name}`));
  }
  return files;
}

async function shippedNames(): Promise<Set<string>> {
  const imports = new Map<string, string>(Object.entries(project.imports));
  const waiting = [...await importedNames("main.ts", "src")]
    .map((name) => nameAndVersion((imports.get(name) ?? "").replace(/^npm:\/?/, "")).name);
  const shipped = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (shipped.has(name)) continue;
    shipped.add(name);
    for (const [key, { dependencies = [] }] of ENTRIES) {
      if (nameAndVersion(key).name !== name) continue;
      waiting.push(...dependencies.map((dependency) => nameAndVersion(dependency).name));
    }
  }
  return shipped;
}

/** Where Deno keeps packages: a folder for each registry. */
async function packageFolders(): Promise<string[]> {
  const command = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  const { stdout } = await command.output();
  const { npmCache }: { readonly npmCache: string } = JSON.parse(new TextDecoder().decode(stdout));
  const registries = await Array.fromAsync(Deno.readDir(npmCache));
  return registries.filter(({ isDirectory }) => isDirectory).map(({ name }) =>
    `${npmCache}/${name}`
  );
}

async function licenceOf(folders: readonly string[], path: string): Promise<string | null> {
  for (const folder of folders) {
    try {
      const { license } = JSON.parse(await Deno.readTextFile(`${folder}/${path}/package.json`));
      if (typeof license === "string") return license;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return null;
}
