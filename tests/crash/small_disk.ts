/** A disk of a few megabytes of the test's own, mounted as OUT_DIR. */
export interface SmallDisk extends AsyncDisposable {
  /** Where it is mounted: OUT_DIR. */
  readonly path: string;
  /** Makes it larger or smaller, as if somebody had made room, or taken it. */
  resize(size: string): Promise<void>;
  /** Makes it read-only, or writable again. Only where no process has files open for writing. */
  remount(mode: "ro" | "rw"): Promise<void>;
  /** Makes it read-only under a process that has files open, until the result is disposed. */
  coverReadOnly(): Promise<AsyncDisposable>;
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, stdout: "null" }).output();
  if (success) return;
  throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Does something that fails while a process has a file open for writing, which it has for moments only. */
async function patiently(action: () => Promise<void>): Promise<void> {
  for (let triesLeft = 200; triesLeft > 0; triesLeft--) {
    try {
      return await action();
    } catch (error) {
      if (triesLeft === 1) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** Mounts a small disk; it is unmounted, and its mount point removed, when it is disposed. */
export async function smallDisk(size: string): Promise<SmallDisk> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "orilla_disk_" }));
  try {
    await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path);
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
  return {
    path,
    resize: (larger) => run("mount", "-o", `remount,size=${larger}`, path),
    remount: (mode) => run("mount", "-o", `remount,${mode}`, path),
    coverReadOnly: async () => {
      // A mount of its own has no files open, so it can be made read-only; paths lead to it from then on.
      await run("mount", "--bind", path, path);
      await patiently(() => run("mount", "-o", "remount,bind,ro", path));
      return { [Symbol.asyncDispose]: () => run("umount", path) };
    },
    [Symbol.asyncDispose]: async () => {
      await run("umount", "--recursive", "--lazy", path);
      await Deno.remove(path);
    },
  };
}

/** Why small disks cannot be had here; null where they can. */
export async function whyNoSmallDisk(): Promise<string | null> {
  if (Deno.build.os !== "linux") return "tmpfs is Linux's";
  if (Deno.uid() !== 0) return "only root may mount";
  try {
    await using _disk = await smallDisk("1m");
    return null;
  } catch (error) {
    return `nothing can be mounted here: ${error instanceof Error ? error.message.trim() : error}`;
  }
}

const why = await whyNoSmallDisk();

/** A test that needs a disk of its own; ignored, with the reason in its name, where there is none. */
export function diskTest(
  name: string,
  size: string,
  action: (disk: SmallDisk) => Promise<void>,
): void {
  Deno.test({
    name: why === null ? name : `${name} (ignored: ${why})`,
    ignore: why !== null,
    fn: async () => {
      await using disk = await smallDisk(size);
      await action(disk);
    },
  });
}
