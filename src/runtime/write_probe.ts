import type { Clock } from "./clock.ts";
import { Files } from "./files.ts";
import { noFaults } from "./operations.ts";

/** Files with this start are of write probes; readers of the lake pass over names with an underscore. */
export const PROBE_PREFIX = "_doctor_";
const ROUNDS = 5;
const PROBE_BYTES = 4_096;

/**
 * Writes a small file below OUT_DIR with fsync, a few times, and removes it.
 *
 * @param outDir absolute path
 * @param name random hexadecimal digits: two probes may run at once
 * @returns how long each fsync took, milliseconds, the shortest first
 * @throws what the system says where it cannot be written
 */
export async function probeWriting(
  outDir: string,
  { name, clock }: { readonly name: string; readonly clock: Clock },
): Promise<readonly number[]> {
  let beganMs = 0;
  const tookMs: number[] = [];
  const files = new Files(outDir, {
    ...noFaults,
    before: () => beganMs = clock.monotonicMs(),
    after: (label) => {
      if (label === "probe:fsync") tookMs.push(clock.monotonicMs() - beganMs);
    },
  });
  const path = `${PROBE_PREFIX}${name}`;
  const labels = { write: "probe:write", fsync: "probe:fsync" } as const;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await files.writeDurably(path, new Uint8Array(PROBE_BYTES).fill(round + 1), labels);
    }
  } finally {
    if (await files.exists(path)) await files.remove(path, "probe:remove");
  }
  return tookMs.sort((a, b) => a - b);
}
