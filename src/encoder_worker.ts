/// <reference lib="deno.worker" />
import { loadEncoder, serveEncoder } from "./lake/encoder_server.ts";

/** The worker that makes files of batches, on a core of its own and without any permission. */
self.onmessage = ({ data }: MessageEvent<MessagePort>) => serveEncoder(data);

self.postMessage("ready");
// Nobody waits for it before there is something to encode, which then fails if this did.
loadEncoder().catch(() => {});
