import { messageOf, usageError } from "../core/errors.ts";

/** A key with the name that goes with the data it encrypts. */
export interface NamedKey {
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** What a key file holds. Never logged, and in no message. */
export interface KeyRing {
  /** The first one writes, all of them read. At least one. */
  readonly keys: readonly NamedKey[];
  /** Ids of keys that are gone for good, on purpose. */
  readonly retiredIds: readonly string[];
  /** The key that pseudonyms are made with, 32 bytes: it stays when the others are rotated. Null without one. */
  readonly pseudonymKey: Uint8Array | null;
}

const KEY_BYTES = 32;
/** The word that stands where the other lines have their key id. */
export const PSEUDONYM = "pseudonym";
const RETIRED = "retired";

/**
 * Reads a key file.
 *
 * @param path as given; only it, and never the content, is in the messages
 * @throws OrillaError with exit code 2 where it cannot be read, or is not of the form that README describes
 */
export async function readKeyFile(path: string): Promise<KeyRing> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw usageError(
      `Cannot read --encryption-key-file ${path}: expected a file that can be read: ${
        messageOf(error)
      }`,
      error,
    );
  }
  try {
    return parseKeyFile(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw usageError(`Cannot read --encryption-key-file ${path}: ${error.message}`);
  }
}

/**
 * Reads the text of a key file: lines `KEYID BASE64`, `pseudonym BASE64` or `KEYID retired`; those that begin
 * with # are comments.
 *
 * @throws RangeError that says which line is not of that form, and nothing of what is in it
 */
export function parseKeyFile(text: string): KeyRing {
  const keys: NamedKey[] = [], retiredIds: string[] = [];
  let pseudonymKey: Uint8Array | null = null;
  const ids = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const words = line.trim().split(/\s+/);
    const [id = "", secret = ""] = words;
    if (id === "" || id.startsWith("#")) continue;
    const where = `line ${index + 1}`;
    if (words.length !== 2 || !/^[\w.-]{1,32}$/.test(id)) {
      throw new RangeError(
        `expected in ${where} a key id (1 to 32 letters, digits, dots, underscores or hyphens), a space, ` +
          `and the key`,
      );
    }
    if (ids.has(id)) throw new RangeError(`${where} repeats the key id of another line`);
    ids.add(id);
    if (id === PSEUDONYM) pseudonymKey = keyBytes(secret, where);
    else if (secret === RETIRED) retiredIds.push(id);
    else keys.push({ id, bytes: keyBytes(secret, where) });
  }
  if (keys.length === 0) {
    throw new RangeError(
      "expected a line with a key id, a space, and a key, made for example with: openssl rand -base64 32",
    );
  }
  return { keys, retiredIds, pseudonymKey };
}

/**
 * The key that pseudonyms are made with.
 *
 * @throws OrillaError with exit code 2 where the file has none
 */
export function pseudonymKeyOf({ pseudonymKey }: KeyRing): Uint8Array {
  if (pseudonymKey !== null) return pseudonymKey;
  throw usageError(
    `Cannot use --pseudonymize-fields: expected a line "${PSEUDONYM} BASE64" in the --encryption-key-file. Its ` +
      `key is made like the others (openssl rand -base64 32), and stays when they are rotated`,
  );
}

function keyBytes(text: string, where: string): Uint8Array {
  // Exactly one way to write 32 bytes: 43 letters and a =, the last letter without spare bits.
  const isBase64 = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text);
  if (!isBase64) {
    throw new RangeError(
      `expected in ${where} ${KEY_BYTES} bytes in base64 (44 characters), made for example with: ` +
        `openssl rand -base64 32`,
    );
  }
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
