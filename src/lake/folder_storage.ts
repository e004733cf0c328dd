import { folderOf, STAGING_FOLDER } from "../core/lake_path.ts";
import type { Files } from "../runtime/files.ts";
import type { OperationLabel } from "../runtime/operations.ts";
import { publish, publishUnlisted, recoverLake, removeIfThere } from "./publishing.ts";
import { prepareStaging } from "./staging.ts";
import type { FileToPublish, GrowingStage, LakeStorage } from "./storage.ts";

/** A lake in a folder: files are staged below it, and linked to their final names. */
export class FolderStorage implements LakeStorage {
  /** So many that the disk syncs some while others are encoded. */
  readonly stagesAtOnce = 8;
  readonly hasOneWriter = true;
  readonly readsStaged = true;
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  get location(): string {
    return this.#files.absolute(".");
  }

  absolute(path: string): string {
    return this.#files.absolute(path);
  }

  prepare(): Promise<void> {
    return prepareStaging(this.#files);
  }

  async stage(path: string, bytes: Uint8Array): Promise<string> {
    await this.#files.writeDurably(path, bytes, { write: "stage:write", fsync: "stage:fsync" });
    return path;
  }

  async stageMerged(path: string): Promise<GrowingStage> {
    const file = await this.#files.begin(path, { write: "compact:write", fsync: "compact:fsync" });
    return {
      append: (bytes) => file.append(bytes),
      finish: async () => {
        await file.sync();
        await this.#files.syncFolder(STAGING_FOLDER, "compact:folder");
      },
      [Symbol.asyncDispose]: () => {
        file[Symbol.dispose]();
        return Promise.resolve();
      },
    };
  }

  syncStaged(): Promise<void> {
    return this.#files.syncFolder(STAGING_FOLDER, "stage:folder");
  }

  publish(manifest: readonly FileToPublish[]): Promise<void> {
    return publish(this.#files, manifest);
  }

  publishUnlisted(stagedPaths: readonly string[]): Promise<void> {
    return publishUnlisted(this.#files, stagedPaths);
  }

  async dropStaged(stagedPaths: readonly string[]): Promise<void> {
    for (const path of stagedPaths) {
      if (await this.#files.exists(path)) {
        await removeIfThere(this.#files, path, "recover:remove");
      }
    }
  }

  recover(unpublished: readonly FileToPublish[], mayDrop?: (stagedName: string) => boolean) {
    return recoverLake(this.#files, unpublished, mayDrop);
  }

  async removePublished(
    paths: readonly string[],
    labels: { readonly remove: OperationLabel; readonly fsync: OperationLabel },
  ): Promise<void> {
    for (const path of paths) {
      if (await this.#files.exists(path)) await removeIfThere(this.#files, path, labels.remove);
    }
    for (const folder of new Set(paths.map(folderOf))) {
      if (await this.#files.exists(folder)) await this.#files.syncFolder(folder, labels.fsync);
    }
  }

  putIfAbsent(path: string, bytes: Uint8Array, label: OperationLabel): Promise<boolean> {
    return this.#files.putIfAbsent(path, bytes, label);
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#files.list(folder);
  }

  listByPrefix(prefix: string): Promise<readonly string[]> {
    return this.#files.listByPrefix(prefix);
  }

  exists(path: string): Promise<boolean> {
    return this.#files.exists(path);
  }

  size(path: string): Promise<number | null> {
    return this.#files.size(path);
  }

  read(path: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#files.read(path);
  }

  readRange(path: string, range: { readonly start: number; readonly end: number }) {
    return this.#files.readRange(path, range);
  }

  checksum(path: string): Promise<string> {
    return this.#files.checksum(path);
  }

  readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return this.#files.readIfThere(path);
  }
}
