import { HASH_WORDS } from "../core/id_hash.ts";

/** Hashes that a chunk holds on average: with a little more than that it still fits one page of SQLite's. */
const CHUNK_HASHES = 940;
/** Chunks whose filter blocks are stored, and kept in memory, as one. */
export const GROUP_CHUNKS = 32;
/** Words of a filter block: 256 bits, less than a cache line. */
const BLOCK_WORDS = 8;
/**
 * Blocks of 256 bits a chunk, by the most hashes that a run has: 23 bits a hash, 17, or 12.5, with which 2, 9,
 * or 45 of 10,000 hashes that a run does not hold are looked up in vain. Large runs are what memory goes to.
 */
const BLOCKS_A_CHUNK = [[500_000, 84], [4_000_000, 64], [Infinity, 46]] as const;
const ALL_FIRST_WORDS = 2 ** 32;

/**
 * How the hashes of a run are laid out. Hashes are uniform, so each filter block and each chunk stands for an
 * equal share of their range, and where a hash belongs is computed from its first word: no index is needed,
 * and what is sorted fills chunks and filter from their beginning to their end.
 */
export class RunLayout {
  readonly chunkCount: number;
  readonly blocksAChunk: number;
  /** Blocks for each first word. */
  readonly scale: number;

  constructor(chunkCount: number, blocksAChunk: number) {
    this.chunkCount = chunkCount;
    this.blocksAChunk = blocksAChunk;
    this.scale = chunkCount * blocksAChunk / ALL_FIRST_WORDS;
  }

  static for(hashCount: number): RunLayout {
    const [, blocks] = BLOCKS_A_CHUNK.find(([most]) => hashCount <= most) ?? BLOCKS_A_CHUNK[2];
    return new RunLayout(Math.max(1, Math.ceil(hashCount / CHUNK_HASHES)), blocks);
  }

  get groupCount(): number {
    return Math.ceil(this.chunkCount / GROUP_CHUNKS);
  }

  get blocksAGroup(): number {
    return GROUP_CHUNKS * this.blocksAChunk;
  }

  /** Words of one group's filter. */
  groupWords(group: number): number {
    const chunks = Math.min(GROUP_CHUNKS, this.chunkCount - group * GROUP_CHUNKS);
    return chunks * this.blocksAChunk * BLOCK_WORDS;
  }

  blockOf(firstWord: number): number {
    return Math.floor(firstWord * this.scale);
  }

  chunkOf(firstWord: number): number {
    return Math.floor(this.blockOf(firstWord) / this.blocksAChunk);
  }

  /** The chunk that a hash belongs to, and the share of the chunk's range that lies before it. */
  placeOf(firstWord: number): { readonly chunk: number; readonly fraction: number } {
    const chunk = this.chunkOf(firstWord);
    return { chunk, fraction: firstWord * this.scale / this.blocksAChunk - chunk };
  }

  groupOf(firstWord: number): number {
    return Math.floor(this.chunkOf(firstWord) / GROUP_CHUNKS);
  }

  /** The smallest first word of a group's hashes; 2^32 for the group after the last. */
  groupStart(group: number): number {
    if (group >= this.groupCount) return ALL_FIRST_WORDS;
    let word = Math.floor(group * this.blocksAGroup / this.scale);
    while (word > 0 && this.groupOf(word - 1) >= group) word--;
    while (this.groupOf(word) < group) word++;
    return word;
  }
}

/**
 * The filter of a run: a Bloom filter of blocks of 256 bits, in each word of which a hash sets one bit (as
 * Parquet's split block filter, with bits of the hash instead of products). It is there by groups, since a
 * merge writes the groups of its new run, and takes those of the old ones away, one after the other. They are in
 * memory, or each is read when it is asked.
 */
export class RunFilter {
  readonly #layout: RunLayout;
  readonly #read: (group: number) => Uint32Array | null;
  readonly #none: Uint32Array;
  /** Null where they are read. */
  #groups: Uint32Array[] | null;
  #byteLength = 0;

  /** @param read reads the words of a group, a copy, from where they are stored; null where there are none */
  constructor(layout: RunLayout, read: (group: number) => Uint32Array | null) {
    this.#layout = layout;
    this.#read = read;
    this.#none = new Uint32Array(layout.groupWords(0));
    this.#groups = Array.from({ length: layout.groupCount }, () => this.#none);
  }

  /** Bytes of memory that it takes. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Gives its memory back: its groups are read from here on. */
  release(): void {
    this.#groups = null;
    this.#byteLength = 0;
  }

  /** Takes the words of a group that was stored. */
  setGroup(group: number, words: Uint32Array): void {
    if (this.#groups === null) return;
    this.#groups[group] = words;
    this.#byteLength += words.byteLength;
  }

  /** Takes away the groups before this one: the run holds nothing there any more. */
  dropBefore(group: number): void {
    const groups = this.#groups ?? [];
    for (let g = Math.min(group, groups.length) - 1; g >= 0; g--) {
      const words = groups[g];
      if (words === undefined || words === this.#none) return;
      this.#byteLength -= words.byteLength;
      groups[g] = this.#none;
    }
  }

  /**
   * Finds the hashes that the run may hold, and all that it holds.
   *
   * @param hashes in their order
   * @param skip for each of them, 1 where it is not to be looked for
   * @param hits gets the places of those found
   * @returns how many were found
   */
  find(hashes: Uint32Array, skip: Uint8Array, hits: Int32Array): number {
    const { scale, blocksAGroup } = this.#layout;
    if (blockStarts.length < skip.length) blockStarts = new Int32Array(skip.length);
    let found = 0;
    for (let place = 0; place < skip.length;) {
      const group = this.#layout.groupOf(hashes[place * HASH_WORDS] ?? 0);
      const read = this.#groups === null ? this.#read(group) : null;
      const words = read ?? this.#groups?.[group] ?? this.#none;
      const part = { words, firstBlock: group * blocksAGroup, blockCount: blocksAGroup, scale };
      const { end, fetched } = fetchBlocks(part, hashes, place);
      // Blocks without a bit hold nothing.
      if (fetched !== 0) found = findInGroup(words, { hashes, place, end, skip, hits, found });
      place = end;
      // Collections are rare in a thread that makes little else; until the next one what was read would pile up.
      if (read?.buffer instanceof ArrayBuffer) read.buffer.transfer(0);
    }
    return found;
  }
}

/** The filter of one group, and how blocks are computed. */
interface GroupPart {
  readonly words: Uint32Array;
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly scale: number;
}

/** For each hash of a group, where its block begins in the group's words; filled and used by turns. */
let blockStarts = new Int32Array();

/**
 * Computes where the blocks of a group's hashes begin, and brings them into the CPU's cache: reads that wait for
 * nothing go on side by side.
 *
 * @returns the place after the last hash of the group, and what was read
 */
function fetchBlocks(
  { words, firstBlock, blockCount, scale }: GroupPart,
  hashes: Uint32Array,
  place: number,
): { readonly end: number; readonly fetched: number } {
  const count = hashes.length / HASH_WORDS, starts = blockStarts;
  let end = place, fetched = 0;
  for (; end < count; end++) {
    const block = Math.floor((hashes[end * HASH_WORDS] ?? 0) * scale) - firstBlock;
    if (block >= blockCount) break;
    const start = block * BLOCK_WORDS;
    starts[end] = start;
    fetched |= words[start] ?? 0;
  }
  // What is read has to be used, or the compiler leaves the reading out.
  return { end, fetched };
}

/** Appends the places of the hashes that may be in a group to `hits`; returns how many there are then. */
function findInGroup(
  words: Uint32Array,
  { hashes, place, end, skip, hits, found }: {
    readonly hashes: Uint32Array;
    readonly place: number;
    readonly end: number;
    readonly skip: Uint8Array;
    readonly hits: Int32Array;
    readonly found: number;
  },
): number {
  const starts = blockStarts;
  let count = found;
  for (let i = place; i < end; i++) {
    const at = starts[i] ?? 0, a = hashes[i * HASH_WORDS + 1] ?? 0;
    // Shift counts are taken modulo 32. A branch for each word would cost more: four of them tell most hashes.
    const half = (words[at] ?? 0) >>> a & (words[at + 1] ?? 0) >>> (a >>> 5) &
      (words[at + 2] ?? 0) >>> (a >>> 10) & (words[at + 3] ?? 0) >>> (a >>> 15);
    if ((half & 1) === 0) continue;
    const b = hashes[i * HASH_WORDS + 2] ?? 0;
    const rest = (words[at + 4] ?? 0) >>> (a >>> 20) & (words[at + 5] ?? 0) >>> (a >>> 25) &
      (words[at + 6] ?? 0) >>> b & (words[at + 7] ?? 0) >>> (b >>> 5);
    if ((rest & 1) === 1 && skip[i] !== 1) hits[count++] = i;
  }
  return count;
}

/** Makes the filter of one group of a run from the group's hashes. */
export function groupFilter(layout: RunLayout, group: number, hashes: Uint32Array): Uint32Array {
  const words = new Uint32Array(layout.groupWords(group));
  const start = group * layout.blocksAGroup;
  for (let i = 0; i < hashes.length; i += HASH_WORDS) {
    const at = (layout.blockOf(hashes[i] ?? 0) - start) * BLOCK_WORDS;
    setBits(words, at, hashes[i + 1] ?? 0, hashes[i + 2] ?? 0);
  }
  return words;
}

/** Sets one bit of each of a block's words; which, five bits of `a` or `b` say for each. */
function setBits(words: Uint32Array, at: number, a: number, b: number): void {
  words[at] = (words[at] ?? 0) | 1 << a;
  words[at + 1] = (words[at + 1] ?? 0) | 1 << (a >>> 5);
  words[at + 2] = (words[at + 2] ?? 0) | 1 << (a >>> 10);
  words[at + 3] = (words[at + 3] ?? 0) | 1 << (a >>> 15);
  words[at + 4] = (words[at + 4] ?? 0) | 1 << (a >>> 20);
  words[at + 5] = (words[at + 5] ?? 0) | 1 << (a >>> 25);
  words[at + 6] = (words[at + 6] ?? 0) | 1 << b;
  words[at + 7] = (words[at + 7] ?? 0) | 1 << (b >>> 5);
}
