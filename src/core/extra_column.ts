import { TextColumn, type TextContent } from "./text_column.ts";

const INITIAL_ROWS = 64;

/** The texts of a column, and the rows that have them. */
export interface ExtraContent {
  readonly texts: TextContent;
  readonly rows: Int32Array<ArrayBuffer>;
}

/** The unknown fields of a batch's rows as JSON text: a sparse column, since few rows have any. */
export class ExtraColumn {
  /** The texts of the rows that have one, in the order of the rows. */
  readonly texts = new TextColumn();
  /** Their rows, rising; those after `size` are not in use. */
  rows = new Int32Array(INITIAL_ROWS);

  /** Number of rows that have a text. */
  get size(): number {
    return this.texts.length;
  }

  /** A copy of the texts and their rows. */
  content(): ExtraContent {
    return { texts: this.texts.content(), rows: this.rows.slice(0, this.size) };
  }

  /** Becomes the column of these texts, whose memory it takes. */
  take({ texts, rows }: ExtraContent): void {
    this.texts.take(texts);
    this.rows = rows;
  }

  /** Gives a row its text; rows must come in rising order. */
  push(row: number, text: string): void {
    this.#begin(row);
    this.texts.push(text);
  }

  /** The same with the text's UTF-8, the first `byteLength` of some bytes. */
  pushBytes(
    row: number,
    { bytes, byteLength }: { readonly bytes: Uint8Array; readonly byteLength: number },
  ): void {
    this.#begin(row);
    this.texts.pushBytes(bytes, { start: 0, end: byteLength });
  }

  /** The place of a row's text in `texts`, -1 where it has none. */
  placeOf(row: number): number {
    let low = 0, high = this.size - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.rows[middle] ?? 0;
      if (found === row) return middle;
      if (found < row) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  has(row: number): boolean {
    return this.placeOf(row) >= 0;
  }

  /** The text of a row; undefined where it has none. */
  get(row: number): string | undefined {
    const place = this.placeOf(row);
    return place < 0 ? undefined : this.texts.at(place);
  }

  /** Takes rows out, given in rising order; the rows behind them move up. */
  remove(gone: readonly number[]): void {
    const places = this.size;
    this.texts.remove(new Set(gone.map((row) => this.placeOf(row))));
    let goneCount = 0, kept = 0;
    for (let place = 0; place < places; place++) {
      const row = this.rows[place] ?? 0;
      while ((gone[goneCount] ?? Infinity) < row) goneCount++;
      if (gone[goneCount] !== row) this.rows[kept++] = row - goneCount;
    }
  }

  /** Forgets all texts; the memory stays. */
  clear(): void {
    this.texts.clear();
  }

  #begin(row: number): void {
    if (this.size === this.rows.length) {
      const larger = new Int32Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    this.rows[this.size] = row;
  }
}
