import { messageOf } from "../core/errors.ts";
import type { Merged, MergeFiles, Merger, MergeRequest } from "./merger.ts";

/** What a thread is told that merges: the request, and the port that it asks through. */
export interface MergeOrder {
  readonly kind: "merge";
  readonly request: MergeRequest;
  readonly port: MessagePort;
}

/** What it asks or says through that port. */
type FromMerger =
  | {
    readonly kind: "read";
    readonly id: number;
    readonly source: number;
    readonly start: number;
    readonly end: number;
  }
  | { readonly kind: "write"; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "merged"; readonly merged: Merged }
  | { readonly kind: "failure"; readonly message: string };

/** What it is answered: the bytes it wanted, nothing for what it wrote, or why not. */
type ToMerger =
  | { readonly kind: "done"; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "failure"; readonly message: string };

const NOTHING = new Uint8Array(0);

/**
 * Merges in the thread at the other end of a port, see `serveMerge`. What fails here (a disk that is full) is
 * thrown as it was.
 */
export function mergeThere(worker: Pick<MessagePort, "postMessage">): Merger {
  return (request, files) => {
    const { port1, port2 } = new MessageChannel();
    const merged = Promise.withResolvers<Merged>();
    let failure: unknown = null;
    const answer = async (asked: FromMerger & { readonly kind: "read" | "write" }) => {
      const { id } = asked;
      const bytes = asked.kind === "write"
        ? await files.write(asked.bytes).then(() => NOTHING)
        : await files.read(asked.source, asked);
      const transfer = bytes.length === 0 ? [] : [bytes.buffer];
      port1.postMessage({ kind: "done", id, bytes } satisfies ToMerger, transfer);
    };
    port1.onmessage = ({ data }: MessageEvent<FromMerger>) => {
      switch (data.kind) {
        case "merged":
          return merged.resolve(data.merged);
        case "failure":
          return merged.reject(failure ?? new Error(data.message));
        case "read":
        case "write":
          answer(data).catch((error) => {
            failure ??= error;
            port1.postMessage({ kind: "failure", message: messageOf(error) } satisfies ToMerger);
          });
          return;
        default:
          data satisfies never;
      }
    };
    worker.postMessage({ kind: "merge", request, port: port2 } satisfies MergeOrder, [port2]);
    return merged.promise.finally(() => port1.close());
  };
}

/** Carries out an order that came from `mergeThere`. */
export function serveMerge({ request, port }: MergeOrder, merge: Merger): void {
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array<ArrayBuffer>>>();
  let nextId = 0;
  port.onmessage = ({ data }: MessageEvent<ToMerger>) => {
    if (data.kind === "done") {
      waiting.get(data.id)?.resolve(data.bytes);
      waiting.delete(data.id);
    } else {
      // The merge ends by the first one; nobody waits for the others.
      for (const { reject } of waiting.values()) reject(new Error(data.message));
      waiting.clear();
    }
  };
  const ask = (
    message: (id: number) => FromMerger,
    given: readonly Transferable[] = [],
  ): Promise<Uint8Array<ArrayBuffer>> => {
    const id = nextId++;
    const answer = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    waiting.set(id, answer);
    port.postMessage(message(id), [...given]);
    return answer.promise;
  };
  const files: MergeFiles = {
    read: (source, range) => ask((id) => ({ kind: "read", id, source, ...range })),
    write: async (bytes) => {
      await ask((id) => ({ kind: "write", id, bytes }), [bytes.buffer]);
    },
  };
  merge(request, files).then((merged) => {
    port.postMessage({ kind: "merged", merged } satisfies FromMerger, [merged.filter.buffer]);
  }, (error) => {
    port.postMessage({ kind: "failure", message: messageOf(error) } satisfies FromMerger);
  }).finally(() => port.close());
}
