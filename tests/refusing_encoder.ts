import { tableFromIPC } from "apache-arrow";
import type { TableEncoder } from "../src/lake/encoder.ts";
import { encoderHere, encodeTable } from "../src/lake/encoder_server.ts";

/** An encoder that cannot take events with some ids, and counts how often it is asked. */
export function refusing(isPoison: (eventId: string) => boolean) {
  const seen = { calls: 0 };
  const encode: TableEncoder = (table) => {
    seen.calls++;
    const rows = tableFromIPC(table.stream);
    const isEvents = rows.schema.names.includes("usuario_id");
    for (const id of isEvents ? rows.getChild("event_id") ?? [] : []) {
      if (isPoison(String(id))) {
        return Promise.reject(new Error("the test's encoder cannot take it"));
      }
    }
    return encodeTable(table);
  };
  return { encoder: encoderHere(encode), seen };
}
