import { encodeParquet, loadParquet } from "./parquet.ts";
import type { ParquetTable } from "./parquet_table.ts";

/**
 * Makes a Parquet file of a table, whose stream it may take away. Rejects with an error that cannot pass where
 * the table cannot be written.
 */
export type Encoder = (table: ParquetTable) => Promise<Uint8Array>;

/** Encodes in this thread. */
export const encodeHere: Encoder = async (table) => {
  await loadParquet();
  return encodeParquet(table);
};

/** What a thread that encodes answers: the file, or why there is none. */
type Answer =
  & { readonly id: number }
  & (
    | { readonly kind: "file"; readonly bytes: Uint8Array<ArrayBuffer> }
    | { readonly kind: "failure"; readonly message: string }
  );

interface Request {
  readonly id: number;
  readonly table: ParquetTable;
}

/** Encodes in the thread at the other end of a port, see `serveEncoder`. */
export function encodeThere(port: MessagePort): Encoder {
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array>>();
  let nextId = 0;
  port.onmessage = ({ data }: MessageEvent<Answer>) => {
    const request = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "file") request?.resolve(data.bytes);
    else request?.reject(new Error(data.message));
  };
  return (table) => {
    const id = nextId++;
    const request = Promise.withResolvers<Uint8Array>();
    waiting.set(id, request);
    port.postMessage({ id, table } satisfies Request, [table.stream.buffer]);
    return request.promise;
  };
}

/** Answers the requests that come through a port, one after the other. */
export function serveEncoder(port: MessagePort): void {
  port.onmessage = ({ data: { id, table } }: MessageEvent<Request>) => {
    encodeHere(table).then((file) => {
      // Parquet's own memory stays where it is: what is sent is a copy, and then given away.
      const bytes = new Uint8Array(file);
      port.postMessage({ id, kind: "file", bytes } satisfies Answer, [bytes.buffer]);
    }).catch((error) => {
      const message = error instanceof Error ? error.message : String(error);
      port.postMessage({ id, kind: "failure", message } satisfies Answer);
    });
  };
}
