import { tableFromIPC } from "apache-arrow";
import type { Encoder } from "../src/lake/encoder.ts";
import { encodeHere } from "../src/lake/encoder_server.ts";

/** An encoder that cannot take events with some ids, and counts how often it is asked. */
export function refusing(isPoison: (eventId: string) => boolean) {
  const seen = { calls: 0 };
  const encode: Encoder = (table) => {
    seen.calls++;
    const rows = tableFromIPC(table.stream);
    const isEvents = rows.schema.names.includes("usuario_id");
    for (const id of isEvents ? rows.getChild("event_id") ?? [] : []) {
      if (isPoison(String(id))) {
        return Promise.reject(new Error("the test's encoder cannot take it"));
      }
    }
    return encodeHere(table);
  };
  return { encode, seen };
}
