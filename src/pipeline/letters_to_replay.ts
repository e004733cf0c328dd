import { type DeadLetterFilter, isMeant, positionText } from "../core/dead_letter.ts";
import { usageError } from "../core/errors.ts";
import { readRepaired, type RepairedLetter } from "../core/exported_letter.ts";
import { PositionMap } from "../core/position_map.ts";
import type { Origin, RawRecord } from "../core/record.ts";
import type { MarkedReplay } from "../core/replay.ts";
import type { DeadLetterCipher } from "../lake/dead_letter_cipher.ts";
import { readDeadLetters } from "../lake/dead_letter_reader.ts";
import type { LakeFiles } from "../lake/storage.ts";

/** A dead letter about to be replayed: its record, repaired or as it was. */
export interface LetterToReplay extends Omit<RawRecord, "offset"> {
  readonly origin: Origin;
}

/** What was passed over, and why. */
export interface PassedOver {
  /** They are marked as replayed. */
  doneCount: number;
  /** A replay rejected them already, and nobody repaired them (without --again). */
  rejectedAgainCount: number;
}

/** Where dead letters to replay are looked for. */
export interface ReplaySource {
  readonly files: LakeFiles;
  /** Opens what is encrypted. */
  readonly cipher: DeadLetterCipher;
  readonly markOf: (letter: Origin) => Promise<MarkedReplay | null>;
  readonly onProgress: (done: number, total: number) => void;
  /** Told of each dead letter that was looked at. */
  readonly onLetter?: () => void;
  /** Counted while the letters are read. */
  readonly passedOver: PassedOver;
}

/** The dead letters that wait, as they were. */
export async function* waitingLetters(
  { files, cipher, markOf, onProgress, onLetter = () => {}, passedOver }: ReplaySource,
  { filter, isAgain }: { readonly filter: DeadLetterFilter; readonly isAgain: boolean },
): AsyncGenerator<LetterToReplay> {
  const taken = new PositionMap<true>();
  for await (
    const letter of readDeadLetters(files, {
      sinceMs: filter.sinceMs,
      cipher,
      onProgress,
      onLetter,
    })
  ) {
    const { position, attempts, timestampMs, key, value, headers } = letter;
    const origin = { ...position, attempts };
    if (!isMeant(letter, filter)) continue;
    const outcome = (await markOf(origin))?.outcome;
    // The dead letter that this one became stands for the record.
    if (outcome === "rejected") continue;
    if (taken.get(position) !== undefined || outcome !== undefined) passedOver.doneCount++;
    else if (attempts > 1 && !isAgain) passedOver.rejectedAgainCount++;
    else {
      taken.set(position, true);
      yield { timestampMs, key, value, headers, origin };
    }
  }
}

interface Known {
  readonly attempts: number;
  readonly timestampMs: number;
  readonly isDone: boolean;
}

/**
 * Repaired dead letters from lines that `dlq export` wrote. Each must be a dead letter of this lake; those
 * that are done are passed over.
 *
 * @throws OrillaError with exit code 2 that names the line
 */
export async function* repairedLetters(
  source: ReplaySource,
  lines: AsyncIterable<string>,
): AsyncGenerator<LetterToReplay> {
  const known = await knownLetters(source);
  let lineNumber = 0;
  for await (const line of numbered(lines, () => lineNumber)) {
    lineNumber++;
    if (line.trim() === "") continue;
    const { position, attempts: given, key, value, headers } = parse(line, lineNumber);
    const letter = known.get(position);
    if (letter === undefined || (given ?? 0) > letter.attempts) {
      const attempts = given === null ? "" : ` with ${given} attempts`;
      const what = `there is no dead letter ${positionText(position)}${attempts} in this lake`;
      throw lineError(lineNumber, what);
    }
    // An earlier one of its position became the present one when it was replayed.
    if (letter.isDone || given !== null && given < letter.attempts) {
      source.passedOver.doneCount++;
      continue;
    }
    known.set(position, { ...letter, isDone: true });
    const { attempts, timestampMs } = letter;
    yield { timestampMs, key, value, headers, origin: { ...position, attempts } };
  }
}

/** By position, the latest dead letter of each. */
async function knownLetters(
  { files, markOf, onProgress }: ReplaySource,
): Promise<PositionMap<Known>> {
  const known = new PositionMap<Known>();
  for await (const { position, attempts, timestampMs } of readDeadLetters(files, { onProgress })) {
    if ((known.get(position)?.attempts ?? 0) >= attempts) continue;
    const isDone = await markOf({ ...position, attempts }) !== null;
    known.set(position, { attempts, timestampMs, isDone });
  }
  return known;
}

async function* numbered(
  lines: AsyncIterable<string>,
  lineNumber: () => number,
): AsyncGenerator<string> {
  try {
    yield* lines;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw lineError(lineNumber() + 1, error.message, error);
  }
}

function parse(line: string, lineNumber: number): RepairedLetter {
  try {
    return readRepaired(line);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw lineError(lineNumber, error.message, error);
  }
}

function lineError(lineNumber: number, what: string, cause?: unknown): Error {
  return usageError(
    `Cannot read line ${lineNumber} of stdin: ${what}. Lines before it may be done, and are passed over ` +
      `when they are given again`,
    cause,
  );
}
