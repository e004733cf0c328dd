import { encodeParquet } from "../src/lake/parquet.ts";
import type { Encoder } from "../src/lake/staging.ts";

/** An encoder that cannot take events with some ids, and counts how often it is asked. */
export function refusing(isPoison: (eventId: string) => boolean) {
  const seen = { calls: 0 };
  const encode: Encoder = (columns, metadata) => {
    seen.calls++;
    const isEvents = columns.some(({ name }) => name === "usuario_id");
    const [ids] = columns;
    for (let row = 0; isEvents && row < (ids?.data.length ?? 0); row++) {
      if (isPoison(idAt(ids?.data, row))) throw new Error("the test's encoder cannot take it");
    }
    return encodeParquet(columns, metadata);
  };
  return { encode, seen };
}

/** The text in a row of a column of texts. */
function idAt(
  column: { readonly values: Uint8Array; readonly valueOffsets: Int32Array } | undefined,
  row: number,
): string {
  const bytes = column?.values.subarray(column.valueOffsets[row], column.valueOffsets[row + 1]);
  return new TextDecoder().decode(bytes);
}
