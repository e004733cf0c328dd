import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { damagedError, usageError } from "../core/errors.ts";
import type { LetterContent } from "../core/letter_contents.ts";
import type { Position, RecordHeader } from "../core/record.ts";
import type { KeyRing } from "../runtime/key_file.ts";

/** The content of a dead letter as it stands in a file: encrypted with the key of that id, or in clear where it is null. */
export interface StoredContent extends LetterContent {
  readonly keyId: string | null;
}

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** Length that AES-GCM is made for (NIST SP 800-38D, 8.2.2). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** The one header of an encrypted letter that had any. */
const ENCRYPTED_HEADERS = "encrypted";

const encoder = new TextEncoder();
const NO_BYTES = new Uint8Array();

/**
 * Encrypts what dead letters hold with AES-256-GCM. A value in a file is
 *
 *     salt (16 bytes) | nonce (12, random) | ciphertext | tag (16)
 *
 * and its key is HKDF-SHA-256 of the key in the key file with that salt. The salt is new for each file, so
 * that random nonces never come near the 2^32 values that one AES-GCM key can bear, however old a key gets.
 * Column, key id, topic, partition and offset are authenticated with it: moved elsewhere, it does not open.
 */
export class DeadLetterCipher {
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #retiredIds: readonly string[];
  readonly #writingId: string;
  /** The last derived key: letters of a file share it. */
  #derived: { readonly keyId: string; readonly salt: Uint8Array; readonly key: Uint8Array } | null =
    null;

  constructor({ keys, retiredIds }: KeyRing) {
    this.#keys = new Map(keys.map(({ id, bytes }) => [id, bytes]));
    this.#retiredIds = retiredIds;
    this.#writingId = keys[0]?.id ?? "";
  }

  /** How the letters of one file are sealed. */
  forFile(): (at: Position, content: LetterContent) => StoredContent {
    const salt = new Uint8Array(randomBytes(SALT_BYTES));
    const keyId = this.#writingId;
    return (at, { key, value, headers }) => {
      const seal = (column: string, plain: Uint8Array) =>
        this.#seal(plain, { salt, keyId, authenticated: authenticatedText(column, keyId, at) });
      return {
        keyId,
        key: key && seal("key", key),
        value: value && seal("value", value),
        headers: headers.length === 0
          ? headers
          : [{ name: ENCRYPTED_HEADERS, value: seal("headers", packHeaders(headers)) }],
      };
    };
  }

  /**
   * What a letter held before it was sealed; one that was never sealed is given back as it is.
   *
   * @param file names the letter's file in messages
   * @throws OrillaError with exit code 2 where its key is not here, 3 where it is not what was written
   */
  open({ keyId, ...stored }: StoredContent, at: Position, file: string): LetterContent {
    if (keyId === null) return stored;
    const where = `The dead letter ${at.topic}/${at.partition}/${at.offset} in ${file}`;
    if (!this.#keys.has(keyId)) throw this.#noKey(keyId, where);
    const open = (column: string, sealed: Uint8Array) =>
      this.#open(sealed, { keyId, authenticated: authenticatedText(column, keyId, at) });
    try {
      const [header] = stored.headers;
      return {
        key: stored.key && open("key", stored.key),
        value: stored.value && open("value", stored.value),
        headers: header === undefined
          ? []
          : unpackHeaders(open("headers", header.value ?? NO_BYTES)),
      };
    } catch (error) {
      throw damagedError(
        `${where} is not what was encrypted with key ${keyId}: it was changed or moved, or the key file has ` +
          `another key of that name. Restore the file from a copy`,
        error,
      );
    }
  }

  #noKey(keyId: string, where: string): Error {
    const isRetired = this.#retiredIds.includes(keyId);
    const state = isRetired ? "says that it is retired" : "does not have it";
    return usageError(
      `${where} is encrypted with key ${keyId}, and the --encryption-key-file ${state}. ` +
        `Put that key's line back into the file`,
    );
  }

  #seal(plain: Uint8Array, { salt, keyId, authenticated }: {
    readonly salt: Uint8Array;
    readonly keyId: string;
    readonly authenticated: Uint8Array;
  }): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#keyOf(keyId, salt), nonce);
    cipher.setAAD(authenticated);
    const parts = [salt, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
    return concatenated(parts);
  }

  #open(sealed: Uint8Array, { keyId, authenticated }: {
    readonly keyId: string;
    readonly authenticated: Uint8Array;
  }): Uint8Array {
    const start = SALT_BYTES + NONCE_BYTES, end = sealed.length - TAG_BYTES;
    if (end < start) throw new RangeError("a sealed value is longer than its salt, nonce and tag");
    const key = this.#keyOf(keyId, sealed.slice(0, SALT_BYTES));
    const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(SALT_BYTES, start));
    decipher.setAAD(authenticated);
    decipher.setAuthTag(sealed.subarray(end));
    return concatenated([decipher.update(sealed.subarray(start, end)), decipher.final()]);
  }

  #keyOf(keyId: string, salt: Uint8Array): Uint8Array {
    const last = this.#derived;
    if (last?.keyId === keyId && last.salt.every((byte, i) => byte === salt[i])) return last.key;
    const secret = this.#keys.get(keyId) ?? new Uint8Array();
    const key = new Uint8Array(hkdfSync("sha256", secret, salt, "orilla-dead-letter", KEY_BYTES));
    this.#derived = { keyId, salt, key };
    return key;
  }
}

/** The topic comes last, so that no two positions give the same text. */
function authenticatedText(column: string, keyId: string, at: Position): Uint8Array {
  return encoder.encode([column, keyId, at.partition, at.offset, at.topic].join("\n"));
}

const LENGTH_BYTES = 4;
/** The length that stands for a null. */
const NULL_LENGTH = -1;

/** Names and values one after the other, each after its length (32 bits, big-endian). */
function packHeaders(headers: readonly RecordHeader[]): Uint8Array {
  return concatenated(
    headers.flatMap(({ name, value }) => [encoder.encode(name), value]).flatMap((bytes) => {
      const length = new Uint8Array(LENGTH_BYTES);
      new DataView(length.buffer).setInt32(0, bytes?.length ?? NULL_LENGTH);
      return [length, bytes ?? NO_BYTES];
    }),
  );
}

function unpackHeaders(packed: Uint8Array): readonly RecordHeader[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  let at = 0;
  const next = () => {
    const start = at + LENGTH_BYTES, length = view.getInt32(at);
    at = start + Math.max(0, length);
    return length === NULL_LENGTH ? null : packed.slice(start, at);
  };
  const headers: RecordHeader[] = [];
  while (at < packed.length) {
    headers.push({ name: utf8.decode(next() ?? NO_BYTES), value: next() });
  }
  return headers;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
