import { Data, DataType, Dictionary, Int32, makeData, makeVector, Utf8 } from "apache-arrow";
import { utf8Column, validityOf } from "./arrow_columns.ts";

/** Rows of several pieces, in a new order: row i is row `rows[i]` of piece `pieces[i]`. */
export interface Gathering {
  readonly pieces: Uint16Array;
  readonly rows: Uint32Array;
}

/**
 * A column of rows that lie in several pieces.
 *
 * @param from the column in each piece, all of one type
 * @throws where it is of a type that files of events do not have
 */
export function gatheredColumn(from: readonly Data[], gathering: Gathering): Data {
  const type = from[0]?.type;
  if (DataType.isUtf8(type)) return gatheredTexts(from, gathering);
  if (DataType.isDictionary(type)) return gatheredWords(from, gathering);
  const length = gathering.rows.length;
  const validity = gatheredValidity(from, gathering);
  if (DataType.isInt(type) && type.bitWidth === 32) {
    return makeData({ type, length, ...validity, data: gatheredNumbers(from, gathering, 1) });
  }
  const data = () => gatheredNumbers(from, gathering, 2).buffer;
  if (DataType.isInt(type) && type.bitWidth === 64) {
    return makeData({ type, length, ...validity, data: new BigInt64Array(data()) });
  }
  if (DataType.isTimestamp(type)) {
    return makeData({ type, length, ...validity, data: new BigInt64Array(data()) });
  }
  if (DataType.isFloat(type)) {
    return makeData({ type, length, ...validity, data: new Float64Array(data()) });
  }
  throw new Error(`it has a column of type ${String(type)}`);
}

/** Numbers are copied as words of 32 bits: a BigInt for each would take most of the time. */
function gatheredNumbers(
  from: readonly Data[],
  { pieces, rows }: Gathering,
  words: 1 | 2,
): Int32Array<ArrayBuffer> {
  const sources = from.map(({ values }) =>
    new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4)
  );
  const data = new Int32Array(rows.length * words);
  for (let i = 0; i < rows.length; i++) {
    const source = sources[pieces[i] ?? 0], row = rows[i] ?? 0;
    if (source === undefined) continue;
    if (words === 1) data[i] = source[row] ?? 0;
    else {
      data[2 * i] = source[2 * row] ?? 0;
      data[2 * i + 1] = source[2 * row + 1] ?? 0;
    }
  }
  return data;
}

function gatheredTexts(from: readonly Data[], gathering: Gathering): Data<Utf8> {
  const { pieces, rows } = gathering;
  const valueOffsets = new Int32Array(rows.length + 1);
  let end = 0;
  for (let i = 0; i < rows.length; i++) {
    const offsets: Int32Array = from[pieces[i] ?? 0]?.valueOffsets, row = rows[i] ?? 0;
    end += (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
    valueOffsets[i + 1] = end;
  }
  const data = new Uint8Array(end);
  for (let i = 0; i < rows.length; i++) {
    const piece = from[pieces[i] ?? 0], row = rows[i] ?? 0;
    const bytes: Uint8Array = piece?.values, offsets: Int32Array = piece?.valueOffsets;
    let to = valueOffsets[i] ?? 0;
    // Most texts are short: a view for each would cost more than its copy.
    for (let at = offsets[row] ?? 0, last = offsets[row + 1] ?? 0; at < last; at++) {
      data[to++] = bytes[at] ?? 0;
    }
  }
  const validity = gatheredValidity(from, gathering);
  return makeData({ type: new Utf8(), length: rows.length, ...validity, valueOffsets, data });
}

/** Pieces have dictionaries of their own; the gathered one has the words of all. */
function gatheredWords(from: readonly Data[], gathering: Gathering): Data {
  const codes = new Map<string, number>();
  const maps = from.map(({ dictionary }) =>
    Int32Array.from({ length: dictionary?.length ?? 0 }, (_, code) => {
      const word = String(dictionary?.get(code));
      const known = codes.get(word) ?? codes.size;
      codes.set(word, known);
      return known;
    })
  );
  const { pieces, rows } = gathering;
  const data = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const piece = pieces[i] ?? 0;
    data[i] = maps[piece]?.[from[piece]?.values[rows[i] ?? 0]] ?? 0;
  }
  return makeData({
    type: new Dictionary(new Utf8(), new Int32()),
    length: rows.length,
    ...gatheredValidity(from, gathering),
    data,
    dictionary: makeVector(utf8Column([...codes.keys()])),
  });
}

function gatheredValidity(from: readonly Data[], { pieces, rows }: Gathering) {
  if (from.every(({ nullCount }) => nullCount === 0)) return { nullCount: 0 };
  const { bitmap, nullCount } = validityOf(
    rows.length,
    (i) => from[pieces[i] ?? 0]?.getValid(rows[i] ?? 0) ?? false,
  );
  return { nullCount, nullBitmap: bitmap };
}
