import assert from "node:assert/strict";
import { restOptions } from "../../src/options/rest_options.ts";

const { fileMode, encryptionKeyFile, pseudonymizeFields } = restOptions;

Deno.test("--file-mode reads octal modes that let the owner read and write", () => {
  const modes = { "600": 0o600, "0600": 0o600, "640": 0o640, "644": 0o644, "666": 0o666 };
  for (const [text, mode] of Object.entries(modes)) assert.equal(fileMode.parse(text), mode);
  for (const text of ["", "400", "700", "60", "6000", "620", "601", "0o600", "rw-------", "608"]) {
    assert.throws(() => fileMode.parse(text), RangeError, text);
  }
});

Deno.test("--pseudonymize-fields reads usuario_id and unknown fields, each once, in one order", () => {
  assert.deepEqual(pseudonymizeFields.parse("none"), []);
  assert.deepEqual(pseudonymizeFields.parse("usuario_id, dni,dni"), ["dni", "usuario_id"]);
  assert.deepEqual(pseudonymizeFields.parse("dni,usuario_id"), ["dni", "usuario_id"]);
  assert.deepEqual(pseudonymizeFields.parse("__proto__"), ["__proto__"]);
  for (const text of ["", "a,,b", "event_id", "ts", "accion", "dni,monto", "a\0"]) {
    assert.throws(() => pseudonymizeFields.parse(text), RangeError, text);
  }
});

Deno.test("--encryption-key-file reads a path, or none", () => {
  assert.equal(encryptionKeyFile.parse("none"), null);
  assert.equal(encryptionKeyFile.parse("./none"), "./none");
  assert.throws(() => encryptionKeyFile.parse(""), RangeError);
});
