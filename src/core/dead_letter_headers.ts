import type { RejectedRecord } from "./rejected_records.ts";
import type { RecordHeader } from "./record.ts";

/** Headers of the dead-letter topic that are orilla's own begin so. */
const PREFIX = "orilla.";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The headers that a rejected record has in the dead-letter topic: its own, then what orilla says of it. Headers
 * that orilla gave it the last time, if it was sent back from there, are replaced; `orilla.attempts` goes on.
 */
export function deadLetterHeaders(
  { record, topicPartition, rejected, attempts }: RejectedRecord,
  version: string,
): readonly RecordHeader[] {
  const own = record.headers.filter(({ name }) => !name.startsWith(PREFIX));
  const said: readonly (readonly [name: string, text: string])[] = [
    ["reason", rejected.reason],
    ...(rejected.path === null ? [] : [["path", rejected.path] as const]),
    ["topic", topicPartition.topic],
    ["partition", String(topicPartition.partition)],
    ["offset", String(record.offset)],
    ["timestamp", String(record.timestampMs)],
    ["attempts", String(earlierAttempts(record.headers) + attempts)],
    ["version", version],
  ];
  const ours = said.map(([name, text]) => ({ name: PREFIX + name, value: encoder.encode(text) }));
  return [...own, ...ours];
}

/** How often the record was rejected before; 0 where its header does not say so, or is not ours. */
function earlierAttempts(headers: readonly RecordHeader[]): number {
  const header = headers.find(({ name }) => name === `${PREFIX}attempts`);
  const text = decoder.decode(header?.value ?? new Uint8Array());
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
