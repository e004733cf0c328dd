import project from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url).pathname;

/** The Deno that compiles: COMPILE_DENO where it is given, with DENORT_BIN as its runtime. */
export const compiler = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();

const { bundle, compile } = project.tasks;

/** Makes orilla's executable as `deno task compile` does, and its bundle in a folder. */
export async function compileOrilla(
  { output, bundleFolder }: { readonly output: string; readonly bundleFolder: string },
): Promise<void> {
  for (const { command } of [bundle, compile]) {
    const placed = command.replaceAll("dist/bundle", bundleFolder).replace("dist/orilla", output);
    await run(placed.split(" "));
  }
}

/** Compiles another module of this project, and the worker it starts, with orilla's permissions. */
export async function compileAlike(
  { main, worker, output }: {
    readonly main: string;
    readonly worker: string;
    readonly output: string;
  },
): Promise<void> {
  const words = compile.command.split(" ");
  const permissions = words.filter((word) => /^--(allow-|no-prompt|v8-flags)/.test(word));
  const start = words.slice(0, words.indexOf("compile") + 1);
  const given = ["--frozen", "--include", worker, "--output", output, main];
  await run([...start, ...permissions, ...given]);
}

/** @param words settings of the environment, then `deno` and its arguments */
async function run(words: readonly string[]): Promise<void> {
  const at = words.indexOf("deno");
  const { code, stderr } = await new Deno.Command(compiler, {
    args: words.slice(at + 1),
    cwd: root,
    env: Object.fromEntries(words.slice(0, at).map((setting) => setting.split("="))),
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  throw new Error(`deno ${words[at + 1]} failed:\n${new TextDecoder().decode(stderr)}`);
}

/** A folder that is removed at the end. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "orilla_compile_" }));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
