import { partitionName, type Position } from "./record.ts";

/** Values by position, in some tens of bytes each. */
export class PositionMap<T> {
  readonly #byPartition = new Map<string, Map<bigint, T>>();

  get(position: Position): T | undefined {
    return this.#byPartition.get(partitionName(position))?.get(position.offset);
  }

  set(position: Position, value: T): void {
    const name = partitionName(position);
    const known = this.#byPartition.get(name);
    if (known === undefined) this.#byPartition.set(name, new Map([[position.offset, value]]));
    else known.set(position.offset, value);
  }
}
