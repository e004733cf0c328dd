import fc from "fast-check";

/** Replays a failure: the seed that it printed. */
const SEED_VARIABLE = "ORILLA_TEST_SEED";

/**
 * The seed of this run's random tests, from -2^31 to 2^31-1: that of ORILLA_TEST_SEED, else a random one.
 * Whoever uses it says it in the message of a failure, see `replayHint`.
 */
export function testSeed(): number {
  const text = Deno.env.get(SEED_VARIABLE);
  if (text === undefined || text === "") return Math.floor(Math.random() * 2 ** 32) | 0;
  const seed = Number(text);
  if (Number.isInteger(seed)) return seed | 0;
  throw new RangeError(`Cannot read ${SEED_VARIABLE}: expected an integer, got "${text}"`);
}

/** How to run the same random values again. */
export function replayHint(seed: number): string {
  return `Replay with ${SEED_VARIABLE}=${seed}`;
}

/** How many random values a property is tried with, 100 where nothing is said. */
export interface PropertyOptions {
  readonly runs?: number;
}

/** Tries a property with random values; a failure shows the smallest one found, and the seed. */
export function checkProperty<T>(
  property: fc.IProperty<T>,
  { runs = 100 }: PropertyOptions = {},
): void {
  const seed = testSeed();
  try {
    fc.assert(property, { seed, numRuns: runs });
  } catch (error) {
    throw new Error(`${replayHint(seed)}\n${String(error)}`, { cause: error });
  }
}

/** Like `checkProperty`, for properties that wait. */
export async function checkAsyncProperty<T>(
  property: fc.IAsyncProperty<T>,
  { runs = 100 }: PropertyOptions = {},
): Promise<void> {
  const seed = testSeed();
  try {
    await fc.assert(property, { seed, numRuns: runs });
  } catch (error) {
    throw new Error(`${replayHint(seed)}\n${String(error)}`, { cause: error });
  }
}
