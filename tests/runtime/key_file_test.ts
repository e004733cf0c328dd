import assert from "node:assert/strict";
import { OrillaError } from "../../src/core/errors.ts";
import { parseKeyFile, pseudonymKeyOf, readKeyFile } from "../../src/runtime/key_file.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** 32 bytes of that value, in base64. */
function base64Of(value: number): string {
  return btoa(String.fromCharCode(...new Uint8Array(32).fill(value)));
}

Deno.test("parseKeyFile() reads keys in their order, the pseudonym key, retired ids and comments", () => {
  const text = [
    "# rotated in November",
    `new  ${base64Of(1)}  `,
    "",
    `\told.2025_a-b ${base64Of(255)}\r`,
    `pseudonym ${base64Of(7)}`,
    "older retired",
  ].join("\n");
  assert.deepEqual(parseKeyFile(text), {
    keys: [
      { id: "new", bytes: new Uint8Array(32).fill(1) },
      { id: "old.2025_a-b", bytes: new Uint8Array(32).fill(255) },
    ],
    retiredIds: ["older"],
    pseudonymKey: new Uint8Array(32).fill(7),
  });
});

const SECRET = base64Of(9).slice(0, 20);
const WRONG: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
  "nothing at all": ["", /expected a line with a key id/],
  "a pseudonym key alone": [`pseudonym ${base64Of(1)}`, /expected a line with a key id/],
  "retired keys alone": ["k retired", /expected a line with a key id/],
  "31 bytes": [`k1 ${btoa("x".repeat(31))}`, /line 1 32 bytes in base64/],
  "33 bytes": [`k1 ${btoa("x".repeat(33))}`, /line 1 32 bytes in base64/],
  "spare bits in the last letter": [`k1 ${"A".repeat(42)}B=`, /line 1 32 bytes in base64/],
  "hexadecimal": [`k1 ${"ab".repeat(32)}`, /line 1 32 bytes in base64/],
  "base64url": [`k1 ${"-".repeat(42)}A=`, /line 1 32 bytes in base64/],
  "a pseudonym key that is retired": [
    `k1 ${base64Of(1)}\npseudonym retired`,
    /line 2 32 bytes in base64/,
  ],
  "a key without an id": [base64Of(9), /line 1 a key id/],
  "three words": [`k1 ${SECRET} ${SECRET}`, /line 1 a key id/],
  "an id of 33 letters": [`${"k".repeat(33)} ${base64Of(1)}`, /line 1 a key id/],
  "an id with a slash": [`a/b ${base64Of(1)}`, /line 1 a key id/],
  "an id twice": [`k1 ${base64Of(1)}\n\nk1 ${base64Of(2)}`, /line 3 repeats/],
  "an id that is retired too": [`k1 ${base64Of(1)}\nk1 retired`, /line 2 repeats/],
};

for (const [what, [text, message]] of Object.entries(WRONG)) {
  Deno.test(`parseKeyFile() refuses ${what}, and quotes nothing of it`, () => {
    assert.throws(() => parseKeyFile(text), (error) => {
      assert.ok(error instanceof RangeError);
      assert.match(error.message, message);
      for (const word of text.split(/\s+/)) {
        assert.ok(word.length < 15 || !error.message.includes(word), "a word of the file");
      }
      return true;
    });
  });
}

function isUsage(pattern: RegExp) {
  return (error: unknown) =>
    error instanceof OrillaError && error.exitCode === 2 && pattern.test(error.message);
}

Deno.test("readKeyFile() names the file that it cannot read, or not understand", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/keys`;
  await assert.rejects(readKeyFile(path), isUsage(/Cannot read --encryption-key-file .*\/keys: /));
  await assert.rejects(readKeyFile(folder.path), isUsage(/expected a file that can be read/));
  await Deno.writeTextFile(path, `k1 ${SECRET}`);
  await assert.rejects(readKeyFile(path), isUsage(/\/keys: expected in line 1 32 bytes/));
  await Deno.writeTextFile(path, `k1 ${base64Of(3)}\n`);
  assert.equal((await readKeyFile(path)).keys[0]?.bytes[31], 3);
});

Deno.test("pseudonymKeyOf() says which line is missing", () => {
  const keys = parseKeyFile(`k1 ${base64Of(1)}`);
  assert.throws(() => pseudonymKeyOf(keys), isUsage(/expected a line "pseudonym BASE64"/));
});
