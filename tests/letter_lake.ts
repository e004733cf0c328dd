import { RecordList } from "../src/core/record_list.ts";
import type { RawRecord } from "../src/core/record.ts";
import { LakeSession } from "../src/pipeline/lake_session.ts";
import { systemClock } from "../src/runtime/clock.ts";
import { REASONS_OF_BYTES, REJECTIONS } from "./core/rejections.ts";
import { bytesOf, eventText, recordOf } from "./core/samples.ts";
import { testLimits, testSession } from "./crash/lake_run.ts";

/** Where the records of these lakes lie. */
export const LETTERS_AT = { topic: "orders", partition: 2 } as const;

/** The kinds of invalid values; the one with 100,000 brackets is rare, since it is large. */
const CHEAP = REASONS_OF_BYTES.filter((reason) => reason !== "nested_too_deep");

function reasonOf(i: number) {
  return i === 17 ? "nested_too_deep" : CHEAP[i % CHEAP.length] ?? "not_json";
}

function invalidValue(i: number): Uint8Array | null {
  const kinds = REJECTIONS[reasonOf(i)];
  const value = kinds[Math.floor(i / CHEAP.length) % kinds.length]?.value ?? null;
  return typeof value === "string" ? bytesOf(value) : value;
}

/** The i-th invalid record of such a lake. */
export function invalidRecord(i: number): RawRecord {
  const headers = i % 10 === 0 ? [{ name: "trace", value: Uint8Array.of(i & 255, 255) }] : [];
  const key = i % 3 === 0 ? null : i % 3 === 1 ? bytesOf(`k${i}`) : Uint8Array.of(0xff, i & 255);
  return recordOf(invalidValue(i), { offset: BigInt(i), headers, key, timestampMs: 1_000 + i });
}

/**
 * Fills a lake with invalid records of all kinds at the offsets from 0, then with valid events `seen0`, `seen1`, …
 */
export async function fillWithLetters(
  outDir: string,
  { invalidCount, validCount }: { readonly invalidCount: number; readonly validCount: number },
): Promise<void> {
  const limits = testLimits({ maxEvents: 3_000, maxBytes: 1 << 26 });
  await using session = await LakeSession.open(testSession(outDir, { limits, clock: systemClock }));
  const records = Array.from({ length: invalidCount }, (_, i) => invalidRecord(i));
  for (let i = 0; i < validCount; i++) {
    const offset = BigInt(invalidCount + i);
    records.push(recordOf(bytesOf(eventText({ event_id: `seen${i}` })), { offset }));
  }
  await session.pipeline.add({ ...LETTERS_AT, records: new RecordList(records) });
  await session.pipeline.commit("end");
  await session.close();
}
