import { childrenOf, descendantsOf, procText } from "../processes.ts";

/** A command to be measured. */
export interface MeasuredCommand {
  readonly path: string;
  readonly args: readonly string[];
  /** All of its environment; without it, that of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** When it is killed, in milliseconds; default an hour. */
  readonly limitMs?: number;
  /** When it gets a SIGTERM. */
  readonly endWhen?: Promise<void>;
}

/** What a command used, with all the processes that it started. */
export interface Measured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** From its start to its end. */
  readonly seconds: number;
  /** User and system time. */
  readonly cpuSeconds: number;
  /** Peaks of resident memory, added up over its processes; null where there is no /proc. */
  readonly peakBytes: number | null;
}

/** The shell tells what its children used, to the last moment: POSIX, `times`. */
const SCRIPT = '"$0" "$@"; code=$?; times >&2; exit $code';
const SAMPLE_MS = 50;
const LIMIT_MS = 3_600_000;

/** Runs a command to its end, and measures it from outside: the same way whatever it is. */
export async function runMeasured(command: MeasuredCommand): Promise<Measured> {
  const { path, args, env } = command;
  const startMs = performance.now();
  const shell = new Deno.Command("sh", {
    args: ["-c", SCRIPT, path, ...args],
    ...(env === undefined ? {} : { env, clearEnv: true }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const memory = new PeakMemory();
  const sampling = setInterval(() => memory.sample(shell.pid), SAMPLE_MS);
  const limit = setTimeout(() => killTree(shell.pid), command.limitMs ?? LIMIT_MS);
  void command.endWhen?.then(() => {
    for (const pid of childrenOf(shell.pid)) Deno.kill(pid, "SIGTERM");
  });
  const output = await shell.output();
  clearInterval(sampling);
  clearTimeout(limit);
  const seconds = (performance.now() - startMs) / 1000;
  const decoder = new TextDecoder();
  const { stderr, cpuSeconds } = splitTimes(decoder.decode(output.stderr));
  const stdout = decoder.decode(output.stdout);
  return { code: output.code, stdout, stderr, seconds, cpuSeconds, peakBytes: memory.bytes };
}

/** Takes the two lines of `times` off the end: the shell's own times, then its children's. */
function splitTimes(text: string): { readonly stderr: string; readonly cpuSeconds: number } {
  const time = String.raw`(\d+)m([\d.,]+)s`;
  const found = new RegExp(`${time} ${time}\n${time} ${time}\n$`).exec(text);
  if (found === null) return { stderr: text, cpuSeconds: NaN };
  const [userMinutes = 0, userSeconds = 0, systemMinutes = 0, systemSeconds = 0] = found.slice(5)
    .map((number) => Number(number.replace(",", ".")));
  return {
    stderr: text.slice(0, found.index),
    cpuSeconds: (userMinutes + systemMinutes) * 60 + userSeconds + systemSeconds,
  };
}

/** The kernel keeps each process's own peak, so that few samples are enough. */
class PeakMemory {
  readonly #peaks = new Map<number, number>();

  /** Bytes; null where nothing could be sampled. */
  get bytes(): number | null {
    if (this.#peaks.size === 0) return null;
    return [...this.#peaks.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Looks at all descendants of a process. */
  sample(root: number): void {
    for (const pid of descendantsOf(root)) {
      const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(procText(`${pid}/status`))?.[1];
      if (kibibytes !== undefined) this.#peaks.set(pid, Number(kibibytes) * 1024);
    }
  }
}

function killTree(root: number): void {
  for (const pid of [...descendantsOf(root), root]) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // It has ended by itself meanwhile.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
