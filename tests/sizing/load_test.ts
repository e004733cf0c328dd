import assert from "node:assert/strict";
import { loadOf, requestsADay, seenIdBytes } from "./load.ts";

const WANTED = {
  rate: 1_000_000,
  batchEvents: 50_000,
  latencySeconds: 5,
  datesPerBatch: 2,
  instanceCores: 2,
  utilization: 0.5,
  spareInstances: 2,
};
const MEASURED = {
  consumerCpuSeconds: 8,
  consumerMegabytes: 300,
  recordBytes: 150,
  parquetBytes: 20,
};

Deno.test("loadOf() at full batches: ten instances of a hundred thousand events/s", () => {
  assert.deepEqual(loadOf(WANTED, MEASURED), {
    consumerCores: 8,
    instances: 10,
    partitions: 40,
    memoryMegabytes: 3_000,
    commitSeconds: 0.5,
    eventsPerCommit: 50_000,
    commitsPerSecond: 20,
    filesPerSecond: 40,
    megabytesPerFile: 0.5,
    kafkaMegabytesPerSecond: 150,
    lakeMegabytesPerSecond: 20,
  });
});

Deno.test("loadOf() where the latency ends a batch before it is full", () => {
  const { commitSeconds, eventsPerCommit, commitsPerSecond } = loadOf(
    { ...WANTED, batchEvents: 1_000_000 },
    MEASURED,
  );
  assert.deepEqual({ commitSeconds, eventsPerCommit, commitsPerSecond }, {
    commitSeconds: 5,
    eventsPerCommit: 500_000,
    commitsPerSecond: 2,
  });
});

Deno.test("requestsADay() counts files and commits, and what they cost", () => {
  const { writes, reads, dollars } = requestsADay(
    { commitsPerSecond: 1, filesPerSecond: 2 },
    { writesPerFile: 3, writesPerCommit: 1, readsPerCommit: 2 },
    { writes: 0.005, reads: 0.0004 },
  );
  assert.deepEqual({ writes, reads }, { writes: 604_800, reads: 172_800 });
  assert.ok(Math.abs(dollars - 3.09312) < 1e-9);
});

Deno.test("seenIdBytes() has a quarter more where ids expire in quarters", () => {
  const wanted = { rate: 1_000, ttlSeconds: 3_600 };
  assert.equal(seenIdBytes(wanted, { bytesPerId: 20, heldFor: 1 }), 72_000_000);
  assert.equal(seenIdBytes(wanted, { bytesPerId: 20, heldFor: 1.25 }), 90_000_000);
});
