import { type Data, DataType } from "apache-arrow";
import { AgeTally } from "../core/age_tally.ts";
import { ACCIONES } from "../core/event_fields.ts";
import { type AccionCounts, type AccionKey, noAcciones } from "../core/lake_report.ts";
import { groupCountOf, type OpenParquet, readRowGroup } from "./parquet_ranges.ts";

/**
 * Counts the events of a file by `accion`, and their ages into the tally; three of its columns are decoded, a row
 * group at a time. `loadParquet` must have been called.
 *
 * @throws where it is not a file of events that orilla wrote; then nothing of it is counted
 */
export async function tallyEvents(file: OpenParquet, ages: AgeTally): Promise<AccionCounts> {
  const columns = ["ts", "accion", "processing_ts"];
  const counts = noAcciones(), agesOfFile = new AgeTally();
  const groupCount = groupCountOf(file);
  for (let group = 0; group < groupCount; group++) {
    for (const batch of await readRowGroup(file, { group, columns })) {
      const dataOf = (name: string): readonly Data[] => {
        const data = batch.getChild(name)?.data;
        if (data === undefined) throw new Error(`it has no column ${name}`);
        return data;
      };
      const starts = dataOf("ts").map(wordsOf), ends = dataOf("processing_ts").map(wordsOf);
      for (const chunk of dataOf("accion")) countAcciones(chunk, counts);
      starts.forEach((words, i) => addAges(words, ends[i] ?? new Int32Array(0), agesOfFile));
    }
  }
  ages.addAll(agesOfFile);
  return counts;
}

function addAges(starts: Int32Array, ends: Int32Array, ages: AgeTally): void {
  for (let at = 0; at < starts.length; at += 2) {
    const low = ((ends[at] ?? 0) >>> 0) - ((starts[at] ?? 0) >>> 0);
    ages.add(((ends[at + 1] ?? 0) - (starts[at + 1] ?? 0)) * 2 ** 32 + low);
  }
}

/** 64-bit values as pairs of 32-bit words, the lower one first: a BigInt for each would take most of the time. */
function wordsOf({ values, length }: Data): Int32Array {
  if (!(values instanceof BigInt64Array)) throw new Error("its times are not 64 bits wide");
  return new Int32Array(values.buffer, values.byteOffset, 2 * length);
}

function countAcciones(chunk: Data, counts: AccionCounts): void {
  const { dictionary, values, length } = chunk;
  if (!DataType.isDictionary(chunk.type) || dictionary === undefined) {
    throw new Error("its accion is no dictionary");
  }
  const keys = Array.from({ length: dictionary.length }, (_, i) => keyOf(dictionary.get(i)));
  const byCode = new Float64Array(keys.length);
  let nullCount = 0;
  for (let row = 0; row < length; row++) {
    if (chunk.nullCount > 0 && !chunk.getValid(row)) nullCount++;
    else byCode[values[row]] = (byCode[values[row]] ?? 0) + 1;
  }
  keys.forEach((key, code) => counts[key] += byCode[code] ?? 0);
  counts.none += nullCount;
}

function keyOf(word: unknown): AccionKey {
  return ACCIONES.find((known) => known === word) ?? "other";
}
