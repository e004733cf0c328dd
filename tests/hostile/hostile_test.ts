import assert from "node:assert/strict";
import fc from "fast-check";
import { Batch } from "../../src/core/batch.ts";
import { REASON_CODES } from "../../src/core/outcome.ts";
import { seededRandom } from "../../src/simulation/random.ts";
import { HERE, ingestRecord, recordOf } from "../core/samples.ts";
import { checkProperty, replayHint, testSeed } from "../property_seed.ts";
import { HOSTILE_CORPUS } from "./corpus.ts";
import { fuzzRound, hostileRecords, MAX_DATES } from "./fuzz_round.ts";
import { mutated } from "./hostile_records.ts";
import { expectedOf } from "./oracle.ts";

/** What a value becomes, and what kept it from being an event. */
function outcomeOf(value: Uint8Array | null): string {
  const batch = new Batch();
  ingestRecord(batch, HERE, recordOf(value));
  assert.equal(batch.length + batch.rejected.length, 1);
  return [...batch.rejected][0]?.rejected.reason ?? "valid";
}

Deno.test("each value of the hostile corpus becomes what it must", () => {
  for (const { name, value, expected } of HOSTILE_CORPUS) {
    const outcome = outcomeOf(value);
    if (expected !== null) assert.equal(outcome, expected, name);
    if (outcome === "nested_too_deep") continue;
    const { kind } = expectedOf(value);
    assert.equal(outcome === "valid" ? "event" : "rejected", kind, `${name}: ${outcome}`);
  }
});

Deno.test("the hostile corpus, with values of 10 MB, goes through the pipeline whole", async () => {
  const records = HOSTILE_CORPUS.map(({ value }, i) => recordOf(value, { offset: BigInt(i) }));
  const result = await fuzzRound(records, { seed: 1, maxRecordBytes: 1 << 24 });
  assert.equal(result.published + result.duplicate + result.rejected, records.length);
});

Deno.test("random hostile records get exactly one outcome each, and leave no file outside the lake", async () => {
  const seed = testSeed();
  try {
    const result = await fuzzRound(hostileRecords(seededRandom(seed), 8_000), { seed });
    assert.ok(result.published > 2_000 && result.duplicate > 100 && result.rejected > 1_000);
    assert.ok(result.commits > 2);
    assert.ok(Object.keys(result.reasons).length > REASON_CODES.length / 2);
  } catch (error) {
    throw new Error(replayHint(seed), { cause: error });
  }
});

Deno.test("values of the corpus with some bytes changed become what the oracle says", () => {
  const short = HOSTILE_CORPUS.flatMap(({ value }) =>
    value !== null && value.length < 1_000 ? [value] : []
  );
  checkProperty(
    fc.property(fc.constantFrom(...short), fc.nat(), (value, seed) => {
      const changed = mutated(value, seededRandom(seed));
      const { kind } = expectedOf(changed);
      assert.equal(outcomeOf(changed) === "valid" ? "event" : "rejected", kind);
    }),
    { runs: 3_000 },
  );
});

Deno.test("many dates in one run of records become several commits of few files each", async () => {
  const records = Array.from({ length: 400 }, (_, i) => {
    const date = new Date(Date.UTC(2026, 0, 1) - i * 86_400_000).toISOString().slice(0, 10);
    const text = `{"event_id":"e${i}","ts":"${date}","usuario_id":1}`;
    return recordOf(new TextEncoder().encode(text), { offset: BigInt(i) });
  });
  const { published, commits } = await fuzzRound(records, { seed: 1 });
  assert.deepEqual([published, commits], [400, Math.ceil(400 / (MAX_DATES + 1))]);
});
