import { usageError } from "./core/errors.ts";
import { refuseStoreContradictions, storeOptions } from "./options/store_options.ts";
import { compactionOptions } from "./options/compaction_options.ts";
import { lakeOptions } from "./options/lake_options.ts";
import { kafkaOptions } from "./options/kafka_options.ts";
import { httpOptions, refuseUnusedToken } from "./options/http_options.ts";
import { waitingOptions } from "./options/waiting_options.ts";
import { deadLetterOptions } from "./options/dead_letter_options.ts";
import { doctorOptions } from "./options/doctor_options.ts";
import { generatorOptions } from "./options/generator_options.ts";
import { traceOptions } from "./options/trace_options.ts";
import { outputOptions } from "./options/output_options.ts";
import { reportOptions } from "./options/report_options.ts";
import { restOptions } from "./options/rest_options.ts";
import { refuseS3Contradictions, s3Options } from "./options/s3_options.ts";
import { refuseInsecure, securityOptions } from "./options/security_options.ts";
import type { Mode, Option, ValuesOf } from "./options/option.ts";

/** The option table: the one source of flags, environment names, defaults, help, README and validation. */
export const OPTIONS = {
  ...lakeOptions,
  ...storeOptions,
  ...restOptions,
  ...s3Options,
  ...kafkaOptions,
  ...securityOptions,
  ...waitingOptions,
  ...httpOptions,
  ...generatorOptions,
  ...deadLetterOptions,
  ...traceOptions,
  ...compactionOptions,
  ...doctorOptions,
  ...reportOptions,
  ...outputOptions,
} as const;

export type OptionKey = keyof typeof OPTIONS;

/** A value for every option; those of other modes stand at their defaults. */
export type Config = ValuesOf<typeof OPTIONS>;

/** All rows of the table with their keys. */
export const OPTION_ROWS = Object.entries(OPTIONS).map((
  [key, row],
): [string, Option<unknown>] => [key, row]);

/** `--batch-max-events`, or the row's own flag. */
export function flagOf(key: string): string {
  const row = OPTION_ROWS.find(([known]) => known === key)?.[1];
  return row?.flag ?? `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `BATCH_MAX_EVENTS`, or the row's own name. */
export function environmentOf(key: string, { environment }: Option<unknown>): string {
  return environment ?? key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** The option that names a file with a secret instead: `saslPasswordFile`; null where there is none. */
export function fileKeyOf(key: string, { fileKey = `${key}File` }: Option<unknown>): string | null {
  return OPTION_ROWS.some(([known]) => known === fileKey) ? fileKey : null;
}

/** The default text of an option in a mode. */
export function defaultOf(row: Option<unknown>, mode: Mode): string {
  if (typeof row.default === "string") return row.default;
  return row.default[mode] ?? Object.values(row.default)[0] ?? "";
}

/**
 * Refuses settings that contradict each other.
 *
 * @throws OrillaError with exit code 2
 */
export function refuseContradictions(config: Config): void {
  refuseInsecure(config);
  refuseUnusedToken(config);
  refuseStoreContradictions(config);
  refuseS3Contradictions(config);
  const { dlqTopic, topic, duplicateRatio, invalidRatio, unknownFieldRatio } = config;
  if (dlqTopic === topic) {
    throw usageError(
      `Cannot use --dlq-topic ${dlqTopic}: expected another topic than --topic, or its rejected records ` +
        `would be read, rejected and sent again without end`,
    );
  }
  const sum = duplicateRatio + invalidRatio + unknownFieldRatio;
  if (sum > 1 + Number.EPSILON) {
    throw usageError(
      `Cannot use --duplicate-ratio ${duplicateRatio} with --invalid-ratio ${invalidRatio} and ` +
        `--unknown-field-ratio ${unknownFieldRatio}: expected a sum of at most 1, got ${sum}`,
    );
  }
  if (config.pseudonymizeFields.length > 0 && config.encryptionKeyFile === null) {
    throw usageError(
      `Cannot use --pseudonymize-fields without --encryption-key-file: its hashes need the pseudonym key ` +
        `of that file, and dead letters would hold the fields in clear`,
    );
  }
}
