/**
 * The partition of a record by its key: murmur2 of the bytes, as Java's producer has it, in 32-bit arithmetic.
 * Records without a key go to the partitions in turn.
 */
export function keyPartitioner(): (key: Uint8Array | null, partitionCount: number) => number {
  let turn = 0;
  return (key, partitionCount) => {
    const hash = key === null ? turn++ : murmur2(key) & 0x7fffffff;
    return hash % partitionCount;
  };
}

const SEED = 0x9747b28c, MULTIPLIER = 0x5bd1e995, ROTATION = 24;

/** A. Appleby's MurmurHash2 with Kafka's seed (org.apache.kafka.common.utils.Utils.murmur2). */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  const tail = length & ~3;
  let hash = SEED ^ length;
  for (let i = 0; i < tail; i += 4) {
    let word = byteAt(bytes, i) | byteAt(bytes, i + 1) << 8 | byteAt(bytes, i + 2) << 16 |
      byteAt(bytes, i + 3) << 24;
    word = Math.imul(word, MULTIPLIER);
    word = Math.imul(word ^ word >>> ROTATION, MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  if (tail < length) {
    for (let i = tail; i < length; i++) hash ^= byteAt(bytes, i) << 8 * (i - tail);
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash = Math.imul(hash ^ hash >>> 13, MULTIPLIER);
  return hash ^ hash >>> 15;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
