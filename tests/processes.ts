/** Processes as /proc tells of them: Linux only, nothing elsewhere. */

/** Process ids of the children of a process. */
export function childrenOf(pid: number): number[] {
  const children = procText(`${pid}/task/${pid}/children`).split(" ").map(Number);
  return children.filter((child) => child > 0);
}

/** Process ids of all that a process started, and they in their turn. */
export function descendantsOf(root: number): number[] {
  return childrenOf(root).flatMap((pid) => [pid, ...descendantsOf(pid)]);
}

/** The kernel counts in hundredths of a second on all usual systems (sysconf, _SC_CLK_TCK). */
const TICKS_A_SECOND = 100;
/** In /proc/PID/stat, counted from behind the name: user and system time, and those of children that ended. */
const TIMES_FROM = 11, TIMES_TO = 15;

/** User and system time of a process and all that it started; NaN where there is no /proc. */
export function cpuSecondsOf(root: number): number {
  const times = [root, ...descendantsOf(root)].map((pid) => {
    const stat = procText(`${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(TIMES_FROM, TIMES_TO).map(Number);
  });
  if (times[0]?.length !== TIMES_TO - TIMES_FROM) return NaN;
  return times.flat().reduce((sum, ticks) => sum + ticks, 0) / TICKS_A_SECOND;
}

/** A file of /proc; empty where there is none, or the process has ended. */
export function procText(path: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${path}`);
  } catch (error) {
    const isGone = error instanceof Deno.errors.NotFound ||
      error instanceof Error && /ESRCH|no such process/i.test(error.message);
    if (isGone) return "";
    throw error;
  }
}
