/** A set of numbers from 0, a bit each: twelve million of them take 1.5 MB. */
export class Bitmap {
  #bits = new Uint8Array(1 << 16);
  #size = 0;

  /** How many numbers are in it. */
  get size(): number {
    return this.#size;
  }

  has(number: number): boolean {
    return ((this.#bits[number >>> 3] ?? 0) & 1 << (number & 7)) !== 0;
  }

  /** Adds a number below 2^31; returns whether it is there for the first time. */
  add(number: number): boolean {
    if (this.has(number)) return false;
    const at = number >>> 3;
    if (at >= this.#bits.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.#bits);
      this.#bits = larger;
    }
    this.#bits[at] = (this.#bits[at] ?? 0) | 1 << (number & 7);
    this.#size++;
    return true;
  }
}
