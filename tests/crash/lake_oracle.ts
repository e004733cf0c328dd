import { DatabaseSync } from "node:sqlite";
import { readDeadLetters, readLake, strayFiles } from "../lake_reader.ts";
import { referenceChaskey } from "../reference_chaskey.ts";
import { recordedDuplicates } from "../recorded_duplicates.ts";
import type { MemoryTopic } from "./memory_topic.ts";

/**
 * Compares a lake and its checkpoint with what the topic's records must have become. It shares no code with
 * the pipeline.
 *
 * @returns what differs, in words; empty where all is exact
 */
export async function differences(outDir: string, topic: MemoryTopic): Promise<string[]> {
  const truths = topic.truths();
  const dates = new Map<string, string>();
  for (const truth of truths) if (truth.kind === "valid") dates.set(truth.eventId, truth.date);
  const invalidCount = truths.filter(({ kind }) => kind === "invalid").length;
  const found: string[] = [];
  const expect = (what: string, actual: unknown, expected: unknown) => {
    if (actual !== expected) found.push(`${what}: ${actual} instead of ${expected}`);
  };

  const rows = await readLake(outDir);
  expect("rows", rows.length, dates.size);
  const ids = new Set<string>();
  for (const { event_id, date } of rows) {
    if (ids.has(event_id)) found.push(`${event_id} is in the lake twice`);
    ids.add(event_id);
    if (dates.get(event_id) !== date) found.push(`${event_id} lies in ${date}`);
  }
  expect("dead letters", (await readDeadLetters(outDir)).length, invalidCount);
  const strays = await strayFiles(outDir);
  if (strays.length > 0) found.push(`stray files: ${strays.join(", ")}`);
  const duplicateCount = truths.length - dates.size - invalidCount;
  const counts = { published: dates.size, duplicate: duplicateCount, rejected: invalidCount };
  checkCheckpoint(outDir, { topic, ids: dates, counts, expect });
  const published = new Set(rows.map((row) => `${row.kafka_partition}/${row.kafka_offset}`));
  const duplicates = duplicateTexts(topic, published);
  const recorded = recordedDuplicates(outDir).map(({ partition, offset, eventId }) =>
    `${partition}/${offset} ${eventId}`
  );
  if (new Set(recorded).size < recorded.length) found.push("a duplicate is recorded twice");
  for (const text of recorded) {
    if (!duplicates.has(text)) found.push(`${text} is recorded, and no duplicate`);
  }
  return found;
}

/** The valid records that are no rows, as `partition/offset event_id`. */
function duplicateTexts(topic: MemoryTopic, published: ReadonlySet<string>): Set<string> {
  const texts = new Set<string>();
  topic.partitions.forEach((entries, partition) =>
    entries.forEach(({ truth }, offset) => {
      const position = `${partition}/${offset}`;
      if (truth.kind === "invalid" || published.has(position)) return;
      texts.add(`${position} ${truth.eventId}`);
    })
  );
  return texts;
}

function checkCheckpoint(
  outDir: string,
  { topic, ids, counts, expect }: {
    readonly topic: MemoryTopic;
    readonly ids: ReadonlyMap<string, string>;
    readonly counts: Readonly<Record<"published" | "duplicate" | "rejected", number>>;
    readonly expect: (what: string, actual: unknown, expected: unknown) => void;
  },
): void {
  using database = new DatabaseSync(`${outDir}/checkpoint.sqlite`, { readOnly: true });
  const number = (query: string, ...values: (string | number)[]) =>
    Number(Object.values(database.prepare(query).get(...values) ?? {})[0]);
  const seen = seenHashes(database);
  expect("seen ids", seen.length, ids.size);
  expect("different seen ids", new Set(seen).size, ids.size);
  const expected = expectedHashes(database, ids.keys());
  for (const hash of seen) if (!expected.has(hash)) expect("a seen id", hash, "one of the topic's");
  expect(
    "count of seen ids",
    number("SELECT value FROM counters WHERE name = 'seenIds'"),
    ids.size,
  );
  topic.partitions.forEach((entries, partition) => {
    const next = number("SELECT next_offset FROM partitions WHERE partition = ?", partition);
    expect(`next offset of ${partition}`, next, entries.length);
  });
  for (const [name, count] of Object.entries(counts)) {
    expect(name, number("SELECT sum(value) FROM counters WHERE name = ?", name), count);
    expect(`${name} of partitions`, number(`SELECT sum(${name}) FROM partitions`), count);
    expect(`${name} of commits`, number(`SELECT sum(${name}) FROM offset_ranges`), count);
  }
  const received = counts.published + counts.duplicate + counts.rejected;
  expect("received", number("SELECT value FROM counters WHERE name = 'received'"), received);
  expect("unpublished commits", number("SELECT count(*) FROM commits WHERE is_published = 0"), 0);
}

/** The hashes that a checkpoint holds, one by one, as hexadecimal digits. */
function seenHashes(database: DatabaseSync): string[] {
  return database.prepare("SELECT hex(hashes) AS digits FROM seen_chunks").all()
    .flatMap(({ digits }) => String(digits).match(/.{32}/g) ?? []);
}

/** The hashes that stand for ids in this checkpoint. */
function expectedHashes(database: DatabaseSync, ids: Iterable<string>): Set<string> {
  const row = database.prepare("SELECT value FROM meta WHERE key = 'id_key'").get();
  const words = String(row?.["value"]).match(/.{8}/g) ?? [];
  const key = Uint32Array.from(words, (word) => parseInt(word, 16));
  return new Set(Array.from(ids, (id) => {
    const hash = referenceChaskey(new TextEncoder().encode(id), key);
    return new Uint8Array(hash.buffer).toHex().toUpperCase();
  }));
}
