import { DELTA_LOG_FOLDER } from "../core/lake_path.ts";
import type { LakeFiles, LakeStorage } from "./storage.ts";

/** A table's log, as it is read. Names have no folder. */
export interface DeltaFiles {
  /** Names from `first` on, in their order. */
  list(first: string): Promise<readonly string[]>;
  /** Null where there is nothing of that name. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** The same, to append to. */
export interface DeltaStorage extends DeltaFiles {
  /**
   * Makes a file durable as a whole, or leaves the one of that name as it is: that one is durable then.
   *
   * @returns whether it was made
   */
  putIfAbsent(name: string, bytes: Uint8Array): Promise<boolean>;
  /** Makes a file durable in place of one of that name. Readers may find none meanwhile. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes files; one that is gone already is fine. */
  remove(names: readonly string[]): Promise<void>;
}

/** The log of the lake's table, to look at. */
export function deltaFiles(files: LakeFiles): DeltaFiles {
  return {
    list: async (first) => (await files.list(DELTA_LOG_FOLDER)).filter((name) => name >= first),
    read: (name) => files.readIfThere(pathOf(name)),
  };
}

/** The log of the lake's table, to append to. */
export function deltaStorage(storage: LakeStorage): DeltaStorage {
  const putIfAbsent = (name: string, bytes: Uint8Array) =>
    storage.putIfAbsent(pathOf(name), bytes, "table:link");
  const labels = { remove: "table:remove", fsync: "table:folder" } as const;
  const remove = (names: readonly string[]) => storage.removePublished(names.map(pathOf), labels);
  return {
    ...deltaFiles(storage),
    putIfAbsent,
    remove,
    replace: async (name, bytes) => {
      await remove([name]);
      await putIfAbsent(name, bytes);
    },
  };
}

function pathOf(name: string): string {
  return `${DELTA_LOG_FOLDER}/${name}`;
}
