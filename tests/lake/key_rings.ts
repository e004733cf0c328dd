import type { KeyRing } from "../../src/runtime/key_file.ts";

/** Keys for tests: each id's bytes are made of its letters, so that equal ids have equal keys. */
export function keyRing(...ids: readonly string[]): KeyRing {
  return {
    keys: ids.map((id) => ({ id, bytes: keyBytes(id) })),
    retiredIds: [],
    pseudonymKey: keyBytes("pseudonym"),
  };
}

/** 32 bytes that go with a text. */
export function keyBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text.padEnd(32, "·").slice(0, 32)).slice(0, 32);
}

/** The text of a key file with the keys of `keyRing`. */
export function keyFileText(...ids: readonly string[]): string {
  return [...ids, "pseudonym"].map((id) => `${id} ${btoa(binary(keyBytes(id)))}\n`).join("");
}

function binary(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
