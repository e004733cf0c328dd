/** How far one assigned partition was read. */
interface PartitionProgress {
  /** The offset that is fetched next. */
  position: bigint;
  /** Where its log ended when it was first looked at. */
  readonly end: bigint;
}

/**
 * One assignment of partitions, from a join of the group to the next one. Whoever waits for something keeps
 * the assignment it began with, and asks it afterwards whether it is still current.
 */
export class Assignment {
  /** Settles when each partition's position is known. */
  ready: Promise<void> = Promise.resolve();
  readonly generation: number;
  readonly #partitions: ReadonlySet<number>;
  readonly #progress = new Map<number, PartitionProgress>();
  #isCurrent = true;

  /** @param generation the group's, which made it */
  constructor(partitions: Iterable<number>, generation: number) {
    this.#partitions = new Set(partitions);
    this.generation = generation;
  }

  /** What stands before the first join: no partition, and never current. */
  static none(): Assignment {
    const none = new Assignment([], -1);
    none.end();
    return none;
  }

  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** The partitions may belong to somebody else from now on. */
  end(): void {
    this.#isCurrent = false;
  }

  get partitions(): readonly number[] {
    return [...this.#partitions];
  }

  has(partition: number): boolean {
    return this.#partitions.has(partition);
  }

  /** Sets where a partition is read from, and where its log ended when it was first looked at. */
  begin(partition: number, { start, end }: { readonly start: bigint; readonly end: bigint }): void {
    this.#progress.set(partition, { position: start, end });
  }

  /** Where a partition is read from next; 0 before `begin`. */
  position(partition: number): bigint {
    return this.#progress.get(partition)?.position ?? 0n;
  }

  /** Notes that a partition's records below `position` were taken in. */
  read(partition: number, position: bigint): void {
    const progress = this.#progress.get(partition);
    if (progress !== undefined && position > progress.position) progress.position = position;
  }

  /** Whether it is known of each partition where it is read from, and where its log ends. */
  get hasPositions(): boolean {
    return this.#isCurrent && this.#progress.size === this.#partitions.size;
  }

  /** Whether each partition was read to where its log ended when it was first looked at. */
  get hasReachedEnds(): boolean {
    return this.hasPositions &&
      [...this.#progress.values()].every(({ position, end }) => position >= end);
  }

  /** Records from the positions to the ends of the logs, as they were when first looked at. */
  get remaining(): bigint {
    let sum = 0n;
    for (const { position, end } of this.#progress.values()) {
      if (end > position) sum += end - position;
    }
    return sum;
  }
}
