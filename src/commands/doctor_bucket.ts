import { failure, type Finding, ok, warning } from "../core/check.ts";
import { messageOf, OrillaError } from "../core/errors.ts";
import type { S3Bucket } from "../lake/s3_bucket.ts";
import { PROBE_OBJECT, probeConditionalWrites } from "../lake/s3_probe.ts";
import { systemClock } from "../runtime/clock.ts";
import { counted } from "../core/count_text.ts";
import { msText } from "./summary.ts";

/** Stores refuse requests that are signed 15 minutes before or after their time. */
const WIDE_CLOCK_MS = 60_000;
/** Each commit waits for three requests after another, however many files it has. */
const SLOW_REQUEST_MS = 1_000;
const ROUNDS = 5;

/** What was measured of a store. */
export interface StoreFacts {
  readonly location: string;
  /** How long requests that write a small object took, the shortest first. */
  readonly tookMs: readonly number[];
  /** The store's clock less this machine's; null where it does not tell. */
  readonly clockAheadMs: number | null;
  readonly pendingUploads: number;
}

/** Lists, writes, uploads and removes as a consumer does, and tries whether the store lets objects be replaced. */
export async function bucketFinding(bucket: S3Bucket): Promise<Finding> {
  const { location } = bucket.client;
  try {
    return storeFinding(await probeStore(bucket));
  } catch (error) {
    const [text = "", advice = null] = messageOf(error).split(". What can be done: ");
    const facts = { path: location, isWritable: false };
    return failure(error instanceof OrillaError ? text : `${location}: ${text}`, advice, { facts });
  }
}

async function probeStore(bucket: S3Bucket): Promise<StoreFacts> {
  const { client } = bucket;
  const { prefix } = client.place;
  const { headers } = await client.send({
    method: "GET",
    query: { "list-type": "2", "max-keys": "1", prefix },
  });
  const storeMs = Date.parse(headers.get("date") ?? "");
  const clockAheadMs = Number.isNaN(storeMs) ? null : storeMs - systemClock.nowMs();
  const pendingUploads = (await bucket.listUploads(prefix)).length;
  await probeConditionalWrites(bucket);
  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const key = `${prefix}${PROBE_OBJECT}_${crypto.randomUUID().slice(0, 8)}`;
    const startMs = systemClock.monotonicMs();
    await bucket.putIfAbsent(key, new Uint8Array(4_096).fill(round + 1));
    tookMs.push(systemClock.monotonicMs() - startMs);
    await bucket.remove(key);
  }
  tookMs.sort((a, b) => a - b);
  return { location: client.location, tookMs, clockAheadMs, pendingUploads };
}

/** What is said of a store that does all that is needed. */
export function storeFinding(
  { location, tookMs, clockAheadMs, pendingUploads }: StoreFacts,
): Finding {
  const medianMs = tookMs[Math.floor(tookMs.length / 2)] ?? 0, mostMs = tookMs.at(-1) ?? 0;
  const facts = {
    path: location,
    isWritable: true,
    writeMedianMs: medianMs,
    writeMostMs: mostMs,
    clockAheadMs,
    pendingUploads,
  };
  const text =
    `${location} can be written, and replaces no object; a small one takes ${msText(medianMs)} ` +
    `(median of ${tookMs.length}; the longest ${msText(mostMs)}); ${
      counted(pendingUploads, "upload")
    } under way`;
  if (clockAheadMs !== null && Math.abs(clockAheadMs) > WIDE_CLOCK_MS) {
    const off = `${Math.round(Math.abs(clockAheadMs) / 1000)} s`;
    const side = clockAheadMs > 0 ? "behind" : "ahead of";
    return warning(`${text}; this machine's clock is ${off} ${side} the store's`, "set the clock", {
      facts,
    });
  }
  if (medianMs <= SLOW_REQUEST_MS) return ok(text, { facts });
  const advice = "each commit waits for several: use larger batches (--batch-max-events, " +
    "--batch-max-latency-ms)";
  return warning(text, advice, { facts });
}
