import project from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url).pathname;

/** The Deno that compiles: COMPILE_DENO where it is given, with DENORT_BIN as its runtime. */
export const compiler = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();

/** The words of `deno task compile`: settings of the environment, then `deno compile` and its arguments. */
const task = project.tasks.compile.command.split(" ");
const taskArguments = task.slice(task.indexOf("compile") + 1);

/** Compiles orilla as `deno task compile` does, into that file. */
export async function compileOrilla(output: string): Promise<void> {
  const at = taskArguments.indexOf("--output");
  await compile(["--frozen", ...taskArguments.with(at + 1, output)]);
}

/** Compiles another module of this project, and the worker it starts, with orilla's permissions. */
export async function compileAlike(
  { main, worker, output }: {
    readonly main: string;
    readonly worker: string;
    readonly output: string;
  },
): Promise<void> {
  const permissions = taskArguments.filter((argument) =>
    /^--(allow-|no-prompt|v8-flags)/.test(argument)
  );
  await compile([...permissions, "--frozen", "--include", worker, "--output", output, main]);
}

async function compile(args: readonly string[]): Promise<void> {
  const settings = task.slice(0, task.indexOf("deno")).map((setting) => setting.split("="));
  const { code, stderr } = await new Deno.Command(compiler, {
    args: ["compile", ...args],
    cwd: root,
    env: Object.fromEntries(settings),
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
