import { BytesColumn, type BytesContent } from "./bytes_column.ts";
import { noHeaders, type RecordHeader } from "./record.ts";

/** The parts of a dead letter that came with its record, and may say anything. */
export interface LetterContent {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** Contents as they lie in memory. */
export interface LetterContentsContent {
  readonly keys: BytesContent;
  readonly values: BytesContent;
  readonly headerEnds: Int32Array<ArrayBuffer>;
  readonly headerNames: BytesContent;
  readonly headerValues: BytesContent;
}

const INITIAL_ROWS = 64;

/** Contents of dead letters as columns, without an object for each. */
export class LetterContents {
  readonly keys = new BytesColumn();
  readonly values = new BytesColumn();
  /** Where each row's headers end in the two columns below; the first entry is 0. */
  headerEnds = new Int32Array(INITIAL_ROWS + 1);
  readonly headerNames = new BytesColumn();
  readonly headerValues = new BytesColumn();

  get length(): number {
    return this.keys.length;
  }

  push({ key, value, headers }: LetterContent): void {
    const row = this.length;
    if (row + 1 === this.headerEnds.length) {
      const larger = new Int32Array(this.headerEnds.length * 2);
      larger.set(this.headerEnds);
      this.headerEnds = larger;
    }
    for (const header of headers) {
      this.headerNames.pushText(header.name);
      this.headerValues.push(header.value);
    }
    this.headerEnds[row + 1] = this.headerNames.length;
    this.values.push(value);
    this.keys.push(key);
  }

  /** A copy of a row's content. */
  at(row: number): LetterContent {
    const start = this.headerEnds[row] ?? 0, count = (this.headerEnds[row + 1] ?? 0) - start;
    const headers = Array.from({ length: count }, (_, i): RecordHeader => ({
      name: this.headerNames.texts.at(start + i),
      value: this.headerValues.at(start + i),
    }));
    return {
      key: this.keys.at(row),
      value: this.values.at(row),
      headers: count === 0 ? noHeaders() : headers,
    };
  }

  /** A copy of all. */
  content(): LetterContentsContent {
    return {
      keys: this.keys.content(),
      values: this.values.content(),
      headerEnds: this.headerEnds.slice(0, this.length + 1),
      headerNames: this.headerNames.content(),
      headerValues: this.headerValues.content(),
    };
  }

  /** Becomes these contents, whose memory it takes. */
  take({ keys, values, headerEnds, headerNames, headerValues }: LetterContentsContent): void {
    this.keys.take(keys);
    this.values.take(values);
    this.headerEnds = headerEnds;
    this.headerNames.take(headerNames);
    this.headerValues.take(headerValues);
  }

  /** Forgets all; the memory stays. */
  clear(): void {
    for (const column of [this.keys, this.values, this.headerNames, this.headerValues]) {
      column.clear();
    }
  }
}
