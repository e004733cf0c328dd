import { createHash } from "node:crypto";
import { damagedError } from "../core/errors.ts";
import { folderOf, STAGING_FOLDER } from "../core/lake_path.ts";
import type { DiskSpace } from "../core/metrics.ts";
import { folderModeOf, makeFolderWithMode, OWNER_ONLY, undoUmask } from "./file_mode.ts";
import { freeSpaceAt } from "./free_space.ts";
import { type DurableLabels, GrowingFile, writeAll } from "./growing_file.ts";
import { type FaultHooks, noFaults, operate, type OperationLabel } from "./operations.ts";

const PIECE_BYTES = 1 << 20;

/**
 * The files below OUT_DIR. The one place that changes them: each call names its operation, and paths are
 * relative to OUT_DIR. Calls are asynchronous, so that heartbeats go on while a slow disk syncs.
 */
export class Files {
  readonly #root: string;
  readonly #hooks: FaultHooks;
  readonly #fileMode: number;
  readonly #unsyncedFolders = new Set<string>();
  /** Folders that were asked for: whoever did syncs what holds them. */
  readonly #namedFolders = new Set<string>();
  /** Tells names of this process from those of others that write here. */
  readonly #id = crypto.randomUUID().slice(0, 8);

  /**
   * @param root absolute path of OUT_DIR, which exists
   * @param fileMode the mode of files made here, whatever the umask; folders have x where files have r
   */
  constructor(
    root: string,
    hooks: FaultHooks = noFaults,
    { fileMode = OWNER_ONLY }: { readonly fileMode?: number } = {},
  ) {
    this.#root = root;
    this.#hooks = hooks;
    this.#fileMode = fileMode;
  }

  /** The absolute path of one relative to OUT_DIR. */
  absolute(path: string): string {
    return path === "." ? this.#root : `${this.#root}/${path}`;
  }

  /** Writes a new file, replacing one that a crash left, and makes its bytes durable. */
  async writeDurably(path: string, bytes: Uint8Array, labels: DurableLabels): Promise<void> {
    using file = await this.begin(path, labels);
    await file.append(bytes);
    await file.sync();
  }

  /**
   * Begins a new file that grows bit by bit, replacing one that a crash left.
   *
   * @param labels of each write, and of the one that makes its bytes durable
   */
  async begin(path: string, labels: DurableLabels): Promise<GrowingFile> {
    return new GrowingFile(await this.#createAnew(path), { path, hooks: this.#hooks, labels });
  }

  /** Bytes of a file from `start` up to, not including, `end`. Throws where it has fewer. */
  async readRange(
    path: string,
    { start, end }: { readonly start: number; readonly end: number },
  ): Promise<Uint8Array<ArrayBuffer>> {
    using file = await Deno.open(this.absolute(path), { read: true });
    await file.seek(start, Deno.SeekMode.Start);
    const bytes = new Uint8Array(end - start);
    for (let count = 0; count < bytes.length;) {
      const read = await file.read(bytes.subarray(count));
      if (read === null) throw new Error(`${path} ends before byte ${end}`);
      count += read;
    }
    return bytes;
  }

  /** Replaces a file as a whole: readers see the old or the new one. Not synced: for what can be made again. */
  async replace(path: string, bytes: Uint8Array, labels: {
    readonly write: OperationLabel;
    readonly rename: OperationLabel;
  }): Promise<void> {
    const temporary = `${path}.new`;
    await this.#removeLeftover(temporary);
    await operate(this.#hooks, { label: labels.write, path: temporary }, async () => {
      const count = this.#hooks.written(labels.write, temporary, bytes.length);
      using file = await this.#create(temporary);
      await writeAll(file, bytes.subarray(0, count));
    });
    await operate(this.#hooks, { label: labels.rename, path }, () => {
      return Deno.rename(this.absolute(temporary), this.absolute(path));
    });
  }

  /** Gives a staged file its final name beside its staged one. Never replaces: throws Deno.errors.AlreadyExists. */
  async link(from: string, to: string, label: OperationLabel): Promise<void> {
    await operate(this.#hooks, { label, path: to }, () => {
      return Deno.link(this.absolute(from), this.absolute(to));
    });
  }

  /**
   * Puts a file in its place, durably and as a whole, unless there is one of that name, which is durable then.
   *
   * @returns whether this call put it there
   */
  async putIfAbsent(path: string, bytes: Uint8Array, label: OperationLabel): Promise<boolean> {
    const folder = folderOf(path);
    for (const needed of [STAGING_FOLDER, folder]) await this.makeFolder(needed, "table:mkdir");
    for (const unsynced of this.unsyncedFolders) await this.syncFolder(unsynced, "table:folder");
    // The name is this process's own, and the same when it is tried again.
    const staged = `${STAGING_FOLDER}/${path.replaceAll("/", "__")}.${this.#id}`;
    await this.writeDurably(staged, bytes, { write: "table:write", fsync: "table:fsync" });
    const isMade = await this.#linkIfAbsent(staged, path, label);
    // Also where an earlier try made it, and was interrupted before this.
    await this.syncFolder(folder, "table:folder");
    await this.remove(staged, "table:unlink");
    return isMade;
  }

  async #linkIfAbsent(from: string, to: string, label: OperationLabel): Promise<boolean> {
    try {
      await this.link(from, to, label);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    }
  }

  /** Renames a file. Replaces one of that name: for files that readers of the lake do not see. */
  async move(from: string, to: string, label: OperationLabel): Promise<void> {
    await operate(this.#hooks, { label, path: to }, () => {
      return Deno.rename(this.absolute(from), this.absolute(to));
    });
  }

  async remove(path: string, label: OperationLabel): Promise<void> {
    await operate(this.#hooks, { label, path }, () => Deno.remove(this.absolute(path)));
  }

  /**
   * Makes a folder, with its parents. The folders that hold them are `unsyncedFolders` from then on.
   *
   * @throws OrillaError with exit code 3 where a symbolic link stands in its place: Deno's permissions would
   * follow it out of OUT_DIR
   */
  async makeFolder(path: string, label: OperationLabel): Promise<void> {
    if (path === ".") return;
    const parent = folderOf(path);
    await this.makeFolder(parent, label);
    await this.refuseLink(path);
    // One that is there may be new too: another process, or a run that was cut short, made it.
    const isThere = await this.exists(path);
    if (!isThere || !this.#namedFolders.has(path)) this.#unsyncedFolders.add(parent);
    this.#namedFolders.add(path);
    if (isThere) return;
    // Not recursive: where OUT_DIR itself was taken away, no other one is begun in its place.
    await operate(this.#hooks, { label, path }, async () => {
      try {
        await makeFolderWithMode(this.absolute(path), folderModeOf(this.#fileMode));
      } catch (error) {
        // Another process that writes here was faster.
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    });
    await this.refuseLink(path);
  }

  /** Folders that hold a folder whose name may not be durable yet. */
  get unsyncedFolders(): Iterable<string> {
    return [...this.#unsyncedFolders];
  }

  /** Makes a folder's entries durable. */
  async syncFolder(path: string, label: OperationLabel): Promise<void> {
    using folder = await Deno.open(this.absolute(path), { read: true });
    await operate(this.#hooks, { label, path }, () => folder.sync());
    this.#unsyncedFolders.delete(path);
  }

  async exists(path: string): Promise<boolean> {
    return await this.size(path) !== null;
  }

  /** Bytes of a file, null where there is none. */
  async size(path: string): Promise<number | null> {
    return (await ifFound(() => Deno.lstat(this.absolute(path))))?.size ?? null;
  }

  /** @throws OrillaError with exit code 3 where the path is a symbolic link */
  async refuseLink(path: string): Promise<void> {
    const link = await ifFound(() => Deno.lstat(this.absolute(path)));
    if (link?.isSymlink !== true) return;
    throw damagedError(
      `${
        this.absolute(path)
      } is a symbolic link; orilla writes to no place outside of OUT_DIR. Remove it, or ` +
        `give the place it leads to as --out-dir`,
    );
  }

  /** Opens a new file of its own: a link of that name would be followed otherwise. */
  async #create(path: string): Promise<Deno.FsFile> {
    const mode = this.#fileMode;
    const file = await Deno.open(this.absolute(path), { write: true, createNew: true, mode });
    try {
      await undoUmask(this.absolute(path), mode, (await file.stat()).mode);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The same where a crash may have left one, which is rare enough to be looked for only then. */
  async #createAnew(path: string): Promise<Deno.FsFile> {
    try {
      return await this.#create(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      await this.#removeLeftover(path);
      return await this.#create(path);
    }
  }

  async #removeLeftover(path: string): Promise<void> {
    await ifFound(() => Deno.remove(this.absolute(path)));
  }

  /** What tells a file from another one that took its place; null where there is none. */
  async identity(path: string): Promise<string | null> {
    const found = await ifFound(() => Deno.lstat(this.absolute(path)));
    return found === null ? null : `${found.dev}/${found.ino ?? 0}`;
  }

  /** SHA-256 of a file's bytes, hexadecimal; a piece of it is in memory at a time. */
  async checksum(path: string): Promise<string> {
    const hash = createHash("sha256");
    using file = await Deno.open(this.absolute(path), { read: true });
    const piece = new Uint8Array(PIECE_BYTES);
    for (let count; (count = await file.read(piece)) !== null;) {
      hash.update(piece.subarray(0, count));
    }
    return hash.digest("hex");
  }

  read(path: string): Promise<Uint8Array<ArrayBuffer>> {
    return Deno.readFile(this.absolute(path));
  }

  /** The bytes of a file, null where there is none. */
  readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return ifFound(() => this.read(path));
  }

  /** What the disk holds; null where this process may not ask (--allow-sys=statfs). */
  diskSpace(): Promise<DiskSpace | null> {
    return freeSpaceAt(this.#root);
  }

  /** Names in a folder, sorted; none where there is no such folder. */
  async list(path: string): Promise<readonly string[]> {
    return (await this.#entries(path)).map(({ name }) => name);
  }

  /** Paths of what lies in all folders whose own path begins with a text (`date=`), sorted. */
  async listByPrefix(prefix: string): Promise<readonly string[]> {
    const parent = folderOf(prefix);
    const paths: string[] = [];
    for (const { name, isFile } of await this.#entries(parent)) {
      const folder = parent === "." ? name : `${parent}/${name}`;
      if (isFile || !folder.startsWith(prefix)) continue;
      paths.push(...(await this.list(folder)).map((found) => `${folder}/${found}`));
    }
    return paths;
  }

  async #entries(path: string): Promise<readonly Deno.DirEntry[]> {
    const entries = await ifFound(() => Array.fromAsync(Deno.readDir(this.absolute(path))));
    return (entries ?? []).sort((a, b) => a.name < b.name ? -1 : 1);
  }
}

/** What an action gives, null where its file is not there. */
async function ifFound<T>(action: () => Promise<T>): Promise<T | null> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
