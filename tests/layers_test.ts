import assert from "node:assert/strict";

const root = new URL("../", import.meta.url);

/** Who may import whom: a file imports from its own folder, or from a layer below its own. */
const LAYERS: readonly (readonly string[])[] = [
  ["main.ts", "src/worker.ts", "src/encoder_worker.ts"],
  [
    "src/sandbox.ts",
    "src/security_files.ts",
    "src/surroundings.ts",
    "src/terminal.ts",
    "src/progress_line.ts",
    "src/about",
    "src/cli.ts",
    "src/protocol.ts",
    "src/version.ts",
  ],
  ["src/commands"],
  ["src/configure.ts", "src/config_file.ts", "src/config.ts"],
  ["src/options"],
  ["src/http"],
  ["src/pipeline"],
  ["src/kafka", "src/lake", "src/checkpoint", "src/simulation"],
  ["src/runtime"],
  ["src/core"],
];

/** Which npm packages and built-in modules each folder may import; the only importer of each is listed here. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  "src/core": ["zod"],
  "src/kafka": [
    "kafkajs",
    "kafkajs/src/consumer/consumerGroup.js",
    "kafkajs/src/consumer/offsetManager/index.js",
    "kafkajs/src/protocol/decoder.js",
    "kafkajs/src/protocol/encoder.js",
    "kafkajs/src/protocol/requests/fetch/v11/response.js",
    "kafkajs/src/protocol/requests/produce/index.js",
    "snappyjs",
    "lz4js",
    "node:buffer",
    "node:net",
    "node:process",
    "node:tls",
    "node:zlib",
  ],
  "src/lake": [
    "apache-arrow",
    "aws4fetch",
    "parquet-wasm",
    "parquet-wasm/wasm",
    "node:buffer",
    "node:crypto",
    "node:zlib",
  ],
  "src/checkpoint": ["@redis/client", "node:buffer", "node:sqlite", "node:zlib", "postgres"],
  "src/http": ["node:crypto", "node:net", "uplot/script", "uplot/style"],
  "src/runtime": [
    "@logtape/logtape",
    "prom-client",
    "node:crypto",
    "node:fs/promises",
    "node:process",
  ],
  "src/cli.ts": ["node:util"],
  "src/sandbox.ts": ["node:path"],
  "src/security_files.ts": ["node:crypto"],
};

interface Import {
  readonly from: string;
  readonly to: string;
  /** Whether types alone are imported, which loads nothing. */
  readonly isType: boolean;
  /** Whether it is loaded when it is needed. */
  readonly isLater: boolean;
}

async function allFiles(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
    if (isDirectory) paths.push(...await allFiles(`${folder}/${name}`));
    else if (name.endsWith(".ts")) paths.push(`${folder}/${name}`);
  }
  return paths;
}

async function allImports(): Promise<Import[]> {
  const imports: Import[] = [];
  for (const from of ["main.ts", ...await allFiles("src")]) {
    const text = await Deno.readTextFile(new URL(from, root));
    const written = /^(?:import|export)[^"]*?from "([^"]+)"|\bimport\("([^"]+)"/gms;
    for (const [all, atStart, later = ""] of text.matchAll(written)) {
      const to = atStart ?? later;
      const isFile = to.startsWith(".");
      imports.push({
        from,
        isType: /^(?:import|export) type /.test(all),
        isLater: atStart === undefined,
        to: isFile ? new URL(to, new URL(from, root)).href.slice(root.href.length) : to,
      });
    }
  }
  return imports;
}

function folderOf(path: string): string {
  return path.startsWith("src/") && path.split("/").length > 2
    ? path.split("/").slice(0, 2).join("/")
    : path;
}

function layerOf(path: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folderOf(path)));
}

Deno.test("imports go one way, and adapters do not import each other", async () => {
  for (const { from, to } of await allImports()) {
    if (!to.startsWith("src/") || folderOf(from) === folderOf(to)) continue;
    assert.ok(layerOf(from) >= 0 && layerOf(to) >= 0, `${from} and ${to} have a layer`);
    const isOneTopLayer = layerOf(from) === 1 && layerOf(to) <= 3;
    const isOwnFile = layerOf(from) === layerOf(to) && !from.includes("/", 4);
    const message = `${from} imports ${to}`;
    assert.ok(layerOf(from) < layerOf(to) || isOneTopLayer || isOwnFile, message);
  }
});

Deno.test("no files import each other in a circle", async () => {
  const imports = (await allImports()).filter(({ isType, isLater }) => !isType && !isLater);
  const importsOf = Map.groupBy(imports, ({ from }) => from);
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]) => {
    assert.ok(!way.includes(file), [...way, file].join(" imports "));
    if (done.has(file)) return;
    for (const { to } of importsOf.get(file) ?? []) visit(to, [...way, file]);
    done.add(file);
  };
  for (const file of importsOf.keys()) visit(file, []);
});

Deno.test("each library has the folder that imports it, and no other", async () => {
  for (const { from, to } of await allImports()) {
    if (to.startsWith("src/") || to.endsWith("deno.json")) continue;
    assert.ok(LIBRARIES[folderOf(from)]?.includes(to), `${from} imports ${to}`);
  }
});

Deno.test("the main thread loads no library: --help is quick, and its memory is small", async () => {
  assert.deepEqual(await librariesAtStartOf("main.ts"), []);
});

Deno.test("a consumer loads no library that its first fetch does not need", async () => {
  const libraries = await librariesAtStartOf("src/worker.ts", "src/commands/consumer.ts");
  const packages = new Set(libraries.map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)?.[0]));
  assert.deepEqual([...packages].sort(), ["@logtape/logtape", "kafkajs", "lz4js", "snappyjs"]);
});

/** The libraries that are loaded with some modules, those aside that these load later. */
async function librariesAtStartOf(...paths: readonly string[]): Promise<readonly string[]> {
  const imports = await allImports();
  const loaded = new Set(paths);
  for (const path of loaded) {
    const own = imports.filter(({ from, isType, isLater }) => from === path && !isType && !isLater);
    for (const { to } of own) loaded.add(to);
  }
  assert.ok(loaded.size > 20, String(loaded.size));
  return [...loaded].filter((path) => !/^(?:main\.ts|src\/.*|node:.*|.*\/?deno\.json)$/.test(path));
}

Deno.test("the core is pure: no clock, randomness, environment or platform", async () => {
  for (const path of await allFiles("src/core")) {
    const text = await Deno.readTextFile(new URL(path, root));
    assert.doesNotMatch(
      text,
      /Date\.now|new Date\(\)|Math\.random|\bDeno\.|\bprocess\.|performance\./,
      path,
    );
  }
});

Deno.test("no source file has more than 400 lines", async () => {
  for (const path of ["main.ts", ...await allFiles("src"), ...await allFiles("tests")]) {
    const text = await Deno.readTextFile(new URL(path, root));
    assert.ok(text.split("\n").length <= 401, path);
  }
});
