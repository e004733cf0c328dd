import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { parquetMetadataAsync } from "hyparquet";
import { IdHash, mayHold } from "../../src/core/id_filter.ts";
import { parseFileName } from "../../src/core/lake_path.ts";
import { microsecondsOf, parseIso8601 } from "../../src/core/timestamp.ts";
import { serveEncoder } from "../../src/lake/encoder_server.ts";
import { mergeHere } from "../../src/lake/merge.ts";
import { mergeThere } from "../../src/lake/merge_port.ts";
import { MERGED_METADATA, mergedFrom } from "../../src/lake/merged_metadata.ts";
import type { Merged, Merger, MergeSource } from "../../src/lake/merger.ts";
import { batchOfEvents } from "../core/samples.ts";
import { readParquet } from "../lake_reader.ts";
import { checkAsyncProperty } from "../property_seed.ts";
import { emptyLake, stageBatch, STAGED_AT_MS } from "./staged_lake.ts";

const INSTANCE = "0123456789ab";

type Bytes = Uint8Array<ArrayBuffer>;

/** A file of some events of one date, as a commit stages it. */
async function fileOf(
  events: readonly Readonly<Record<string, unknown>>[],
  sequence: number,
): Promise<Bytes> {
  await using lake = await emptyLake();
  const request = { sequence, instanceId: INSTANCE, stagedAtMs: STAGED_AT_MS + sequence };
  const [file] = await stageBatch(lake, batchOfEvents(events), request);
  return await lake.files.read(file?.stagedPath ?? "");
}

function sourceOf(bytes: Bytes, sequence: number, isMerged = false): MergeSource {
  const stagedAtMs = STAGED_AT_MS + sequence;
  return { instanceId: INSTANCE, sequence, stagedAtMs, isMerged, bytes: bytes.length };
}

/** Merges files that are in memory. */
async function merge(
  day: number,
  { files, sources, merger = mergeHere }: {
    readonly files: readonly Bytes[];
    readonly sources: readonly MergeSource[];
    readonly merger?: Merger;
  },
): Promise<{ readonly merged: Merged; readonly bytes: Bytes }> {
  const parts: Bytes[] = [];
  const merged = await merger({ day, sources, version: "test", protection: null }, {
    read: (source, { start, end }) =>
      Promise.resolve(files[source]?.slice(start, end) ?? new Uint8Array(0)),
    write: (part) => {
      parts.push(part);
      return Promise.resolve();
    },
  });
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return { merged, bytes };
}

const event = fc.record({
  event_id: fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((id) =>
    id.isWellFormed()
  ),
  second: fc.nat(59),
  micro: fc.nat(999_999),
  usuario_id: fc.maxSafeInteger(),
  accion: fc.constantFrom(undefined, "click", "view", "purchase"),
  monto: fc.constantFrom(undefined, null, 0, 0.1, 12.5, 1e300),
  extra: fc.option(fc.string({ maxLength: 200 }), { nil: undefined }),
});

const dates = fc.constantFrom("2026-11-24", "0001-01-01", "9999-12-31", "1969-12-31");

function rowsOf(events: readonly Record<string, unknown>[]): string[] {
  return events.map((row) =>
    JSON.stringify(row, (_key, value) => typeof value === "bigint" ? String(value) : value)
  ).sort();
}

Deno.test("mergeHere() keeps every row as it was, in the order of ts, whatever is in it", async () => {
  const files = fc.array(fc.array(event, { minLength: 1, maxLength: 20 }), {
    minLength: 2,
    maxLength: 6,
  });
  await checkAsyncProperty(
    fc.asyncProperty(dates, files, async (date, planned) => {
      const day = parseIso8601(date)?.day ?? 0;
      const sources = await Promise.all(planned.map((events, i) =>
        fileOf(
          events.map(({ second, micro, ...fields }) => {
            const fraction = String(micro).padStart(6, "0");
            const ts = `${date}T10:00:${String(second).padStart(2, "0")}.${fraction}Z`;
            return { ...fields, ts };
          }),
          i + 1,
        )
      ));
      const { merged, bytes } = await merge(day, {
        files: sources,
        sources: sources.map((file, i) => sourceOf(file, i + 1)),
      });
      const rows = await readParquet(bytes);
      const before = (await Promise.all(sources.map(readParquet))).flat();
      assert.deepEqual(rowsOf(rows), rowsOf(before));
      const times = rows.map(({ ts }) => BigInt(String(ts)));
      assert.deepEqual(times, times.toSorted((a, b) => a < b ? -1 : a > b ? 1 : 0));
      assert.equal(merged.rowCount, before.length);
      assert.equal(merged.bytes, bytes.length);
      assert.equal(merged.checksum, createHash("sha256").update(bytes).digest("hex"));
      assert.equal(merged.minTsMicroseconds, times[0]);
      assert.equal(merged.maxTsMicroseconds, times.at(-1));
      for (const { event_id } of rows) {
        assert.ok(mayHold(merged.filter, IdHash.of(String(event_id))));
      }
    }),
    { runs: 40 },
  );
});

/** Columns with type and encodings, and the metadata, as a reader that orilla does not use has them. */
async function shapeOf(bytes: Bytes) {
  const { schema, row_groups, key_value_metadata } = await parquetMetadataAsync(bytes.buffer);
  const encodings = row_groups[0]?.columns.map(({ meta_data }) => [
    meta_data?.path_in_schema.join("."),
    meta_data?.codec,
    [...meta_data?.encodings ?? []].sort().join(),
  ]);
  const columns = schema.map(({ name, type, repetition_type, logical_type }) => ({
    name,
    type,
    repetition_type,
    logical_type,
  }));
  const metadata = new Map(key_value_metadata?.map(({ key, value }) => [key, value]));
  return { columns, encodings, metadata };
}

const EVENTS = ["b", "a"].map((event_id, i) => ({
  event_id,
  ts: `2026-11-24T10:00:0${i}Z`,
  accion: "click",
  origen: "app",
}));
const DAY = parseIso8601("2026-11-24")?.day ?? 0;

Deno.test("a merged file has the columns, encodings and compression of its sources, and says what it is made of", async () => {
  const [one, two] = [await fileOf(EVENTS, 1), await fileOf(EVENTS.slice(1), 2)];
  const first = await merge(DAY, {
    files: [one, two],
    sources: [sourceOf(one, 1), sourceOf(two, 2)],
  });
  const third = await fileOf(EVENTS.slice(0, 1), 3);
  const { bytes } = await merge(DAY, {
    files: [third, first.bytes],
    sources: [sourceOf(third, 3), sourceOf(first.bytes, 9, true)],
  });
  const [source, merged] = [await shapeOf(one), await shapeOf(bytes)];
  assert.deepEqual(merged.columns, source.columns);
  assert.deepEqual(merged.encodings, source.encodings);
  const { commits, merged: taken } = mergedFrom(merged.metadata.get(MERGED_METADATA) ?? "");
  assert.deepEqual(
    commits.map(({ sequence, rowCount, ranges }) => [sequence, rowCount, ranges[0]?.nextOffset]),
    [[3, 1, 1n], [1, 2, 2n], [2, 1, 1n]],
  );
  const identity = { instanceId: INSTANCE, sequence: 9, stagedAtMs: STAGED_AT_MS + 9 };
  assert.deepEqual(taken, [identity]);
  assert.equal(
    parseFileName("events_20261124T101500123Z_3f9c1a0b77d2_0000000042_merged.parquet")?.isMerged,
    true,
  );
});

Deno.test("a merge of large rows, many sources and far times reads each of them a little at a time", async () => {
  const files = await Promise.all(Array.from({ length: 40 }, (_, i) =>
    fileOf(
      Array.from({ length: 30 }, (_, row) => ({
        event_id: `e${i}-${row}`,
        ts: new Date(DAY * 86_400_000 + row * 1_000 + i).toISOString(),
        extra: "x".repeat(20_000) + i,
      })),
      i + 1,
    )));
  let largest = 0;
  const { bytes } = await merge(DAY, {
    files,
    sources: files.map((file, i) => sourceOf(file, i + 1)),
    merger: (request, { read, write }) =>
      mergeHere(request, {
        read,
        write: (part) => {
          largest = Math.max(largest, part.length);
          return write(part);
        },
      }),
  });
  const rows = await readParquet(bytes);
  assert.equal(rows.length, 1_200);
  const day = microsecondsOf({ day: DAY, microseconds: 0 });
  assert.deepEqual(rows.slice(0, 41).map(({ ts }) => Number(BigInt(String(ts)) - day) / 1_000), [
    ...Array.from({ length: 40 }, (_, i) => i),
    1_000,
  ]);
});

/** A merger at the other end of a port. */
function otherThread(): { readonly merger: Merger } & Disposable {
  const { port1, port2 } = new MessageChannel();
  serveEncoder(port2);
  return {
    merger: mergeThere(port1),
    [Symbol.dispose]: () => {
      port1.close();
      port2.close();
    },
  };
}

Deno.test("mergeThere() gives what mergeHere() gives", async () => {
  const [one, two] = [await fileOf(EVENTS, 1), await fileOf(EVENTS, 2)];
  const parts = { files: [one, two], sources: [sourceOf(one, 1), sourceOf(two, 2)] };
  using thread = otherThread();
  const there = await merge(DAY, { ...parts, merger: thread.merger });
  const here = await merge(DAY, parts);
  assert.deepEqual(await readParquet(there.bytes), await readParquet(here.bytes));
  // Rust writes the metadata in no order.
  const { checksum: _one, ...other } = there.merged;
  const { checksum: _another, ...own } = here.merged;
  assert.deepEqual(other, own);
});

Deno.test("a merge fails with what reading or writing failed with, in this thread and in another one", async () => {
  const [one, two] = [await fileOf(EVENTS, 1), await fileOf(EVENTS, 2)];
  const request = {
    day: DAY,
    sources: [sourceOf(one, 1), sourceOf(two, 2)],
    version: "test",
    protection: null,
  };
  const read = (source: number, { start, end }: { readonly start: number; readonly end: number }) =>
    Promise.resolve((source === 0 ? one : two).slice(start, end));
  class Failure extends Error {}
  using thread = otherThread();
  for (const merger of [mergeHere, thread.merger]) {
    const failing = () => Promise.reject(new Failure("no"));
    await assert.rejects(merger(request, { read, write: failing }), Failure);
    const write = () => Promise.resolve();
    let readCount = 0;
    await merger(request, { read: (...range) => (readCount++, read(...range)), write });
    for (let failed = 0; failed < readCount; failed++) {
      let count = 0;
      const failingOnce: typeof read = (...range) =>
        count++ === failed ? failing() : read(...range);
      await assert.rejects(merger(request, { read: failingOnce, write }), Failure, String(failed));
    }
    assert.ok(readCount > 6, String(readCount));
    const cut = { read: () => read(0, { start: 0, end: 10 }), write: () => Promise.resolve() };
    await assert.rejects(merger(request, cut), /cannot be merged/);
  }
});

Deno.test("a merge fails with the first read that fails, whichever it is, and the thread goes on", async () => {
  const files = [await fileOf(EVENTS, 1), await fileOf(EVENTS, 2)];
  const request = {
    day: DAY,
    sources: files.map((file, index) => sourceOf(file, index + 1)),
    version: "test",
    protection: null,
  };
  using thread = otherThread();
  for (const merger of [mergeHere, thread.merger]) {
    let readCount = Infinity;
    for (let failingRead = 0; failingRead < readCount; failingRead++) {
      let reads = 0;
      const merged = merger(request, {
        read: (source, { start, end }) =>
          reads++ === failingRead
            ? Promise.reject(new Error("the disk is gone"))
            : Promise.resolve(files[source]?.slice(start, end) ?? new Uint8Array()),
        write: () => Promise.resolve(),
      });
      const failed = await merged.then(() => null, String);
      if (failed === null) readCount = reads;
      else assert.match(failed, /the disk is gone/);
    }
    assert.ok(readCount > 4, `${readCount} reads`);
  }
});
