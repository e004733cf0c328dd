import { IdHash, probesOf } from "../../core/id_filter.ts";
import { type DuplicateRecord, storedPositions } from "../duplicates.ts";
import type { CheckpointTrace, TracedFile } from "../traces.ts";
import type { Argument } from "./connection.ts";
import { type CommitRecord, filterKey } from "./records.ts";
import type { RedisLake } from "./redis_lake.ts";
import { listOf, numberOf, textOf } from "./replies.ts";

/** A commit's file, or (with an empty path) its duplicates: what has a filter. */
interface Filtered {
  readonly sequence: number;
  readonly finalPath: string;
}

/** Whether a filter is there, and may hold the id. */
interface Probe {
  readonly isThere: boolean;
  readonly mayHold: boolean;
}

/** Looks an event id up in the filters of all files, and in the recorded duplicates. */
export async function traceInCommits(
  lake: RedisLake,
  pages: AsyncIterable<readonly CommitRecord[]>,
  { eventId, purged, instanceIds }: {
    readonly eventId: string;
    readonly purged: ReadonlySet<string>;
    readonly instanceIds: readonly string[];
  },
): Promise<CheckpointTrace> {
  const hash = IdHash.of(eventId);
  const files: TracedFile[] = [], duplicates: DuplicateRecord[] = [];
  for await (const page of pages) {
    const kept = page.flatMap(({ sequence, committedAtMs, files }) =>
      files.map((file) => ({ ...file, sequence, committedAtMs }))
    ).filter(({ finalPath }) => !purged.has(finalPath));
    const probes = await probe(lake, kept, hash);
    kept.forEach(({ kind, finalPath, stagedPath, sequence, committedAtMs }, i) => {
      const mayHold = !probes[i]?.isThere || probes[i]?.mayHold === true;
      files.push({ kind, finalPath, stagedPath, sequence, committedAtMs, mayHold });
    });
    const found = page.filter(({ duplicateCount }) => duplicateCount > 0)
      .map(({ sequence }) => ({ sequence, finalPath: "" }));
    const held = await probe(lake, found, hash);
    const hits = found.filter((_, i) => held[i]?.mayHold === true);
    for (const { sequence } of hits) duplicates.push(...await find(lake, sequence, eventId));
  }
  files.sort((a, b) => a.sequence - b.sequence || (a.finalPath < b.finalPath ? -1 : 1));
  return { instanceIds, files, duplicates: duplicates.sort((a, b) => a.sequence - b.sequence) };
}

/** Asks the server for the bits of each filter, so that the filters stay there. */
async function probe(
  lake: RedisLake,
  filtered: readonly Filtered[],
  hash: IdHash,
): Promise<readonly Probe[]> {
  if (filtered.length === 0) return [];
  const keys = filtered.map(({ sequence, finalPath }) => filterKey(sequence, finalPath));
  const lengths = (await lake.sendAll(keys.map((key) => ["STRLEN", key]))).map(numberOf);
  const bits = await lake.sendAll(
    keys.map((key, i) => ["BITFIELD_RO", key, ...probeArguments(hash, lengths[i] ?? 0)]),
  );
  return bits.map((answer, i) => {
    const isThere = (lengths[i] ?? 0) > 0;
    return { isThere, mayHold: isThere && listOf(answer).every((bit) => bit === 1) };
  });
}

function probeArguments(hash: IdHash, length: number): readonly Argument[] {
  // Redis counts the bits of a byte from the highest one.
  return [...probesOf(hash, length * 8)].flatMap((bit) => ["GET", "u1", String(bit ^ 7)]);
}

async function find(
  lake: RedisLake,
  sequence: number,
  eventId: string,
): Promise<readonly DuplicateRecord[]> {
  const key = `duplicates:${sequence}`;
  const row = await lake.send("HMGET", key, "found_at_ms", "count", "partitions", "records");
  const [foundAtMs, count, partitions, records] = listOf(row);
  // Dropped since its filter was asked.
  if (!(records instanceof Uint8Array)) return [];
  const stored = { count: numberOf(count), partitions: textOf(partitions), records };
  const commit = { sequence, foundAtMs: numberOf(foundAtMs) };
  return storedPositions(stored, eventId).map((position) => ({ ...position, ...commit }));
}
