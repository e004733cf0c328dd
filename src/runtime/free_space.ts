import { statfs } from "node:fs/promises";
import type { DiskSpace } from "../core/metrics.ts";

/** Asks the system for the room at a path; null without the permission --allow-sys=statfs. */
export async function freeSpaceAt(path: string): Promise<DiskSpace | null> {
  try {
    const { bsize, bavail, blocks } = await statfs(path);
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return null;
    throw error;
  }
}
