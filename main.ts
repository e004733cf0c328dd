import { answer } from "./src/about/answer.ts";
import { type Command, parseCommandLine } from "./src/cli.ts";
import type { Config } from "./src/config.ts";
import { readConfigFile } from "./src/config_file.ts";
import { listenAddressOf } from "./src/options/http_options.ts";
import { ENCODERS, KAFKA, LAKE, type Mode, STARTERS } from "./src/options/option.ts";
import { hasFolder, s3AddressOf, s3PlaceOf } from "./src/options/s3_options.ts";
import { authorityOf } from "./src/http/address.ts";
import type { StoreAccess } from "./src/checkpoint/commit_store.ts";
import { messageOf, OrillaError } from "./src/core/errors.ts";
import { hostOf, parseStoreUrl } from "./src/core/store_url.ts";
import { s3PlaceText } from "./src/core/s3_place.ts";
import { type KeyRing, pseudonymKeyOf, readKeyFile } from "./src/runtime/key_file.ts";
import type { FromWorker, ToWorker } from "./src/protocol.ts";
import {
  findFolder,
  prepareFolder,
  refuseKeyFileIn,
  type Sandbox,
  startSandbox,
} from "./src/sandbox.ts";
import { lookAround } from "./src/surroundings.ts";
import { scrub } from "./src/runtime/scrub.ts";
import { readHttpToken, readS3Credentials, readSecurity, readStore } from "./src/security_files.ts";
import { StatusLine, terminalTraits } from "./src/terminal.ts";
import { VERSION } from "./src/version.ts";

/** The environment names that kafkajs reads at import, and postgres when it connects. */
const LIBRARIES_ENVIRONMENT = [
  "NODE_ENV",
  "KAFKAJS_LOG_LEVEL",
  "KAFKAJS_DEBUG_PROTOCOL_BUFFERS",
  "KAFKAJS_DEBUG_EXTENDED_PROTOCOL_BUFFERS",
  "PGAPPNAME",
];

const encoder = new TextEncoder();

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let written = 0; written < bytes.length;) {
    written += stream.writeSync(bytes.subarray(written));
  }
}

const traits = terminalTraits((name) => Deno.env.get(name));
const isTerminal = Deno.stderr.isTerminal() && !traits.isDumb;
const status = new StatusLine({
  ...traits,
  isTerminal,
  columns: () => Deno.consoleSize().columns,
  write: (text) => writeAll(Deno.stderr, text),
});

/** Ends the process; the one place that does. */
function exit(exitCode: number, message: string | null = null): never {
  status.clear();
  if (message !== null) writeAll(Deno.stderr, `orilla: ${scrub(message)}\n`);
  Deno.exit(exitCode);
}

const input = new Uint8Array(65_536);

/** @param answer tells the worker what it asked for */
async function onMessage(
  message: FromWorker,
  answer: (message: ToWorker) => void,
): Promise<void> {
  switch (message.kind) {
    case "ready":
      return;
    case "log":
      return status.log(message.line);
    case "print":
      status.clear();
      return print(message.text);
    case "progress":
      return status.progress(message.progress);
    case "read": {
      const count = await Deno.stdin.read(input);
      return answer({ kind: "input", bytes: count === null ? null : input.slice(0, count) });
    }
    case "flush":
      return answer({ kind: "flushed" });
    case "end":
      return exit(message.exitCode, message.message);
    default:
      message satisfies never;
  }
}

/** Before anything is written, and while this thread may still read it. */
async function readKeys(config: Config): Promise<KeyRing | null> {
  if (config.encryptionKeyFile === null) return null;
  const keys = await readKeyFile(config.encryptionKeyFile);
  if (config.pseudonymizeFields.length > 0) pseudonymKeyOf(keys);
  return keys;
}

/** Prints a result; whoever reads it may have had enough (`orilla dlq export | head`). */
function print(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) exit(0);
    throw error;
  }
}

/** A replay needs brokers only where it sends to them. */
function usesNetwork(mode: Mode, { toTopic, dryRun }: Config): boolean {
  return mode === "dlq replay" ? toTopic !== null && !dryRun : KAFKA.includes(mode);
}

/** Which hosts the worker may reach, or listen on: true for all, false for none. */
function networkOf(
  mode: Mode,
  config: Config,
  { url }: StoreAccess,
): boolean | readonly string[] {
  const { allowedHosts } = config;
  const usesKafka = usesNetwork(mode, config);
  if (usesKafka && allowedHosts.length === 0) return true;
  const address = listenAddressOf(mode, config);
  const place = LAKE.includes(mode) ? s3PlaceOf(config) : null;
  const all = [
    ...(usesKafka ? allowedHosts : []),
    ...(address === null ? [] : [authorityOf(address)]),
    ...(url === null ? [] : [hostOf(parseStoreUrl(url))]),
    ...(place === null ? [] : [s3AddressOf(config, place).host]),
  ];
  return all.length > 0 && all;
}

/**
 * Absolute path of the folder of the checkpoint: OUT_DIR, or CHECKPOINT_DIR where that is a bucket. null where there is
 * no need for one, or the mode looks at what there is and finds none.
 */
async function checkpointDirOf(mode: Mode, config: Config): Promise<string | null> {
  if (!LAKE.includes(mode) || !hasFolder(config)) return null;
  const { outDir, checkpointDir, fileMode } = config;
  const folder = checkpointDir === null
    ? { flag: "--out-dir", path: outDir } as const
    : { flag: "--checkpoint-dir", path: checkpointDir } as const;
  if (mode === "doctor") return await findFolder(folder);
  const isMade = STARTERS.includes(mode) || mode === "rebuild" && checkpointDir !== null;
  return await prepareFolder(folder, isMade ? fileMode : null);
}

/** The first signal lets a run finish what it has begun, for SHUTDOWN_TIMEOUT_MS at most; a second one ends it at once. */
function drainOnSignal(
  worker: Sandbox,
  { shutdownTimeoutMs }: Config,
  isText: boolean,
): void {
  let isStopping = false;
  const stop = () => {
    if (isStopping) {
      exit(1, "stopped at once by a second signal; the next start goes on from the last commit");
    }
    isStopping = true;
    if (isText) status.log("Stopping; a second Ctrl-C ends at once");
    worker.tell({ kind: "stop" });
    setTimeout(() => {
      exit(
        1,
        `the drain took longer than --shutdown-timeout-ms ${shutdownTimeoutMs}; ` +
          "the next start goes on from the last commit",
      );
    }, shutdownTimeoutMs);
  };
  for (
    const signal of Deno.build.os === "windows"
      ? ["SIGINT"] as const
      : ["SIGINT", "SIGTERM"] as const
  ) {
    Deno.addSignalListener(signal, stop);
  }
}

async function runMode(mode: Mode, config: Config): Promise<void> {
  const keys = await readKeys(config);
  const security = await readSecurity(config);
  const httpToken = await readHttpToken(config);
  const store = await readStore(config);
  const s3Credentials = LAKE.includes(mode) ? await readS3Credentials(config) : null;
  const checkpointDir = await checkpointDirOf(mode, config);
  if (checkpointDir !== null && config.encryptionKeyFile !== null) {
    await refuseKeyFileIn(checkpointDir, config.encryptionKeyFile);
  }
  const surroundings = mode === "doctor" ? await lookAround(config, checkpointDir) : null;
  const isText = config.logFormat === "auto" && Deno.stderr.isTerminal();
  const logFormat = isText ? "text" : config.logFormat;
  const permissions = {
    mode,
    folder: checkpointDir,
    network: networkOf(mode, config, store),
    diskSpace: ENCODERS.includes(mode) && checkpointDir !== null,
    environment: LIBRARIES_ENVIRONMENT,
    encodes: ENCODERS.includes(mode),
  };
  const worker = await startSandbox(permissions, {
    onMessage: (message) => void onMessage(message, (answer) => worker.tell(answer)),
    onError: (message) => exit(1, `stopped by a defect: ${message}. Nothing is lost; start again`),
  });
  drainOnSignal(worker, config, isText);
  const s3Place = s3PlaceOf(config);
  const command = {
    // The worker gets them apart from the configuration.
    config: { ...config, logFormat, s3SecretAccessKey: null, s3SessionToken: null },
    security,
    store,
    httpToken,
    s3Credentials,
    outDir: s3Place === null ? checkpointDir ?? "" : s3PlaceText(s3Place),
    checkpointDir: checkpointDir ?? "",
    surroundings,
    keys,
    encoder: worker.encoder,
  };
  worker.tell({ kind: "run", ...command }, worker.encoder === null ? [] : [worker.encoder]);
}

async function main(command: Command): Promise<void> {
  switch (command.kind) {
    case "help":
    case "version":
    case "completions":
    case "config":
    case "schema":
      return print(answer(command, VERSION));
    default:
      return await runMode(command.kind, command.config);
  }
}

if (import.meta.main) {
  try {
    const environment = (name: string) => Deno.env.get(name);
    await main(parseCommandLine(Deno.args, { environment, readFile: readConfigFile }));
  } catch (error) {
    exit(error instanceof OrillaError ? error.exitCode : 1, messageOf(error));
  }
}
