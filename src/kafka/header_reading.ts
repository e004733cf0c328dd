import Decoder from "kafkajs/src/protocol/decoder.js";

interface ReadHeader {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** The part of kafkajs's decoder that is replaced; the package has no types for it. */
interface HeaderDecoder {
  readVarIntArray(reader: (decoder: HeaderDecoder) => ReadHeader): ReadHeader[];
}
const prototype: HeaderDecoder = Decoder.prototype;

let isPatched = false;

/**
 * kafkajs 2.2.4 makes an object of a record's headers by copying it once for each of them, so that one record
 * with 20,000 names takes minutes, in which no heartbeat is sent. The list that its decoder reads gives the
 * same object in one pass instead. kafkajs decodes what brokers before 2.3 send (see fetch_response.ts).
 */
export function readHeadersInOnePass(): void {
  if (isPatched) return;
  isPatched = true;
  const { readVarIntArray } = prototype;
  // Headers are the only such arrays (protocol/recordBatch/record/v0/decoder).
  prototype.readVarIntArray = function (reader) {
    const headers = readVarIntArray.call(this, reader);
    return Object.defineProperty(headers, "reduce", { value: () => objectOf(headers) });
  };
}

function objectOf(headers: readonly ReadHeader[]): object {
  const byName = Map.groupBy(headers, ({ key }) => key);
  // It defines its members, so that a header named __proto__ stays one.
  return Object.fromEntries(
    [...byName].map(([name, same]) => {
      const values = same.map(({ value }) => value);
      return [name, values.length === 1 ? values[0] : values];
    }),
  );
}
