/// <reference lib="deno.worker" />
import type { CommandContext } from "./commands/context.ts";
import { type Mode, MODES } from "./options/option.ts";
import { messageOf, OrillaError, StoppedBeforeStart } from "./core/errors.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { noEncoder } from "./lake/encoder.ts";
import { encoderThere } from "./lake/encoder_port.ts";
import { mergeThere } from "./lake/merge_port.ts";
import { noMerger } from "./lake/merger.ts";
import { Answers } from "./runtime/answers.ts";
import { SimulatedCrash } from "./runtime/operations.ts";
import { setUpLogs } from "./runtime/logs.ts";
import { scrub } from "./runtime/scrub.ts";
import { VERSION } from "./version.ts";

/** The worker: everything that touches input from outside runs here, with narrowed permissions. */
const stop = new AbortController();

/** Exit code of a process that was killed (128 + SIGKILL), which a planned crash stands for. */
const CRASHED = 137;

function post(message: FromWorker): void {
  self.postMessage(message);
}

const input = new Answers<Uint8Array | null>(() => post({ kind: "read" }));
const flushes = new Answers<void>(() => post({ kind: "flush" }));

type Run = (context: CommandContext) => Promise<void>;

/** The modules of each mode; all of them would take half as long again as those of one. */
const MODULES: Readonly<Record<Mode, () => Promise<Run>>> = {
  simulate: async () => (await import("./commands/simulate.ts")).simulate,
  producer: async () => (await import("./commands/producer.ts")).produce,
  consumer: async () => (await import("./commands/consumer.ts")).consume,
  verify: async () => (await import("./commands/verify.ts")).verifyLake,
  rebuild: async () => (await import("./commands/rebuild.ts")).rebuildCheckpoint,
  trace: async () => (await import("./commands/trace.ts")).traceId,
  status: async () => (await import("./commands/status.ts")).showStatus,
  doctor: async () => (await import("./commands/doctor.ts")).diagnose,
  report: async () => (await import("./commands/report.ts")).reportLake,
  compact: async () => (await import("./commands/compact.ts")).compactLake,
  "dlq list": async () => (await import("./commands/dlq_list.ts")).listDeadLetters,
  "dlq show": async () => (await import("./commands/dlq_show.ts")).showDeadLetter,
  "dlq export": async () => (await import("./commands/dlq_export.ts")).exportDeadLetters,
  "dlq replay": async () => (await import("./commands/dlq_replay.ts")).replayDeadLetters,
  "dlq purge": async () => (await import("./commands/dlq_purge.ts")).purgeDeadLetters,
};

/** Begun at once: it takes longer than everything that has to be done before a run. */
const loading = loadMode(self.name);
// Whoever awaits it below sees the failure too.
loading.catch(() => {});

async function loadMode(name: string): Promise<Run> {
  const mode = MODES.find((mode) => mode === name);
  if (mode === undefined) throw new Error(`Assertion failed: ${name} is a mode`);
  return await MODULES[mode]();
}

async function start(
  { encoder: port, kind: _kind, ...told }: Extract<ToWorker, { kind: "run" }>,
): Promise<void> {
  const { config } = told;
  const log = setUpLogs({
    format: config.logFormat === "text" ? "text" : "json",
    level: config.logLevel,
    write: (line) => post({ kind: "log", line }),
  });
  const reporter = {
    print: (text: string) => post({ kind: "print", text }),
    progress: (progress: CommandProgress) => post({ kind: "progress", progress }),
  };
  const pipes = { readInput: () => input.ask(), flush: () => flushes.ask() };
  const encoder = port === null ? noEncoder : encoderThere(port);
  const merge = port === null ? noMerger : mergeThere(port);
  const context = { ...told, encoder, merge, version: VERSION, reporter, log, ...pipes };
  try {
    const run = await loading;
    await run({ ...context, stop: stop.signal });
    post({ kind: "end", exitCode: 0, message: null });
  } catch (error) {
    if (error instanceof SimulatedCrash) {
      post({
        kind: "end",
        exitCode: CRASHED,
        message: `${error.message}; start again to see it recover`,
      });
      return;
    }
    const exitCode = exitCodeOf(error);
    const stack = config.logLevel === "debug" && error instanceof Error ? `\n${error.stack}` : "";
    post({ kind: "end", exitCode, message: scrub(messageOf(error) + stack) });
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StoppedBeforeStart) return 0;
  return error instanceof OrillaError ? error.exitCode : 1;
}

type CommandProgress = Extract<FromWorker, { kind: "progress" }>["progress"];

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  switch (data.kind) {
    case "run":
      void start(data);
      break;
    case "stop":
      stop.abort();
      break;
    case "input":
      input.answer(data.bytes);
      break;
    case "flushed":
      flushes.answer();
      break;
    default:
      data satisfies never;
  }
};

post({ kind: "ready" });
