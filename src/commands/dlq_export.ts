import { isMeant } from "../core/dead_letter.ts";
import { exportedFields } from "../core/exported_letter.ts";
import { readDeadLetters } from "../lake/dead_letter_reader.ts";
import { loadParquet } from "../lake/parquet.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import { type CommandContext, letterCipherOf } from "./context.ts";
import { filterOf } from "./dead_letter_filter.ts";
import { lakeOf } from "./lake.ts";
import { refuseUnreadable } from "./lake_there.ts";

/** About as many characters are printed at once. */
const CHUNK_LENGTH = 1 << 20;

/** Writes the dead letters that wait as NDJSON, with their content. */
export async function exportDeadLetters(context: CommandContext): Promise<void> {
  const { config, reporter, log, stop } = context;
  await using lake = await lakeOf(context);
  await refuseUnreadable(lake.reader);
  await loadParquet();
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  const onProgress = (done: number, total: number) => meter.update(done, total);
  const filter = filterOf(config);
  const cipher = letterCipherOf(context);
  const reading = { sinceMs: filter.sinceMs, cipher, onProgress };
  let count = 0, text = "";
  const flush = async () => {
    reporter.print(text);
    text = "";
    await context.flush();
  };
  for await (const letter of readDeadLetters(lake.files, reading)) {
    if (stop.aborted) break;
    const { position, attempts } = letter;
    if (!isMeant(letter, filter)) continue;
    if (await lake.reader.markOf({ ...position, attempts }) !== null) continue;
    text += `${JSON.stringify(exportedFields(letter))}\n`;
    count++;
    if (text.length > CHUNK_LENGTH) await flush();
  }
  await flush();
  log.info("exported dead letters, with their content", { count });
}
