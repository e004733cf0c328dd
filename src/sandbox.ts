import { dirname, isAbsolute, relative } from "node:path";
import { usageError } from "./core/errors.ts";
import type { Mode } from "./options/option.ts";
import type { FromWorker, ToWorker } from "./protocol.ts";
import { folderModeOf, makeFolderWithMode } from "./runtime/file_mode.ts";

/** What the worker may do; everything that is not named is refused. */
export interface SandboxPermissions {
  /** What the worker is for, and its name: it begins to load that at once. */
  readonly mode: Mode;
  /** Absolute path of the only folder read and written, OUT_DIR or CHECKPOINT_DIR; null for none at all. */
  readonly folder: string | null;
  /** Hosts, with or without a port, that it may reach; true for all, false for none. */
  readonly network: boolean | readonly string[];
  /** Whether it may ask how full the disk of OUT_DIR is. */
  readonly diskSpace: boolean;
  /** Environment names it may read. */
  readonly environment: readonly string[];
  /** Whether it makes Parquet, which a worker of its own does for it. */
  readonly encodes?: boolean;
  /** The worker's module; another one where a test probes the sandbox. */
  readonly module?: URL;
}

/** A running worker. */
export interface Sandbox {
  /** @param given what the message gives away */
  readonly tell: (message: ToWorker, given?: readonly Transferable[]) => void;
  readonly terminate: () => void;
  /** The port that the encoder is reached through; null where nothing is encoded. */
  readonly encoder: MessagePort | null;
}

// By names of deno.json: in the executable they stand for other files than here.
const WORKER = new URL(import.meta.resolve("orilla/worker"));
const ENCODER = new URL(import.meta.resolve("orilla/encoder_worker"));

/** Starts the worker that makes Parquet, which may do nothing but compute; resolves with its port. */
async function startEncoder(): Promise<MessagePort> {
  const worker = new Worker(ENCODER, {
    type: "module",
    name: "encoder",
    deno: { permissions: "none" },
  });
  await new Promise((resolve) => worker.onmessage = resolve);
  const { port1, port2 } = new MessageChannel();
  worker.postMessage(port1, [port1]);
  return port2;
}

/**
 * Starts the workers with narrowed permissions and, once their modules are loaded, gives up this thread's own.
 * From then on the process can reach the network (where allowed) and OUT_DIR, and nothing else.
 *
 * @param onMessage told of everything that the worker says after it is ready
 * @param onError told when the worker ends by an error that it did not catch
 */
export async function startSandbox(
  { mode, folder, network, diskSpace, environment, encodes = false, module = WORKER }:
    SandboxPermissions,
  { onMessage, onError }: {
    readonly onMessage: (message: FromWorker) => void;
    readonly onError: (message: string) => void;
  },
): Promise<Sandbox> {
  const folders = folder === null ? false : [folder];
  const worker = new Worker(module, {
    type: "module",
    name: mode,
    deno: {
      permissions: {
        net: typeof network === "boolean" ? network : [...network],
        read: folders,
        write: folders,
        env: [...environment],
        run: false,
        ffi: false,
        // Not every start allows it, and metrics can do without.
        sys: diskSpace && mayAskDiskSpace() ? ["statfs"] : false,
        import: false,
      },
    },
  });
  worker.onerror = (event) => {
    event.preventDefault();
    onError(event.message);
  };
  // Messages that arrive while the worker's modules are still evaluated are lost, so wait for its word.
  const isReady = new Promise<void>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "ready") resolve();
      else onMessage(data);
    };
  });
  // This one second: its thread is made while the modules of the other, which are more, are loaded.
  const encoder = encodes ? await startEncoder() : null;
  await isReady;
  for (const name of ["read", "write", "net", "env", "sys", "run", "ffi"] as const) {
    await Deno.permissions.revoke({ name });
  }
  return {
    tell: (message, given = []) => worker.postMessage(message, [...given]),
    terminate: () => worker.terminate(),
    encoder,
  };
}

function mayAskDiskSpace(): boolean {
  return Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state === "granted";
}

/** A folder, and the option that names it. */
export interface GivenFolder {
  readonly flag: "--out-dir" | "--checkpoint-dir";
  readonly path: string;
}

/**
 * Resolves OUT_DIR or CHECKPOINT_DIR, symbolic links included, since permissions go by real paths.
 *
 * @param madeFor the mode of files that it is made for, where it is missing; null where it must be there
 *
 * @throws OrillaError with exit code 2 where it cannot be had
 */
export async function prepareFolder(
  { flag, path }: GivenFolder,
  madeFor: number | null,
): Promise<string> {
  try {
    if (madeFor !== null) await makeFolders(path, folderModeOf(madeFor));
    const real = await Deno.realPath(path);
    if (!(await Deno.stat(real)).isDirectory) throw new Error("it is not a folder");
    return real;
  } catch (error) {
    if (madeFor === null && error instanceof Deno.errors.NotFound) {
      throw usageError(
        `Cannot find ${flag} ${path}: expected the folder of a lake, which simulate or consumer makes`,
        error,
      );
    }
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(
      `Cannot use ${flag} ${path}: expected a folder that can be written: ${why}`,
      error,
    );
  }
}

/** As `prepareFolder`, for a look at what is there: null where there is nothing of that name. */
export async function findFolder(folder: GivenFolder): Promise<string | null> {
  try {
    await Deno.stat(folder.path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
  }
  return await prepareFolder(folder, null);
}

/**
 * Refuses a key file in OUT_DIR: whoever gets at the data would have the key with it.
 *
 * @param outDir as `prepareFolder` resolved it
 * @throws OrillaError with exit code 2
 */
export async function refuseKeyFileIn(outDir: string, path: string): Promise<void> {
  const { isFile } = await Deno.stat(path);
  // A pipe, as shells make of <(…), lies nowhere.
  if (!isFile) return;
  const way = relative(outDir, await Deno.realPath(path));
  if (/^\.\.([/\\]|$)/.test(way) || isAbsolute(way)) return;
  throw usageError(
    `Cannot use --encryption-key-file ${path}: expected a file outside of --out-dir. Beside the data a key ` +
      `protects nothing`,
  );
}

/** Makes a folder with those above it that are missing, all of them with that mode. */
async function makeFolders(path: string, mode: number): Promise<void> {
  try {
    await makeFolderWithMode(path, mode);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    const parent = dirname(path);
    if (!(error instanceof Deno.errors.NotFound) || parent === path) throw error;
    await makeFolders(parent, mode);
    await makeFolders(path, mode);
  }
}
