import assert from "node:assert/strict";
import fc from "fast-check";
import { OrillaError } from "../src/core/errors.ts";
import { Delivery, type DeliveryOptions, type DeliveryTarget } from "../src/kafka/delivery.ts";
import type { RecordToPublish } from "../src/kafka/record_batch.ts";
import type { Retrying } from "../src/runtime/retry.ts";
import { bytesOf } from "./core/samples.ts";
import { recordsOf } from "./fetch_responses.ts";
import { checkAsyncProperty } from "./property_seed.ts";

/** A record whose key names its partition, and whose value begins with its number. */
function numbered(number: number, partition: number, bytes = 10): RecordToPublish {
  return { key: Uint8Array.of(partition), value: bytesOf(`${number} `.padEnd(bytes)) };
}

/** A topic in memory. It answers as it is told, and notes what it was sent. */
class MemoryTarget implements DeliveryTarget {
  partitionCount = 3;
  batchBytes = 10_000;
  /** The numbers of the records that each partition has. */
  readonly partitions: number[][] = [];
  /** The numbers of the records of each request. */
  readonly requests: number[][] = [];
  /** Called for each request; what it rejects with is the answer. */
  answer: (partition: number, batch: Uint8Array) => Promise<void> = () => Promise.resolve();
  readonly #busy = new Set<number>();

  partitionOf(key: Uint8Array | null): number {
    return (key?.[0] ?? 0) % this.partitionCount;
  }

  async send(partition: number, batch: Uint8Array): Promise<void> {
    assert.ok(!this.#busy.has(partition), "a partition has one request under way");
    this.#busy.add(partition);
    try {
      const numbers = (await recordsOf(batch)).map(({ value }) =>
        parseInt(new TextDecoder().decode(value ?? undefined))
      );
      this.requests.push(numbers);
      if (partition >= this.partitionCount) throw passing();
      await this.answer(partition, batch);
      (this.partitions[partition] ??= []).push(...numbers);
    } finally {
      this.#busy.delete(partition);
    }
  }
}

function passing(): Error {
  return Object.assign(new Error("no leader"), { retriable: true });
}

function tooLarge(): Error {
  const fields = { name: "KafkaJSProtocolError", type: "MESSAGE_TOO_LARGE", retriable: false };
  return Object.assign(new Error("too large"), fields);
}

const RETRYING: Retrying = {
  policy: { attempts: 1_000, baseMs: 1, capMs: 1, budgetMs: 60_000 },
  clock: { nowMs: () => 0, monotonicMs: () => 0 },
  random: () => 0,
  sleep: () => Promise.resolve(),
  onRetry: () => {},
};

function deliveryTo(
  target: DeliveryTarget,
  options: Partial<DeliveryOptions> = {},
): Delivery {
  return new Delivery({ target, nowMs: () => 0, retrying: RETRYING, ...options });
}

Deno.test("Delivery sends each record once and in the order of its partition, whatever is answered", async () => {
  const anyTrouble = fc.record({
    keys: fc.array(fc.nat({ max: 5 }), { maxLength: 200 }),
    /** Which requests fail for a while. */
    failing: fc.infiniteStream(fc.boolean()),
    /** How many turns each answer takes. */
    turns: fc.infiniteStream(fc.nat({ max: 3 })),
    batchBytes: fc.integer({ min: 70, max: 1_000 }),
    largestTaken: fc.integer({ min: 100, max: 500 }),
    addedATurn: fc.integer({ min: 1, max: 50 }),
  });
  await checkAsyncProperty(
    fc.asyncProperty(anyTrouble, async ({ keys, failing, turns, largestTaken, ...given }) => {
      const target = new MemoryTarget();
      target.batchBytes = given.batchBytes;
      target.answer = async (_, batch) => {
        for (let turn = turns.next().value ?? 0; turn > 0; turn--) await Promise.resolve();
        if (batch.length > largestTaken) throw tooLarge();
        if (failing.next().value) throw passing();
      };
      const acknowledged: number[] = [];
      const delivery = deliveryTo(target, {
        onAcknowledged: (numbers) => acknowledged.push(...numbers),
      });
      for (const [number, key] of keys.entries()) {
        delivery.add(numbered(number, key));
        if (number % given.addedATurn === 0) await delivery.room();
      }
      await delivery.end();
      for (let partition = 0; partition < 3; partition++) {
        const expected = [...keys.keys()].filter((number) => (keys[number] ?? 0) % 3 === partition);
        assert.deepEqual(target.partitions[partition] ?? [], expected);
      }
      assert.deepEqual(acknowledged.sort((a, b) => a - b), [...keys.keys()]);
      assert.equal(delivery.acknowledgedCount, keys.length);
      assert.equal(delivery.acknowledgedInOrder, keys.length);
    }),
  );
});

Deno.test("Delivery sends what is added in a turn together, and what is added meanwhile with the next request", async () => {
  const target = new MemoryTarget();
  const first = Promise.withResolvers<void>();
  target.answer = () => target.requests.length === 1 ? first.promise : Promise.resolve();
  const delivery = deliveryTo(target);
  for (const number of [0, 1, 2]) delivery.add(numbered(number, 0));
  await new Promise((resolve) => setTimeout(resolve));
  for (const number of [3, 4]) delivery.add(numbered(number, 0));
  await new Promise((resolve) => setTimeout(resolve));
  delivery.add(numbered(5, 0));
  first.resolve();
  await delivery.end();
  assert.deepEqual(target.requests, [[0, 1, 2], [3, 4, 5]]);
});

Deno.test("Delivery has requests to several partitions under way", async () => {
  const target = new MemoryTarget();
  const all = Promise.withResolvers<void>();
  target.answer = async () => {
    if (target.requests.length === 3) all.resolve();
    await all.promise;
  };
  const delivery = deliveryTo(target);
  for (const number of [0, 1, 2]) delivery.add(numbered(number, number));
  await delivery.end();
  assert.deepEqual(target.requests.flat().sort(), [0, 1, 2]);
});

Deno.test("Delivery keeps record batches to their bound, a larger record alone", async () => {
  const target = new MemoryTarget();
  const lengths: number[] = [];
  target.answer = (_, { length }) => Promise.resolve(void lengths.push(length));
  const delivery = deliveryTo(target);
  const sizes = [...Array(50).fill(1_000), 30_000, 6_000, 6_000, 100];
  sizes.forEach((size, number) => delivery.add(numbered(number, 0, size)));
  await delivery.end();
  const counts = target.requests.map(({ length }) => length);
  assert.deepEqual(counts, [9, 9, 9, 9, 9, 5, 1, 1, 2]);
  assert.deepEqual(lengths.filter((length) => length > 10_000).length, 1);
});

Deno.test("Delivery makes what the brokers find too large smaller, and remembers it", async () => {
  const target = new MemoryTarget();
  target.answer = (_, { length }) =>
    length > 1_000 ? Promise.reject(tooLarge()) : Promise.resolve();
  const delivery = deliveryTo(target);
  for (let number = 0; number < 60; number++) delivery.add(numbered(number, 0, 100));
  await delivery.end();
  assert.deepEqual(target.partitions[0], [...Array(60).keys()]);
  assert.ok(target.batchBytes <= 1_000, `${target.batchBytes}`);
  const requestCount = target.requests.length;
  const next = deliveryTo(target);
  for (let number = 0; number < 5; number++) next.add(numbered(number, 0, 100));
  await next.end();
  assert.equal(target.requests.length, requestCount + 1);
});

Deno.test("Delivery ends with the first failure that lasts, and says which records it was about", async () => {
  const target = new MemoryTarget();
  const answers: { partition: number; answer: PromiseWithResolvers<void> }[] = [];
  target.answer = (partition) => {
    const answer = Promise.withResolvers<void>();
    answers.push({ partition, answer });
    return answer.promise;
  };
  const acknowledged: number[] = [], failed: number[] = [];
  const delivery = deliveryTo(target, {
    onAcknowledged: (numbers) => acknowledged.push(...numbers),
    onFailed: (numbers) => failed.push(...numbers),
  });
  [0, 1, 2].forEach((number) => delivery.add(numbered(number, number)));
  await new Promise((resolve) => setTimeout(resolve));
  [3, 4, 5].forEach((number) => delivery.add(numbered(number, number % 3)));
  const answerOf = (partition: number) =>
    answers.find((given) => given.partition === partition)?.answer;
  answerOf(0)?.resolve();
  await new Promise((resolve) => setTimeout(resolve));
  answerOf(1)?.reject(tooLarge());
  await new Promise((resolve) => setTimeout(resolve));
  // What is under way still counts; nothing new is sent.
  answers.filter(({ partition }) => partition !== 1).forEach(({ answer }) => answer.resolve());
  await assert.rejects(delivery.room(), /too large/);
  await assert.rejects(delivery.end(), /too large/);
  assert.deepEqual(acknowledged, [0, 2, 3]);
  assert.deepEqual(failed, [1]);
  assert.deepEqual(target.requests.flat().sort(), [0, 1, 2, 3]);
  assert.equal(delivery.acknowledgedCount, 3);
  assert.equal(delivery.acknowledgedInOrder, 1);
});

Deno.test("Delivery gives up when the retry policy is spent, and without one at once", async () => {
  for (const attempts of [3, null]) {
    const target = new MemoryTarget();
    target.answer = () => Promise.reject(passing());
    const retrying = attempts === null
      ? null
      : { ...RETRYING, policy: { ...RETRYING.policy, attempts } };
    const delivery = deliveryTo(target, { retrying });
    delivery.add(numbered(0, 0));
    await assert.rejects(delivery.end(), (error) => {
      return attempts === null
        ? error instanceof Error && error.message === "no leader"
        : error instanceof OrillaError && /Gave up produce after 3 tries/.test(error.message);
    });
    assert.deepEqual(target.requests, Array(attempts ?? 1).fill([0]));
  }
});

Deno.test("Delivery gives the records of a partition that is no more to the others", async () => {
  for (const retrying of [RETRYING, null]) {
    const target = new MemoryTarget();
    const delivery = deliveryTo(target, { retrying });
    for (let number = 0; number < 9; number++) delivery.add(numbered(number, number));
    target.partitionCount = 2;
    await delivery.end();
    const all = target.partitions.flatMap((numbers) => numbers).sort((a, b) => a - b);
    assert.deepEqual(all, [...Array(9).keys()]);
    assert.equal(target.partitions.length, 2);
    assert.equal(delivery.acknowledgedInOrder, 9);
  }
});

Deno.test("Delivery.room() waits while much is unacknowledged", async () => {
  const target = new MemoryTarget();
  target.batchBytes = 1_048_576;
  const first = Promise.withResolvers<void>();
  target.answer = () => target.requests.length === 1 ? first.promise : Promise.resolve();
  const delivery = deliveryTo(target);
  await delivery.room();
  for (let number = 0; !delivery.isFull; number++) delivery.add(numbered(number, 0, 100_000));
  let hasRoom = false;
  const room = delivery.room().then(() => hasRoom = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.ok(!hasRoom);
  first.resolve();
  await room;
  assert.ok(!delivery.isFull);
  await delivery.end();
});
