import { loadParquet } from "../../src/lake/parquet.ts";
import { openLog, tableFile } from "../delta/logs.ts";
import { commitVersion } from "../../src/core/delta_version.ts";

// What a commit costs more where the lake is a table, as the table's log grows. Arguments: how many commits (5000), and
// how many files each has (3).
const [commitCount = 5_000, fileCount = 3] = Deno.args.map(Number);
const INSTANCE = "a".repeat(12);
const folder = await Deno.makeTempDir({ prefix: "orilla_table_" });
try {
  await loadParquet();
  const deltaLog = await openLog(folder);
  const tookMs: number[] = [];
  for (let sequence = 1; sequence <= commitCount; sequence++) {
    const dates = Array.from({ length: fileCount }, (_, i) => `2026-11-${10 + i}`);
    const files = dates.map((date) => tableFile(INSTANCE, sequence, date));
    const startMs = performance.now();
    await deltaLog.append(commitVersion(files, "bench"));
    tookMs.push(performance.now() - startMs);
  }
  const ends = [1, 10, 100, 1_000, commitCount].filter((end) => end <= commitCount);
  for (const end of ends) {
    const last = tookMs.slice(Math.max(0, end - 1_000), end);
    const mean = last.reduce((sum, ms) => sum + ms, 0) / last.length;
    const median = last.toSorted((a, b) => a - b)[last.length >> 1] ?? 0;
    const longest = Math.max(...last);
    say(
      `up to commit ${end}: mean ${mean.toFixed(2)} ms, median ${median.toFixed(2)} ms, ` +
        `longest (with a checkpoint of the log) ${longest.toFixed(1)} ms`,
    );
  }
  const startMs = performance.now();
  await openLog(folder);
  say(`opened again in ${(performance.now() - startMs).toFixed(1)} ms`);
} finally {
  await Deno.remove(folder, { recursive: true });
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
