/** A number in [0, 1). */
export type Random = () => number;

/**
 * Seeded random numbers: sfc32 (C. Doty-Humphrey, PractRand), mixed for 12 rounds from up to 96 bits.
 *
 * @param more further words of the seed
 */
export function seededRandom(seed: number, more: readonly [number, number] = [0, 0]): Random {
  let a = seed >>> 0, b = 0x9e3779b9 ^ more[0], c = 0x243f6a88 ^ more[1], counter = 1;
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let round = 0; round < 12; round++) next();
  return next;
}
