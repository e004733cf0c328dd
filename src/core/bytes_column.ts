import { TextColumn, type TextContent } from "./text_column.ts";

const INITIAL_ROWS = 64;

/** The values of a column as they lie in it. */
export interface BytesContent {
  readonly texts: TextContent;
  readonly isThere: Uint8Array<ArrayBuffer>;
}

/** A column of bytes, or texts as UTF-8, some of which may be null. Its memory is as `TextColumn`'s. */
export class BytesColumn {
  /** The values; a null lies there as no bytes. */
  readonly texts = new TextColumn();
  /** By row, 1 where there is a value and 0 where it is null; those after `length` are not in use. */
  isThere = new Uint8Array(INITIAL_ROWS);

  get length(): number {
    return this.texts.length;
  }

  /** Appends a value. */
  push(value: Uint8Array | null): void {
    this.#begin(value !== null);
    this.texts.pushBytes(value ?? NO_BYTES, { start: 0, end: value?.length ?? 0 });
  }

  /** Appends a text. */
  pushText(text: string | null): void {
    this.#begin(text !== null);
    this.texts.push(text ?? "");
  }

  /** A copy of a row's value. */
  at(row: number): Uint8Array | null {
    if (this.isThere[row] !== 1) return null;
    const { bytes, ends } = this.texts;
    return bytes.slice(ends[row], ends[row + 1]);
  }

  textAt(row: number): string | null {
    return this.isThere[row] === 1 ? this.texts.at(row) : null;
  }

  content(): BytesContent {
    return { texts: this.texts.content(), isThere: this.isThere.slice(0, this.length) };
  }

  /** Becomes the column of these values, whose memory it takes. */
  take({ texts, isThere }: BytesContent): void {
    this.texts.take(texts);
    this.isThere = isThere;
  }

  /** Forgets all values; the memory stays. */
  clear(): void {
    this.texts.clear();
  }

  #begin(isThere: boolean): void {
    if (this.length === this.isThere.length) {
      const larger = new Uint8Array(this.length * 2);
      larger.set(this.isThere);
      this.isThere = larger;
    }
    this.isThere[this.length] = Number(isThere);
  }
}

const NO_BYTES = new Uint8Array();
