import project from "../deno.json" with { type: "json" };

/** How orilla is started by a test. */
export interface OrillaOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A compiled executable; without it that of ORILLA_TEST_EXECUTABLE, or main.ts under the Deno that runs the tests. */
  readonly binary?: string;
  /** When it is killed, in milliseconds: a process that hangs must not hang the tests with it. */
  readonly limitMs?: number;
  /** The umask of the shell that it is started in, octal; without it, that of the tests. */
  readonly umask?: string;
  /** What it reads from stdin; nothing where it is left out. */
  readonly input?: string;
}

/** What a finished orilla left. */
export interface OrillaResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running orilla. */
export interface OrillaProcess extends AsyncDisposable {
  readonly pid: number;
  kill(signal: Deno.Signal): void;
  /** Resolves when it ended. */
  readonly result: Promise<OrillaResult>;
  /** Resolves when what it wrote to stderr so far matches; rejects when it ends before. */
  untilStderr(pattern: RegExp): Promise<void>;
}

const root = new URL("../", import.meta.url).pathname;
const PASSED_ON = [
  "PATH",
  "HOME",
  "DENO_DIR",
  "DENO_TLS_CA_STORE",
  "XDG_CACHE_HOME",
  "DENO_NO_UPDATE_CHECK",
];

const LIMIT_MS = 180_000;

/** The command line of orilla in `deno run`, with the flags of deno.json's tasks. */
function denoArguments(args: readonly string[]): string[] {
  const { consumer, doctor } = project.tasks;
  const task = (args[0] === "doctor" ? doctor : consumer).command.split(" ");
  const flags = task.slice(task.indexOf("run"), task.indexOf("main.ts"));
  return [...flags, "--frozen", `--config=${root}deno.json`, `${root}main.ts`, ...args];
}

/** What deno.json's task of a consumer sets for it, beside what is Deno's. */
function taskEnvironment(): (readonly [name: string, value: string])[] {
  const words = project.tasks.consumer.command.split(" deno ")[0]?.split(" ") ?? [];
  return words.filter((word) => !word.startsWith("DENO_")).map((word) => {
    const [name = "", value = ""] = word.split("=");
    return [name, value];
  });
}

/** How orilla is started. */
export interface OrillaCommand {
  readonly path: string;
  readonly args: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** The command that starts orilla with an environment that has nothing but what its tasks and Deno need. */
export function orillaCommand(
  args: readonly string[],
  { binary = Deno.env.get("ORILLA_TEST_EXECUTABLE"), env }: Pick<OrillaOptions, "binary" | "env"> =
    {},
): OrillaCommand {
  const passed = binary === undefined ? PASSED_ON : [];
  const environment = passed.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    path: binary ?? Deno.execPath(),
    args: binary === undefined ? denoArguments(args) : args,
    env: { ...Object.fromEntries([...taskEnvironment(), ...environment]), NO_COLOR: "1", ...env },
  };
}

/** Starts orilla with a clean environment. */
export function spawnOrilla(args: readonly string[], options: OrillaOptions = {}): OrillaProcess {
  const { path, args: allArgs, env } = orillaCommand(args, options);
  // The shell becomes the program, so that signals reach it.
  const shell = ["-c", 'umask "$0"; exec "$@"', options.umask ?? "", path, ...allArgs];
  const command = new Deno.Command(options.umask === undefined ? path : "/bin/sh", {
    args: options.umask === undefined ? [...allArgs] : shell,
    clearEnv: true,
    env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  if (options.input !== undefined) void feed(child.stdin, options.input);
  const stderr = new WatchedText(child.stderr);
  const stdout = new WatchedText(child.stdout);
  const result = finish(child, { stdout, stderr, limitMs: options.limitMs ?? LIMIT_MS });
  return {
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    result,
    untilStderr: (pattern) => stderr.until(pattern),
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        // It has ended already.
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
      }
      await result;
    },
  };
}

/** Writes what a process is to read; one that was killed reads no more. */
async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch (error) {
    // In Deno 2.6.10 close() rejects with a TypeError instead.
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof TypeError)) throw error;
  }
}

/** Runs orilla to its end. */
export async function runOrilla(
  args: readonly string[],
  options: OrillaOptions = {},
): Promise<OrillaResult> {
  await using orilla = spawnOrilla(args, options);
  return await orilla.result;
}

async function finish(
  child: Deno.ChildProcess,
  { stdout, stderr, limitMs }: {
    readonly stdout: WatchedText;
    readonly stderr: WatchedText;
    readonly limitMs: number;
  },
): Promise<OrillaResult> {
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const [{ code }] = await Promise.all([child.status, stdout.ended, stderr.ended]);
  clearTimeout(limit);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** Text of a stream, with those who wait for something in it. */
class WatchedText {
  text = "";
  readonly ended: Promise<void>;
  readonly #waiting = new Set<{ pattern: RegExp; done: PromiseWithResolvers<void> }>();
  #isEnded = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  until(pattern: RegExp): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.add({ pattern, done });
    this.#settle();
    return done.promise;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      this.text += decoder.decode(bytes, { stream: true });
      this.#settle();
    }
    this.#isEnded = true;
    this.#settle();
  }

  #settle(): void {
    for (const waiting of this.#waiting) {
      const isFound = waiting.pattern.test(this.text);
      if (!isFound && !this.#isEnded) continue;
      this.#waiting.delete(waiting);
      if (isFound) waiting.done.resolve();
      else {waiting.done.reject(
          new Error(`orilla ended without ${waiting.pattern}; it wrote:\n${this.text}`),
        );}
    }
  }
}
