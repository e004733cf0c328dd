import assert from "node:assert/strict";
import fc from "fast-check";
import { OrillaError } from "../src/core/errors.ts";
import {
  groupMetadata,
  type KnownOffsets,
  type KnownWriters,
  startOffset,
  writerOf,
} from "../src/kafka/positions.ts";
import { checkProperty } from "./property_seed.ts";

const OWN = "0123456789ab", OTHER = "ba9876543210", REBUILT = "77d2ba987654";
const USUAL: KnownWriters = { instanceIds: [OWN], rebuiltInstanceIds: [] };
const MADE_ANEW: KnownWriters = { instanceIds: [OWN, REBUILT], rebuiltInstanceIds: [REBUILT] };

/** A partition whose log goes from 0 to 1,000, and what is known of it. */
function known(of: Partial<KnownOffsets>): KnownOffsets {
  const log = { logStart: 0n, logEnd: 1_000n };
  return { topic: "t", partition: 0, checkpoint: null, group: null, ...log, ...of };
}

function group(offset: bigint, metadata: string): KnownOffsets["group"] {
  return { offset, metadata };
}

function start(
  of: Partial<KnownOffsets>,
  allowsGaps = false,
  writers: KnownWriters = USUAL,
): bigint | number {
  try {
    return startOffset(known(of), { ...writers, allowsGaps });
  } catch (error) {
    assert.ok(error instanceof OrillaError, String(error));
    return error.exitCode;
  }
}

Deno.test("startOffset() is the start of the log where nothing is known", () => {
  assert.equal(start({}), 0n);
  assert.equal(start({ logStart: 7n }), 7n);
});

Deno.test("startOffset() is the checkpoint's where the group knows less, or nothing", () => {
  const behind = group(50n, groupMetadata(OWN, 3));
  assert.equal(start({ checkpoint: 100n }), 100n);
  assert.equal(start({ checkpoint: 100n, group: behind }), 100n);
  assert.equal(start({ checkpoint: 100n, group: group(10n, "moved back by hand") }), 100n);
});

Deno.test("startOffset() is the group's where another instance handled more", () => {
  const ahead = group(300n, groupMetadata(OTHER, 9));
  assert.equal(start({ checkpoint: 100n, group: ahead }), 300n);
  assert.equal(start({ group: ahead }), 300n);
});

Deno.test("startOffset() is the checkpoint's where it was made anew and an earlier instance handled more", () => {
  for (const writer of [REBUILT, OTHER]) {
    const of = { checkpoint: 100n, group: group(300n, groupMetadata(writer, 9)) };
    assert.equal(start(of, false, MADE_ANEW), 100n);
    assert.equal(start({ ...of, logStart: 200n }, false, MADE_ANEW), 4);
    assert.equal(start({ ...of, logStart: 200n }, true, MADE_ANEW), 200n);
  }
  for (const metadata of ["moved by hand", groupMetadata(OWN, 9)]) {
    const of = { checkpoint: 100n, group: group(300n, metadata) };
    assert.equal(start(of, false, MADE_ANEW), 4, metadata);
  }
});

Deno.test("startOffset() refuses a group offset ahead that no other instance wrote", () => {
  for (const metadata of ["", "moved by hand", groupMetadata(OWN, 9)]) {
    const of = { checkpoint: 100n, group: group(300n, metadata) };
    assert.equal(start(of), 4, metadata);
    assert.equal(start(of, true), 300n, metadata);
  }
});

Deno.test("startOffset() refuses a start that retention has passed, or that the log has not reached", () => {
  assert.equal(start({ checkpoint: 100n, logStart: 150n }), 4);
  assert.equal(start({ checkpoint: 100n, logStart: 150n }, true), 150n);
  assert.equal(start({ checkpoint: 1_001n }), 4);
  assert.equal(start({ checkpoint: 1_001n }, true), 4);
});

Deno.test("startOffset() never goes behind what was handled, whatever is known", () => {
  const offset = fc.bigInt({ min: 0n, max: 1_200n });
  const metadata = fc.constantFrom("", groupMetadata(OWN, 1), groupMetadata(OTHER, 1));
  const any = fc.record({
    checkpoint: fc.option(offset),
    group: fc.option(fc.record({ offset, metadata })),
    logStart: fc.bigInt({ min: 0n, max: 600n }),
  });
  checkProperty(fc.property(any, fc.boolean(), (of, allowsGaps) => {
    const found = start(of, allowsGaps);
    if (typeof found === "number") return found === 4;
    const handled = [of.checkpoint ?? 0n, of.group?.offset ?? 0n, of.logStart];
    return handled.every((offset) => found >= offset) && handled.includes(found);
  }));
});

Deno.test("writerOf() reads what groupMetadata() wrote, and nothing else", () => {
  assert.equal(writerOf(groupMetadata(OWN, 42)), OWN);
  for (const other of ["", "orilla", "orilla/x/1", `orilla/${OWN}`, ` orilla/${OWN}/1`]) {
    assert.equal(writerOf(other), null, other);
  }
});
