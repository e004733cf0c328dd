import { hkdfSync } from "node:crypto";
import { damagedError, usageError } from "../core/errors.ts";
import { type KeyRing, PSEUDONYM, pseudonymKeyOf } from "../runtime/key_file.ts";
import { DeadLetterCipher } from "./dead_letter_cipher.ts";
import { Pseudonyms } from "./pseudonyms.ts";

/** What a run is told of the protection of its lake. */
export interface ProtectionOptions {
  /** Null where dead letters stay in clear. */
  readonly keys: KeyRing | null;
  /** Sorted; empty where all fields stay in clear. */
  readonly pseudonymizedFields: readonly string[];
}

/**
 * What a lake remembers of its protection, in the checkpoint and in each file's metadata: enough to refuse
 * a wrong key or another choice of fields, and no help in finding a key.
 */
export interface RecordedProtection {
  /** By key id: 128 bits derived from the key. */
  readonly keyChecks: Readonly<Record<string, string>>;
  readonly pseudonymizedFields: readonly string[];
}

/** How the files of a lake are protected. */
export interface Protection {
  readonly cipher: DeadLetterCipher | null;
  readonly pseudonyms: Pseudonyms | null;
  /** What each file says of it; null where there is nothing to say. */
  readonly recorded: RecordedProtection | null;
  /** What it was made of, for another thread. */
  readonly given: ProtectionOptions;
}

export const NO_PROTECTION: Protection = {
  cipher: null,
  pseudonyms: null,
  recorded: null,
  given: { keys: null, pseudonymizedFields: [] },
};

/** What files are protected with. */
export function protectionOf(
  given: ProtectionOptions,
  recorded: RecordedProtection | null = null,
): Protection {
  const { keys, pseudonymizedFields } = given;
  if (keys === null) return NO_PROTECTION;
  return {
    cipher: new DeadLetterCipher(keys),
    pseudonyms: pseudonymizedFields.length === 0
      ? null
      : new Pseudonyms(pseudonymKeyOf(keys), pseudonymizedFields),
    recorded,
    given,
  };
}

/**
 * Holds what a run is told against what its lake remembers.
 *
 * @param recorded null where the lake has no protection yet
 * @param isNew whether the lake holds no commit: only then fields can be chosen
 * @throws OrillaError with exit code 2 where a key is wrong or missing, or the choice of fields is another one
 */
export function protect(
  { keys, pseudonymizedFields }: ProtectionOptions,
  { recorded, isNew }: { readonly recorded: RecordedProtection | null; readonly isNew: boolean },
): Protection {
  const keyChecks = recorded?.keyChecks ?? {};
  if (keys === null) {
    const [id] = Object.keys(keyChecks);
    if (id === undefined) return NO_PROTECTION;
    throw usageError(
      `Cannot go on without --encryption-key-file: this lake is encrypted, with key ${id}. Give its key file, ` +
        `or another --out-dir`,
    );
  }
  const known = isNew ? pseudonymizedFields : recorded?.pseudonymizedFields ?? [];
  if (known.join() !== pseudonymizedFields.join()) throw otherFields(pseudonymizedFields, known);
  refuseMissingKeys(keys, Object.keys(keyChecks));
  const checks = { ...keyChecks, ...checksOf(keys, pseudonymizedFields) };
  for (const [id, check] of Object.entries(keyChecks)) {
    if (checks[id] !== check) throw wrongKey(id);
  }
  return protectionOf({ keys, pseudonymizedFields }, { keyChecks: checks, pseudonymizedFields });
}

function otherFields(given: readonly string[], known: readonly string[]): Error {
  return usageError(
    `Cannot use --pseudonymize-fields ${named(given)}: this lake was begun with ${
      named(known)
    }, and its ` +
      `columns cannot change. Use that, or another --out-dir`,
  );
}

function named(fields: readonly string[]): string {
  return fields.length === 0 ? "none" : fields.join(",");
}

function refuseMissingKeys({ keys, retiredIds }: KeyRing, knownIds: readonly string[]): void {
  const here = new Set([...keys.map(({ id }) => id), ...retiredIds, PSEUDONYM]);
  const missing = knownIds.find((id) => !here.has(id));
  if (missing === undefined) return;
  throw usageError(
    `The --encryption-key-file has no key ${missing}, which this lake was written with. Put its line back ` +
      `below the first one; or, if no dead letter of it will ever be read again, the line: ${missing} retired`,
  );
}

function checksOf(keys: KeyRing, fields: readonly string[]): Record<string, string> {
  const checks = keys.keys.map(({ id, bytes }) => [id, checkOf(id, bytes)] as const);
  if (fields.length === 0) return Object.fromEntries(checks);
  return Object.fromEntries([...checks, [PSEUDONYM, checkOf(PSEUDONYM, pseudonymKeyOf(keys))]]);
}

/** Sixteen bytes that only this key gives, hexadecimal. */
function checkOf(id: string, key: Uint8Array): string {
  const bytes = new Uint8Array(hkdfSync("sha256", key, "", `orilla-key-check ${id}`, 16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function wrongKey(id: string): Error {
  return usageError(
    `The key ${id} of the --encryption-key-file is not the one that this lake was written with. Use the ` +
      `key file of this lake${id === PSEUDONYM ? "" : `, or another key id for another key`}`,
  );
}

/** The name in a file's metadata that its protection stands under. */
export const PROTECTION_METADATA = "orilla.protection";

/** The text that checkpoint and files hold. */
export function recordedText(recorded: RecordedProtection): string {
  return JSON.stringify(recorded);
}

/** @throws OrillaError with exit code 3 where the text was not written by `recordedText` */
export function parseRecorded(text: string): RecordedProtection {
  try {
    const { keyChecks, pseudonymizedFields }: RecordedProtection = JSON.parse(text);
    return { keyChecks: { ...keyChecks }, pseudonymizedFields: [...pseudonymizedFields] };
  } catch (error) {
    throw damagedError("The lake's own note on its protection cannot be read", error);
  }
}
