import {
  Binary,
  type Data,
  Dictionary,
  Float64,
  Int32,
  Int64,
  makeData,
  makeVector,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import type { BytesColumn } from "../core/bytes_column.ts";
import type { ExtraColumn } from "../core/extra_column.ts";
import type { TextColumn } from "../core/text_column.ts";

/** Which rows hold a value: a bit a row, least significant first, and how many hold none. */
export interface Validity {
  readonly bitmap: Uint8Array;
  readonly nullCount: number;
}

/** The validity of rows, from a question asked for each. */
export function validityOf(length: number, hasValue: (row: number) => boolean): Validity {
  const bitmap = new Uint8Array((length + 7) >> 3);
  let nullCount = 0;
  for (let row = 0; row < length; row++) {
    if (hasValue(row)) bitmap[row >> 3] = (bitmap[row >> 3] ?? 0) | (1 << (row & 7));
    else nullCount++;
  }
  return { bitmap, nullCount };
}

const encoder = new TextEncoder();

/**
 * A column of texts, from one joined and encoded string; null is a null. All-ASCII texts, the usual case,
 * need no second look: a text's length is its bytes.
 */
export function utf8Column(texts: readonly (string | null)[]): Data<Utf8> {
  const data = encoder.encode(texts.join(""));
  const valueOffsets = new Int32Array(texts.length + 1);
  let end = 0;
  texts.forEach((text, i) => valueOffsets[i + 1] = end += text?.length ?? 0);
  if (end !== data.length) {
    end = 0;
    texts.forEach((text, i) => valueOffsets[i + 1] = end += text === null ? 0 : byteLength(text));
  }
  const { bitmap, nullCount } = validityOf(texts.length, (row) => texts[row] !== null);
  const length = texts.length;
  return makeData({ type: new Utf8(), length, nullCount, nullBitmap: bitmap, valueOffsets, data });
}

/** Bytes of a text in UTF-8; half a surrogate pair becomes U+FFFD, as TextEncoder makes it. */
function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** A column of the texts of some rows, copied as the bytes that they are. */
export function textColumn(texts: TextColumn, rows: Int32Array): Data<Utf8> {
  const valueOffsets = new Int32Array(rows.length + 1);
  let end = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0;
    end += (texts.ends[row + 1] ?? 0) - (texts.ends[row] ?? 0);
    valueOffsets[i + 1] = end;
  }
  const data = new Uint8Array(end);
  for (let i = 0; i < rows.length; i++) texts.copyTo(rows[i] ?? 0, data, valueOffsets[i] ?? 0);
  return makeData({ type: new Utf8(), length: rows.length, nullCount: 0, valueOffsets, data });
}

/** A column of texts that few rows have; the others are null. */
export function extraColumn(extras: ExtraColumn, rows: Int32Array): Data<Utf8> {
  const places = placesOf(extras, rows);
  const { bitmap, nullCount } = validityOf(rows.length, (i) => places[i] !== -1);
  const found = textColumn(extras.texts, places.filter((place) => place !== -1));
  const valueOffsets = new Int32Array(rows.length + 1);
  for (let i = 0, taken = 0; i < rows.length; i++) {
    if (places[i] !== -1) taken++;
    valueOffsets[i + 1] = found.valueOffsets[taken] ?? 0;
  }
  const type = new Utf8(), length = rows.length, data = found.values;
  return makeData({ type, length, nullCount, nullBitmap: bitmap, valueOffsets, data });
}

/** The place of each row's text in `extras.texts`, -1 where it has none. */
function placesOf({ rows: withText, size }: ExtraColumn, rows: Int32Array): Int32Array {
  const places = new Int32Array(rows.length).fill(-1);
  if (size === 0) return places;
  // The rows come in no order: a place for each number of a row is found faster than by searching.
  const placeOf = new Int32Array((withText[size - 1] ?? 0) + 1).fill(-1);
  for (let place = 0; place < size; place++) placeOf[withText[place] ?? 0] = place;
  for (let i = 0; i < rows.length; i++) places[i] = placeOf[rows[i] ?? 0] ?? -1;
  return places;
}

/** A column of bytes. It shares the memory of the values. */
export function binaryColumn(values: BytesColumn): Data<Binary> {
  return makeData({ type: new Binary(), ...partsOf(values) });
}

/** A column of texts that are there as bytes. It shares their memory. */
export function nullableTextColumn(texts: BytesColumn): Data<Utf8> {
  return makeData({ type: new Utf8(), ...partsOf(texts) });
}

function partsOf({ texts: { bytes, ends, byteLength }, isThere, length }: BytesColumn) {
  const { bitmap, nullCount } = validityOf(length, (row) => isThere[row] === 1);
  const valueOffsets = ends.subarray(0, length + 1), data = bytes.subarray(0, byteLength);
  return { length, nullCount, nullBitmap: bitmap, valueOffsets, data };
}

/** A column of microseconds since 1970-01-01 UTC, without nulls. */
export function timestampColumn(microseconds: BigInt64Array): Data<TimestampMicrosecond> {
  const type = new TimestampMicrosecond("UTC");
  return makeData({ type, length: microseconds.length, nullCount: 0, data: microseconds });
}

export function int64Column(data: BigInt64Array): Data<Int64> {
  return makeData({ type: new Int64(), length: data.length, nullCount: 0, data });
}

export function int32Column(data: Int32Array): Data<Int32> {
  return makeData({ type: new Int32(), length: data.length, nullCount: 0, data });
}

export function float64Column(data: Float64Array): Data<Float64> {
  return makeData({ type: new Float64(), length: data.length, nullCount: 0, data });
}

/** A dictionary column: `codes` are places in `words` plus one, 0 is a null. */
export function dictionaryColumn(codes: Uint8Array, words: readonly string[]): Data {
  const { bitmap, nullCount } = validityOf(codes.length, (row) => codes[row] !== 0);
  const nullBitmap = nullCount === 0 ? null : bitmap;
  const type = new Dictionary(new Utf8(), new Int32());
  const dictionary = makeVector(utf8Column(words));
  const data = new Int32Array(codes.length);
  for (let row = 0; row < codes.length; row++) data[row] = Math.max(0, (codes[row] ?? 0) - 1);
  return makeData({ type, length: codes.length, nullCount, nullBitmap, data, dictionary });
}
