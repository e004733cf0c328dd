import assert from "node:assert/strict";
import fc from "fast-check";
import type { LetterContent } from "../../src/core/letter_contents.ts";
import { OrillaError } from "../../src/core/errors.ts";
import { DeadLetterCipher, type StoredContent } from "../../src/lake/dead_letter_cipher.ts";
import { bytesOf } from "../core/samples.ts";
import { checkProperty } from "../property_seed.ts";
import { keyBytes, keyRing } from "./key_rings.ts";

const AT = { topic: "events", partition: 3, offset: 42n } as const;
const FILE = "_dead_letters/date=2026-11-25/file.parquet";
const cipher = new DeadLetterCipher(keyRing("k1"));

const letter: LetterContent = {
  key: bytesOf("the key"),
  value: bytesOf("the value"),
  headers: [{ name: "trace", value: Uint8Array.of(0, 255) }],
};

function isError(exitCode: number, pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof OrillaError, String(error));
    assert.equal(error.exitCode, exitCode);
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /the key"|the value|trace/);
    return true;
  };
}

const anyBytes = fc.uint8Array({ maxLength: 200 });
const anyLetter = fc.record({
  key: fc.option(anyBytes),
  value: fc.option(anyBytes),
  headers: fc.array(
    fc.tuple(fc.string({ unit: "grapheme", maxLength: 20 }), fc.option(anyBytes))
      .map(([name, value]) => ({ name, value })),
    { maxLength: 4 },
  ),
}, { noNullPrototype: true });
const anyPosition = fc.record({
  topic: fc.string({ unit: "grapheme" }),
  partition: fc.nat(),
  offset: fc.bigInt(0n, 2n ** 63n - 1n),
});

Deno.test("open() gives back what was sealed, of any letter at any position", () => {
  checkProperty(
    fc.property(anyPosition, anyLetter, (at, content) => {
      const stored = cipher.forFile()(at, content);
      assert.equal(stored.keyId, "k1");
      assert.deepEqual(cipher.open(stored, at, FILE), content);
    }),
    { runs: 300 },
  );
});

Deno.test("open() gives a letter back as it is that was never sealed", () => {
  assert.deepEqual(cipher.open({ ...letter, keyId: null }, AT, FILE), letter);
});

Deno.test("what is sealed shows nothing of it but that it is there, and never looks the same twice", () => {
  const seal = cipher.forFile();
  const one = seal(AT, letter), other = seal(AT, letter), elsewhere = cipher.forFile()(AT, letter);
  const bytes = [one, other, elsewhere].flatMap(({ key, value, headers }) => [
    ...key ?? [],
    ...value ?? [],
    ...headers.flatMap(({ name, value }) => [...bytesOf(name), ...value ?? []]),
  ]);
  const text = new TextDecoder("latin1").decode(Uint8Array.from(bytes));
  for (const word of ["the key", "the value", "trace"]) assert.ok(!text.includes(word), word);
  const saltOf = ({ value }: StoredContent) => String(value?.subarray(0, 16));
  const nonceOf = ({ value }: StoredContent) => String(value?.subarray(16, 28));
  assert.equal(saltOf(one), saltOf(other));
  assert.notEqual(saltOf(one), saltOf(elsewhere));
  assert.notEqual(nonceOf(one), nonceOf(other));
  const empty = seal(AT, { key: null, value: new Uint8Array(), headers: [] });
  assert.deepEqual([empty.key, empty.value?.length, empty.headers], [null, 16 + 12 + 16, []]);
});

Deno.test("a flipped bit of key, value or headers is found, wherever it is", () => {
  const stored = cipher.forFile()(AT, letter);
  const flipped = (bytes: Uint8Array | null, at: number) => {
    const copy = Uint8Array.from(bytes ?? []);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const damaged = isError(3, /events\/3\/42 in .*file\.parquet is not what was encrypted/);
  for (let at = 0; at < (stored.value?.length ?? 0); at++) {
    const value = flipped(stored.value, at);
    assert.throws(() => cipher.open({ ...stored, value }, AT, FILE), damaged, `byte ${at}`);
  }
  const key = flipped(stored.key, 30);
  assert.throws(() => cipher.open({ ...stored, key }, AT, FILE), damaged);
  const headers = stored.headers.map(({ name, value }) => ({ name, value: flipped(value, 30) }));
  assert.throws(() => cipher.open({ ...stored, headers }, AT, FILE), damaged);
  for (const length of [0, 43, 44, (stored.value?.length ?? 0) - 1]) {
    const value = stored.value?.slice(0, length) ?? null;
    assert.throws(() => cipher.open({ ...stored, value }, AT, FILE), damaged, `${length} bytes`);
  }
});

Deno.test("a value does not open at another position, in another column, or under another key id", () => {
  const both = new DeadLetterCipher(keyRing("k1", "k2"));
  const stored = both.forFile()(AT, letter);
  const damaged = isError(3, /is not what was encrypted/);
  const places = [{ topic: "event" }, { partition: 4 }, { offset: 43n }, { topic: "x\nevents" }];
  for (const other of places) {
    assert.throws(() => both.open(stored, { ...AT, ...other }, FILE), damaged);
  }
  const exchanged = { ...stored, key: stored.value, value: stored.key };
  assert.throws(() => both.open(exchanged, AT, FILE), damaged);
  assert.throws(() => both.open({ ...stored, keyId: "k2" }, AT, FILE), damaged);
  // The same bytes under another name: the name is authenticated too.
  const renamed = new DeadLetterCipher({
    ...keyRing(),
    keys: [{ id: "k9", bytes: keyBytes("k1") }],
  });
  assert.throws(() => renamed.open({ ...stored, keyId: "k9" }, AT, FILE), damaged);
});

Deno.test("the first key writes, and all of them read", () => {
  const old = new DeadLetterCipher(keyRing("k1")).forFile()(AT, letter);
  const rotated = new DeadLetterCipher(keyRing("k2", "k1"));
  assert.deepEqual(rotated.open(old, AT, FILE), letter);
  assert.equal(rotated.forFile()(AT, letter).keyId, "k2");
});

Deno.test("open() says which key is not in the key file, or is retired there", () => {
  const stored = cipher.forFile()(AT, letter);
  const other = new DeadLetterCipher(keyRing("k2"));
  assert.throws(() => other.open(stored, AT, FILE), isError(2, /with key k1, .* does not have it/));
  const retired = new DeadLetterCipher({ ...keyRing("k2"), retiredIds: ["k1"] });
  assert.throws(() => retired.open(stored, AT, FILE), isError(2, /says that it is retired/));
});

Deno.test("WebCrypto opens a value by what README says of its form", async () => {
  const stored = cipher.forFile()(AT, letter);
  const value = Uint8Array.from(stored.value ?? []);
  const secret = await crypto.subtle.importKey("raw", keyBytes("k1").slice(), "HKDF", false, [
    "deriveKey",
  ]);
  const key = await crypto.subtle.deriveKey(
    {
      name: "HKDF",
      hash: "SHA-256",
      salt: value.subarray(0, 16),
      info: bytesOf("orilla-dead-letter").slice(),
    },
    secret,
    { name: "AES-GCM", length: 256 },
    false,
    ["decrypt"],
  );
  const additionalData = bytesOf("value\nk1\n3\n42\nevents").slice();
  const iv = value.subarray(16, 28);
  const opened = await crypto.subtle.decrypt(
    { name: "AES-GCM", iv, additionalData },
    key,
    value.subarray(28),
  );
  assert.deepEqual(new Uint8Array(opened), letter.value);
});
