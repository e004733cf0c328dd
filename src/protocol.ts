import type { StoreAccess } from "./checkpoint/commit_store.ts";
import type { Surroundings } from "./commands/context.ts";
import type { Config } from "./config.ts";
import type { KafkaSecurity } from "./kafka/security.ts";
import type { S3Credentials } from "./lake/s3_client.ts";
import type { KeyRing } from "./runtime/key_file.ts";
import type { Progress } from "./runtime/reporting.ts";

/** What the main thread tells the worker. */
export type ToWorker =
  | {
    readonly kind: "run";
    readonly config: Config;
    readonly security: KafkaSecurity;
    readonly store: StoreAccess;
    /** The token of HTTP_TOKEN_FILE; null where there is none. */
    readonly httpToken: string | null;
    readonly outDir: string;
    readonly checkpointDir: string;
    /** Who orilla is to the object store; null where the lake is in a folder. */
    readonly s3Credentials: S3Credentials | null;
    /** Seen before the process gave up its permissions. */
    readonly surroundings: Surroundings | null;
    /** Read before the process gave up its permissions: the worker never sees the file. */
    readonly keys: KeyRing | null;
    /** Where Parquet is made; null where the mode writes none. */
    readonly encoder: MessagePort | null;
  }
  | { readonly kind: "stop" }
  /** Answers "read": the next bytes of stdin, null at its end. */
  | { readonly kind: "input"; readonly bytes: Uint8Array | null }
  /** Answers "flush". */
  | { readonly kind: "flushed" };

/** What the worker tells the main thread. */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "log"; readonly line: string }
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "progress"; readonly progress: Progress }
  /** Asks for bytes of stdin, which only the main thread reads. */
  | { readonly kind: "read" }
  /** Asks to be told when all that was printed has left the process. */
  | { readonly kind: "flush" }
  /** `message` is null where the command did its work. */
  | { readonly kind: "end"; readonly exitCode: number; readonly message: string | null };
