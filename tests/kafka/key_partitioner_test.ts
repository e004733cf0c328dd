import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Partitioners } from "kafkajs";
import { keyPartitioner, murmur2 } from "../../src/kafka/key_partitioner.ts";
import { checkProperty } from "../property_seed.ts";

function partitionsOf(count: number) {
  return Array.from({ length: count }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 1,
    replicas: [1],
    isr: [1],
  }));
}

Deno.test("keyPartitioner() agrees with kafkajs's own partitioner on any key", () => {
  const ours = keyPartitioner(), theirs = Partitioners.DefaultPartitioner();
  const keys = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.nat().map((n) => new TextEncoder().encode(`e${n}`)),
    fc.uuid().map((id) => new TextEncoder().encode(id)),
  );
  checkProperty(
    fc.property(keys, fc.integer({ min: 1, max: 1000 }), (bytes, count) => {
      const message = { key: Buffer.from(bytes), value: "" };
      const asked = { topic: "t", partitionMetadata: partitionsOf(count), message };
      assert.equal(ours(bytes, count), theirs(asked));
    }),
    { runs: 2_000 },
  );
});

// From Kafka's own UtilsTest.testMurmur2.
Deno.test("murmur2() gives the hashes that Kafka's tests list", () => {
  const expected: Readonly<Record<string, number>> = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
  };
  for (const [text, hash] of Object.entries(expected)) {
    assert.equal(murmur2(new TextEncoder().encode(text)), hash);
  }
});

Deno.test("keyPartitioner() gives records without a key to the partitions in turn", () => {
  const ours = keyPartitioner();
  assert.deepEqual([0, 1, 2, 3].map(() => ours(null, 3)), [0, 1, 2, 0]);
});
