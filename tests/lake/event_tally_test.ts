import assert from "node:assert/strict";
import { AgeTally } from "../../src/core/age_tally.ts";
import { tallyEvents } from "../../src/lake/event_tally.ts";
import { openParquet } from "../../src/lake/parquet_ranges.ts";
import { batchOfEvents } from "../core/samples.ts";
import { emptyLake, stageBatch, STAGED_AT_MS } from "./staged_lake.ts";

function isoAt(ageMs: number): string {
  return new Date(STAGED_AT_MS - ageMs).toISOString();
}

/** The tally of a file that holds these events. */
async function tallyOf(events: Parameters<typeof batchOfEvents>[0]) {
  await using lake = await emptyLake();
  const ages = new AgeTally();
  const [file] = await stageBatch(lake, batchOfEvents(events));
  const bytes = await lake.files.read(file?.stagedPath ?? "");
  return { ages, bytes, counts: await tallyEvents(await opened(bytes), ages) };
}

function opened(bytes: Uint8Array<ArrayBuffer>) {
  return openParquet(bytes.length, (start, end) => Promise.resolve(bytes.slice(start, end)));
}

Deno.test("tallyEvents() counts each accion, and events without one", async () => {
  const { counts } = await tallyOf([
    ...["click", "view", "view", "purchase"].map((accion) => ({ ts: isoAt(0), accion })),
    { ts: isoAt(0), accion: undefined },
  ]);
  assert.deepEqual(counts, { click: 1, view: 2, purchase: 1, none: 1, other: 0 });
});

Deno.test("tallyEvents() measures ages to the millisecond, also across a power of 2^32, and the future", async () => {
  const agesMs = [0, 1, 100, 101, 3_600_000, 4_294_973, -1];
  const { ages } = await tallyOf(agesMs.map((ageMs) => ({ ts: isoAt(ageMs) })));
  assert.equal(ages.totalCount, agesMs.length);
  assert.equal(ages.futureCount, 1);
  assert.deepEqual([...ages.counts.slice(0, 2)], [3, 1]);
  assert.equal(ages.quantile(1), 4_294.973);
});

Deno.test("tallyEvents() counts nothing of a file that it cannot read as a whole", async () => {
  const { bytes } = await tallyOf([{ ts: isoAt(0) }]);
  const ages = new AgeTally();
  await assert.rejects(async () => tallyEvents(await opened(bytes.slice(0, -8)), ages));
  await using lake = await emptyLake();
  const [letters] = await stageBatch(lake, batchOfEvents([{ ts: "never" }]));
  const lettersBytes = await lake.files.read(letters?.stagedPath ?? "");
  await assert.rejects(async () => tallyEvents(await opened(lettersBytes), ages));
  assert.equal(ages.totalCount, 0);
});
