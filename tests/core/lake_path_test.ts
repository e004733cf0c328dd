import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type FileIdentity,
  finalPath,
  folderOf,
  lakePartitionFolder,
  parseFileName,
  stagedPath,
  STAGING_FOLDER,
} from "../../src/core/lake_path.ts";
import { checkProperty } from "../property_seed.ts";

const DAY = Date.parse("2026-11-24") / 86_400_000;

const FILE: FileIdentity = {
  kind: "events",
  day: DAY,
  stagedAtMs: Date.parse("2026-11-25T10:15:00.123Z"),
  instanceId: "3f9c1a0b77d2",
  sequence: 42,
};

Deno.test("finalPath() says date, time, instance and commit", () => {
  assert.equal(
    finalPath(FILE),
    "date=2026-11-24/events_20261125T101500123Z_3f9c1a0b77d2_0000000042.parquet",
  );
  assert.equal(
    finalPath({ ...FILE, kind: "dead_letters" }),
    "_dead_letters/date=2026-11-24/dead_letters_20261125T101500123Z_3f9c1a0b77d2_0000000042.parquet",
  );
});

Deno.test("lakePartitionFolder() has four digits for any year", () => {
  const dayOf = (date: string) => Date.parse(date) / 86_400_000;
  assert.equal(lakePartitionFolder("events", dayOf("0000-01-01")), "date=0000-01-01");
  assert.equal(lakePartitionFolder("events", dayOf("9999-12-31")), "date=9999-12-31");
  assert.equal(lakePartitionFolder("events", -1), "date=1969-12-31");
  assert.equal(lakePartitionFolder("dead_letters", 0), "_dead_letters/date=1970-01-01");
});

Deno.test("folderOf() takes the last part of a path away", () => {
  assert.equal(folderOf(finalPath(FILE)), "date=2026-11-24");
  assert.equal(folderOf("_dead_letters/date=1970-01-01/x"), "_dead_letters/date=1970-01-01");
  assert.equal(folderOf("metrics.txt"), ".");
});

Deno.test("stagedPath() lies flat in the staging folder", () => {
  const path = stagedPath({ ...FILE, kind: "dead_letters" });
  assert.equal(folderOf(path), STAGING_FOLDER);
  assert.ok(path.endsWith("_0000000042.parquet"));
});

const anyFile: fc.Arbitrary<FileIdentity> = fc.record({
  kind: fc.constantFrom("events", "dead_letters"),
  day: fc.integer({ min: -719_528, max: 2_932_896 }),
  stagedAtMs: fc.integer({ min: 0, max: Date.parse("9999-12-31") }),
  instanceId: fc.stringMatching(/^[0-9a-f]{12}$/),
  sequence: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 2 ** 40 })),
});

/** Files that differ in few ways, so that a name that leaves something out is found. */
const likelyTwins = fc.record({
  kind: fc.constantFrom<FileIdentity["kind"]>("events", "dead_letters"),
  day: fc.integer({ min: 0, max: 2 }),
  stagedAtMs: fc.integer({ min: 0, max: 2 }),
  instanceId: fc.constantFrom("000000000000", "3f9c1a0b77d2"),
  sequence: fc.integer({ min: 1, max: 3 }),
});

Deno.test("finalPath() and stagedPath() differ where anything of two files differs", () => {
  checkProperty(
    fc.property(likelyTwins, likelyTwins, (a, b) => {
      const isSame = JSON.stringify(a) === JSON.stringify(b);
      assert.equal(finalPath(a) === finalPath(b), isSame);
      assert.equal(stagedPath(a) === stagedPath(b), isSame);
    }),
    { runs: 2000 },
  );
});

Deno.test("finalPath() sorts by time, and the commits of one instance by their sequence", () => {
  checkProperty(
    fc.property(anyFile, anyFile, (a, b) => {
      const other = { ...a, stagedAtMs: b.stagedAtMs };
      const byTime = Math.sign(a.stagedAtMs - other.stagedAtMs);
      assert.equal(compare(finalPath(a), finalPath(other)), byTime);
      const later = { ...a, sequence: 1 + b.sequence % 9_999_999_999 };
      const earlier = { ...a, sequence: 1 + a.sequence % 9_999_999_999 };
      const bySequence = Math.sign(earlier.sequence - later.sequence);
      assert.equal(compare(finalPath(earlier), finalPath(later)), bySequence);
    }),
    { runs: 500 },
  );
});

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

Deno.test("parseFileName() reads the names of published and staged files back", () => {
  checkProperty(
    fc.property(anyFile, fc.boolean(), (named, isWanted) => {
      const { kind, stagedAtMs, instanceId, sequence } = named;
      const isMerged = isWanted && kind === "events";
      const file = { ...named, isMerged };
      const expected = { kind, stagedAtMs, instanceId, sequence, isMerged };
      const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
      assert.deepEqual(parseFileName(nameOf(finalPath(file))), expected);
      assert.deepEqual(parseFileName(nameOf(stagedPath(file))), expected);
    }),
    { runs: 500 },
  );
});

Deno.test("parseFileName() is null for files that are not orilla's", () => {
  const name = "events_20261125T101500123Z_3f9c1a0b77d2_0000000042.parquet";
  assert.notEqual(parseFileName(name), null);
  const others = [
    "",
    "part-0.parquet",
    `${name}.tmp`,
    `.${name}`,
    `x${name}`,
    name.replace("events", "other"),
    name.replace("3f9c", "3F9C"),
    name.replace("0000000042", "42"),
    name.replace("123Z", "Z"),
    name.replaceAll("_", "__"),
  ];
  for (const other of others) assert.equal(parseFileName(other), null, other);
});
