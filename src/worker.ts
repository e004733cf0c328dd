/// <reference lib="deno.worker" />
import type { CommandContext } from "./commands/context.ts";
import { consume } from "./commands/consumer.ts";
import { produce } from "./commands/producer.ts";
import { rebuildCheckpoint } from "./commands/rebuild.ts";
import { reportLake } from "./commands/report.ts";
import { simulate } from "./commands/simulate.ts";
import { traceId } from "./commands/trace.ts";
import { verifyLake } from "./commands/verify.ts";
import { diagnose } from "./commands/doctor.ts";
import { showStatus } from "./commands/status.ts";
import { exportDeadLetters } from "./commands/dlq_export.ts";
import { listDeadLetters } from "./commands/dlq_list.ts";
import { purgeDeadLetters } from "./commands/dlq_purge.ts";
import { replayDeadLetters } from "./commands/dlq_replay.ts";
import { showDeadLetter } from "./commands/dlq_show.ts";
import type { Mode } from "./options/option.ts";
import { messageOf, OrillaError } from "./core/errors.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { encodeThere, noEncoder } from "./lake/encoder.ts";
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

function run(mode: Mode, context: CommandContext): Promise<void> {
  switch (mode) {
    case "simulate":
      return simulate(context);
    case "producer":
      return produce(context);
    case "consumer":
      return consume(context);
    case "verify":
      return verifyLake(context);
    case "rebuild":
      return rebuildCheckpoint(context);
    case "trace":
      return traceId(context);
    case "status":
      return showStatus(context);
    case "doctor":
      return diagnose(context);
    case "report":
      return reportLake(context);
    case "dlq list":
      return listDeadLetters(context);
    case "dlq show":
      return showDeadLetter(context);
    case "dlq export":
      return exportDeadLetters(context);
    case "dlq replay":
      return replayDeadLetters(context);
    case "dlq purge":
      return purgeDeadLetters(context);
    default:
      return mode satisfies never;
  }
}

async function start(
  { mode, encoder, kind: _kind, ...told }: Extract<ToWorker, { kind: "run" }>,
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
  const encode = encoder === null ? noEncoder : encodeThere(encoder);
  const context = { ...told, encode, version: VERSION, reporter, log, ...pipes };
  try {
    await run(mode, { ...context, stop: stop.signal });
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
    const exitCode = error instanceof OrillaError ? error.exitCode : 1;
    const stack = config.logLevel === "debug" && error instanceof Error ? `\n${error.stack}` : "";
    post({ kind: "end", exitCode, message: scrub(messageOf(error) + stack) });
  }
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
