import { isSamePosition, positionText } from "../core/dead_letter.ts";
import { operatingError, usageError } from "../core/errors.ts";
import { exportedFields, utf8Text } from "../core/exported_letter.ts";
import { REASONS } from "../core/outcome.ts";
import type { MarkedReplay } from "../core/replay.ts";
import { readDeadLetters, type StoredDeadLetter } from "../lake/dead_letter_reader.ts";
import { loadParquet } from "../lake/parquet.ts";
import type { ReadLake } from "../pipeline/read_lake.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import { type CommandContext, letterCipherOf } from "./context.ts";
import { jsonText } from "./json.ts";
import { lakeOf } from "./lake.ts";
import { refuseUnreadable } from "./lake_there.ts";

/** A dead letter, and what a replay made of it. */
interface Try {
  readonly letter: StoredDeadLetter;
  /** null where it waits. */
  readonly mark: MarkedReplay | null;
}

/**
 * Prints one dead letter whole, with its content.
 *
 * @throws OrillaError with exit code 2 where none was asked for, 1 where it is not there
 */
export async function showDeadLetter(context: CommandContext): Promise<void> {
  const { config, reporter } = context;
  if ((config.position === null) === (config.letterEventId === null)) {
    throw usageError(
      "Cannot show a dead letter: expected either TOPIC/PARTITION/OFFSET or --event-id",
    );
  }
  await using lake = await lakeOf(context);
  await refuseUnreadable(lake.reader);
  const found = await findTries(context, lake);
  const last = found.at(-1);
  if (last === undefined) throw notFound(context);
  const { position } = last.letter;
  const tries = found.filter(({ letter }) => isSamePosition(letter.position, position));
  const others = [...new Set(found.map(({ letter }) => positionText(letter.position)))]
    .filter((text) => text !== positionText(position));
  reporter.print(
    config.json
      ? jsonText({
        ...exportedFields(last.letter),
        file: last.letter.file,
        replays: replaysOf(tries),
        others,
      })
      : showText(last, tries, others),
  );
}

/** All tries of the records that are asked for, in the order in which they were rejected. */
async function findTries(
  context: CommandContext,
  { files, reader }: ReadLake,
): Promise<readonly Try[]> {
  const { config: { position, letterEventId }, reporter } = context;
  const cipher = letterCipherOf(context);
  await loadParquet();
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs(), "files");
  const onProgress = (done: number, total: number) => meter.update(done, total);
  const found: Try[] = [];
  for await (const letter of readDeadLetters(files, { cipher, onProgress })) {
    const isAskedFor = position === null
      ? letter.eventId === letterEventId
      : isSamePosition(letter.position, position);
    if (!isAskedFor) continue;
    const { attempts } = letter;
    found.push({ letter, mark: await reader.markOf({ ...letter.position, attempts }) });
  }
  return found;
}

function notFound({ config: { position, letterEventId }, outDir }: CommandContext): Error {
  const what = position === null
    ? `with event_id ${letterEventId}`
    : `at ${positionText(position)}`;
  return operatingError(
    `There is no dead letter ${what} in ${outDir}. See orilla dlq list; it may have been purged`,
  );
}

function replaysOf(tries: readonly Try[]) {
  return tries.flatMap(({ letter: { attempts }, mark }) =>
    mark === null ? [] : [{
      attempts,
      outcome: mark.outcome,
      detail: mark.detail,
      commit: mark.sequence,
      replayed_at: new Date(mark.replayedAtMs).toISOString(),
    }]
  );
}

const MEANINGS: Readonly<Record<string, string>> = REASONS;

function showText(
  { letter, mark }: Try,
  tries: readonly Try[],
  others: readonly string[],
): string {
  const replays = replaysOf(tries).map(({ outcome, detail, commit, replayed_at }) => {
    const more = detail === null ? "" : ` (${printable(detail)})`;
    return `  replayed    ${replayed_at}: ${outcome}${more}${
      commit === null ? "" : `, commit ${commit}`
    }`;
  });
  return [
    `Dead letter ${
      printable(positionText(letter.position))
    }. Below is its content as it came from outside.`,
    "",
    `  state       ${mark === null ? "waiting" : mark.outcome}`,
    `  reason      ${letter.reason}: ${MEANINGS[letter.reason] ?? "not known to this orilla"}`,
    `  path        ${letter.path ?? "the record as a whole"}`,
    `  stage       ${letter.stage}`,
    `  attempts    ${letter.attempts}`,
    `  rejected    ${new Date(letter.rejectedAtMs).toISOString()}`,
    `  timestamp   ${new Date(letter.timestampMs).toISOString()}`,
    `  event_id    ${letter.eventId === null ? "could not be read" : printable(letter.eventId)}`,
    `  file        ${letter.file}`,
    ...replays,
    "",
    `  key         ${bytesText(letter.key)}`,
    ...letter.headers.map(({ name, value }) =>
      `  header      ${printable(name)}: ${bytesText(value)}`
    ),
    `  value       ${bytesText(letter.value)}`,
    ...(others.length === 0
      ? []
      : ["", `  other dead letters with this event_id: ${others.map(printable).join(", ")}`]),
    "",
  ].join("\n");
}

/** Text where the bytes are UTF-8, else hexadecimal. */
function bytesText(bytes: Uint8Array | null): string {
  if (bytes === null) return "none (null)";
  if (bytes.length === 0) return "empty";
  const text = utf8Text(bytes);
  if (text !== null) return printable(text);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${bytes.length} bytes that are not UTF-8, in hexadecimal: ${hex}`;
}

/** Text without what would move a terminal's cursor, change its state or turn the direction of writing. */
function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
