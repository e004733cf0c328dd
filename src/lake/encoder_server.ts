import type { Encoder, EncoderAnswer, EncoderRequest } from "./encoder.ts";
import { encodeParquet, loadParquet } from "./parquet.ts";

/** Encodes in this thread. */
export const encodeHere: Encoder = async (table) => {
  await loadParquet();
  return encodeParquet(table);
};

/** Answers the requests that come through a port, one after the other. */
export function serveEncoder(port: MessagePort): void {
  port.onmessage = ({ data: { id, table } }: MessageEvent<EncoderRequest>) => {
    encodeHere(table).then((bytes) => {
      port.postMessage({ id, kind: "file", bytes } satisfies EncoderAnswer, [bytes.buffer]);
    }).catch((error) => {
      const message = error instanceof Error ? error.message : String(error);
      port.postMessage({ id, kind: "failure", message } satisfies EncoderAnswer);
    });
  };
}
