const root = new URL("../../", import.meta.url).pathname;

/** The Deno that compiles: COMPILE_DENO where it is given, with DENORT_BIN as its runtime. */
export const compiler = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();

/** Compiles a module of this project with the permissions of `deno task compile`. */
export async function compile(
  { main, include, output }: {
    readonly main: string;
    readonly include: string;
    readonly output: string;
  },
): Promise<void> {
  const permissions = ["--allow-read", "--allow-write", "--allow-net", "--allow-env"];
  const { code, stderr } = await new Deno.Command(compiler, {
    args: [
      "compile",
      "--no-prompt",
      "--frozen",
      ...permissions,
      "--include",
      include,
      "--output",
      output,
      main,
    ],
    cwd: root,
    // deno compile 2.6.10 overflows its stack on prom-client's dependencies without this.
    env: { RUST_MIN_STACK: "33554432", DENO_TLS_CA_STORE: "system,mozilla" },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code !== 0) throw new Error(`deno compile failed:\n${new TextDecoder().decode(stderr)}`);
}

/** A folder that is removed at the end. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "orilla_compile_" }));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
