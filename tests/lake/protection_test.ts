import assert from "node:assert/strict";
import { OrillaError } from "../../src/core/errors.ts";
import {
  NO_PROTECTION,
  parseRecorded,
  protect,
  type ProtectionOptions,
  type RecordedProtection,
  recordedText,
} from "../../src/lake/protection.ts";
import { keyBytes, keyRing } from "./key_rings.ts";

const NEW = { recorded: null, isNew: true } as const;
const IN_CLEAR: ProtectionOptions = { keys: null, pseudonymizedFields: [] };

function withKeys(...ids: readonly string[]): ProtectionOptions {
  return { keys: keyRing(...ids), pseudonymizedFields: [] };
}

/** What a lake remembers that was begun so. */
function recordedBy(options: ProtectionOptions): RecordedProtection {
  const { recorded } = protect(options, NEW);
  assert.ok(recorded !== null);
  return parseRecorded(recordedText(recorded));
}

function refused(options: ProtectionOptions, recorded: RecordedProtection | null): string {
  try {
    protect(options, { recorded, isNew: false });
  } catch (error) {
    assert.ok(error instanceof OrillaError && error.exitCode === 2, String(error));
    return error.message;
  }
  throw new Error("It was not refused");
}

Deno.test("a lake in clear remembers nothing, and can be encrypted later", () => {
  assert.deepEqual(protect(IN_CLEAR, NEW), NO_PROTECTION);
  const later = protect(withKeys("k1"), { recorded: null, isNew: false });
  assert.ok(later.cipher !== null);
  assert.deepEqual(Object.keys(later.recorded?.keyChecks ?? {}), ["k1"]);
});

Deno.test("what a lake remembers tells nothing of its keys", () => {
  const text = recordedText(recordedBy(withKeys("k1", "k2")));
  assert.ok(!text.includes(new TextDecoder().decode(keyBytes("k1"))));
  assert.match(
    text,
    /^\{"keyChecks":\{"k1":"[0-9a-f]{32}","k2":"[0-9a-f]{32}"\},"pseudonymizedFields":\[\]\}$/,
  );
});

Deno.test("an encrypted lake is refused without its keys", () => {
  assert.match(refused(IN_CLEAR, recordedBy(withKeys("k1"))), /encrypted, with key k1/);
});

Deno.test("a key of the same id and other bytes is refused", () => {
  const wrong = { ...keyRing("k1"), keys: [{ id: "k1", bytes: keyBytes("another") }] };
  const message = refused({ keys: wrong, pseudonymizedFields: [] }, recordedBy(withKeys("k1")));
  assert.match(message, /key k1 .* is not the one that this lake was written with/);
});

Deno.test("a key that is gone is refused, unless its line says that it is retired", () => {
  const recorded = recordedBy(withKeys("k1"));
  assert.match(refused(withKeys("k2"), recorded), /has no key k1.*the line: k1 retired/);
  const keys = { ...keyRing("k2"), retiredIds: ["k1"] };
  const after = protect({ keys, pseudonymizedFields: [] }, { recorded, isNew: false });
  assert.deepEqual(Object.keys(after.recorded?.keyChecks ?? {}), ["k1", "k2"]);
  // It was retired, not forgotten: another key cannot take its place.
  const wrong = {
    ...keyRing(),
    keys: [{ id: "k1", bytes: keyBytes("another") }, ...keyRing("k2").keys],
  };
  assert.match(refused({ keys: wrong, pseudonymizedFields: [] }, after.recorded), /key k1/);
});

Deno.test("rotated keys are accepted, and remembered", () => {
  const recorded = recordedBy(withKeys("k1"));
  const after = protect(withKeys("k2", "k1"), { recorded, isNew: false });
  assert.deepEqual(after.recorded?.keyChecks, recordedBy(withKeys("k1", "k2")).keyChecks);
});

Deno.test("the choice of fields is made at the first commit, and stays", () => {
  const chosen = { keys: keyRing("k1"), pseudonymizedFields: ["dni", "usuario_id"] };
  const recorded = recordedBy(chosen);
  assert.deepEqual(recorded.pseudonymizedFields, ["dni", "usuario_id"]);
  const another = /was begun with dni,usuario_id, and its columns cannot change/;
  for (const pseudonymizedFields of [[], ["usuario_id"], ["dni", "usuario_id", "x"]]) {
    assert.match(refused({ ...chosen, pseudonymizedFields }, recorded), another);
  }
  assert.match(refused(chosen, null), /was begun with none/);
  assert.ok(protect(chosen, { recorded, isNew: false }).pseudonyms !== null);
});

Deno.test("another pseudonym key is refused: hashes would no longer be equal", () => {
  const chosen = { keys: keyRing("k1"), pseudonymizedFields: ["usuario_id"] };
  const keys = { ...keyRing("k1"), pseudonymKey: keyBytes("another") };
  assert.match(
    refused({ ...chosen, keys }, recordedBy(chosen)),
    /The key pseudonym .* is not the one/,
  );
  const none = { ...keyRing("k1"), pseudonymKey: null };
  assert.match(
    refused({ ...chosen, keys: none }, recordedBy(chosen)),
    /expected a line "pseudonym/,
  );
});

Deno.test("parseRecorded() refuses a note that it did not write", () => {
  for (const text of ["", "{}", "null"]) {
    assert.throws(
      () => parseRecorded(text),
      (error) => error instanceof OrillaError && error.exitCode === 3,
    );
  }
});
