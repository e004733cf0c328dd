import type { StoreAccess, StoreLocation } from "../checkpoint/commit_store.ts";
import type { DiskSpace } from "../core/metrics.ts";
import type { Config } from "../config.ts";
import type { KafkaConnection } from "../kafka/client.ts";
import { kafkajsSecurity } from "../kafka/kafkajs_security.ts";
import { type KafkaSecurity, showsSecret } from "../kafka/security.ts";
import { DeadLetterCipher } from "../lake/dead_letter_cipher.ts";
import type { Encoder } from "../lake/encoder.ts";
import type { Merger } from "../lake/merger.ts";
import type { S3Credentials } from "../lake/s3_client.ts";
import { systemClock } from "../runtime/clock.ts";
import type { KeyRing } from "../runtime/key_file.ts";
import type { Log } from "../runtime/logs.ts";
import type { Reporter } from "../runtime/reporting.ts";

/** A file that an option names, as it lay when the process started. */
export interface GivenFile {
  /** The option. */
  readonly flag: string;
  readonly path: string;
  /** Whether nobody else may read it. */
  readonly isSecret: boolean;
  /** Permission bits; null where the system has none, or it is a pipe. */
  readonly mode: number | null;
}

/** What can only be seen from outside of the sandbox. */
export interface Surroundings {
  /** Room where OUT_DIR lies; null without OUT_DIR, or without the permission to ask. */
  readonly space: DiskSpace | null;
  readonly files: readonly GivenFile[];
}

/** What a command runs with, inside the sandbox. */
export interface CommandContext {
  readonly config: Config;
  /** Certificates and secrets, as read from their files. */
  readonly security: KafkaSecurity;
  readonly store: StoreAccess;
  /** What requests over HTTP must bring; null where there is no token. */
  readonly httpToken: string | null;
  /** Absolute path of OUT_DIR, which exists; "" for a command that has none, and for doctor where it is missing. */
  readonly outDir: string;
  /**
   * Absolute path of the folder of checkpoint and metrics.txt; the same where these lie in OUT_DIR. "" where nothing
   * of the lake lies on this machine, see hasFolder, and for doctor where it is missing.
   */
  readonly checkpointDir: string;
  /** Who orilla is to the object store; null where the lake is in a folder. */
  readonly s3Credentials: S3Credentials | null;
  /** For doctor alone, else null. */
  readonly surroundings: Surroundings | null;
  readonly version: string;
  /** The keys of ENCRYPTION_KEY_FILE; null where there is none. */
  readonly keys: KeyRing | null;
  readonly reporter: Reporter;
  readonly log: Log;
  /** Makes files of batches. */
  readonly encoder: Encoder;
  /** Makes one Parquet file of several. */
  readonly merge: Merger;
  /** The next bytes of stdin, null at its end. */
  readonly readInput: () => Promise<Uint8Array | null>;
  /** Resolves when all that was printed has left the process: for output that is larger than memory. */
  readonly flush: () => Promise<void>;
  /** Aborted when the process is told to stop: finish what is begun, then end. */
  readonly stop: AbortSignal;
}

/** Opens encrypted dead letters with the keys that a command was given, if any. */
export function letterCipherOf({ keys }: CommandContext): DeadLetterCipher {
  return new DeadLetterCipher(keys ?? { keys: [], retiredIds: [], pseudonymKey: null });
}

/** The way to the brokers that a command was given. */
export function connectionOf({ config, security, log }: CommandContext): KafkaConnection {
  if (security.tls === null && showsSecret(security)) {
    log.warning("the login is sent without encryption: use SASL_SSL, or a SCRAM mechanism");
  }
  const { bootstrapServers, clientId } = config;
  return { bootstrapServers, clientId, security, kafkajsSecurity: kafkajsSecurity(security) };
}

/** Where the commits of the lake are kept. */
export function locationOf({ checkpointDir, store }: CommandContext): StoreLocation {
  return { checkpointDir, ...store };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Keeps to a rate: `wait` returns when `count` records may have been made. 0 is as fast as it goes. */
export function pacer(ratePerSecond: number): { readonly wait: (count: number) => Promise<void> } {
  const startMs = systemClock.monotonicMs();
  return {
    wait: (count) => {
      const dueMs = ratePerSecond === 0 ? 0 : startMs + count * 1000 / ratePerSecond;
      // Also at full speed the turn ends here, so that messages to the worker are heard.
      return new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, dueMs - systemClock.monotonicMs()))
      );
    },
  };
}

/** How many records are made between two looks at the clock. */
export function chunkSizeOf(ratePerSecond: number): number {
  return ratePerSecond === 0 ? 5_000 : Math.max(1, Math.min(5_000, Math.floor(ratePerSecond / 20)));
}
