/**
 * The word that somebody may have meant, null where none is near: the one with the fewest changed, added, missing
 * or swapped letters, of which there may be one, and one more for every four letters; else the only one that
 * begins with the text. Case, hyphens and underscores do not count.
 */
export function nearestWord(text: string, words: readonly string[]): string | null {
  const plain = plainly(text);
  // The distance takes time by the product of the lengths, and nothing that long is meant.
  if (plain === "" || plain.length > 100) return null;
  const ranked = words
    .map((word) => ({ word, distance: distanceOf(plain, plainly(word)) }))
    .toSorted((one, two) => one.distance - two.distance);
  const [best] = ranked;
  if (best !== undefined && best.distance <= 1 + Math.floor(plain.length / 4)) return best.word;
  const longer = words.filter((word) => plainly(word).startsWith(plain));
  return longer.length === 1 ? longer[0] ?? null : null;
}

/** The end of a sentence that refuses a word: it names the nearest one where there is one. */
export function didYouMean(text: string, words: readonly string[]): string {
  const word = nearestWord(text, words);
  return word === null ? "." : `; did you mean ${word}?`;
}

function plainly(word: string): string {
  return word.toLowerCase().replaceAll(/[-_\s]/g, "");
}

/** Damerau's and Levenshtein's distance, in its form of optimal string alignment. */
function distanceOf(one: string, two: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: two.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= two.length; j++) {
      const isSame = one[i - 1] === two[j - 1];
      const isSwapped = i > 1 && j > 1 && one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1];
      row[j] = Math.min(
        (last[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : Infinity,
      );
    }
    beforeLast = last;
    last = row;
  }
  return last[two.length] ?? 0;
}
