import postgres from "postgres";
import { damagedError, messageOf, OrillaError, usageError } from "../../core/errors.ts";
import { portOf, storeName, type StoreUrl } from "../../core/store_url.ts";
import { SimulatedCrash } from "../../runtime/operations.ts";
import { refusedCertificate, refusedTls, tlsOf } from "./tls.ts";

/** What runs statements; bigints are bigints. */
export type Sql = postgres.Sql<{ bigint: bigint }>;
/** Rows of a query. */
export type Row = Readonly<Record<string, unknown>>;

/** Longer than any statement of orilla's takes on a server that answers. */
const ANSWER_MS = 60_000;
const CONNECT_S = 10;
/** A process that hangs in a transaction must not keep its locks: the server ends its connection. */
const IDLE_IN_TRANSACTION_MS = 10_000;
const LOCK_MS = 30_000;

/** How a server is reached. */
export interface ServerOptions {
  readonly url: StoreUrl;
  /** PEM of the authorities that may sign the server's certificate; null for the usual ones. */
  readonly caCertificates: string | null;
}

/**
 * One connection to a server, which is made when it is needed, and anew after a failure of it. What runs on it runs
 * one after the other.
 */
export class Line implements AsyncDisposable {
  readonly #options: ServerOptions;
  #open: { readonly sql: Sql; isClosed: boolean } | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /**
   * Runs an action on the connection, once those before it are done.
   *
   * @param action gives statements to `run`, which refuses them once the connection was lost: the client would
   * make a new one for them, outside of the transaction that they are part of
   * @throws what `asStoreFailure` makes of a failure
   */
  run<T>(action: (run: Run) => Promise<T>): Promise<T> {
    const next = this.#last.then(() => this.#run(action));
    this.#last = next.catch(() => {});
    return next;
  }

  async #run<T>(action: (run: Run) => Promise<T>): Promise<T> {
    const open = this.#open ??= this.#connect();
    const run: Run = async (statement) => {
      if (open.isClosed) throw lost();
      try {
        return await answered(statement(open.sql), () => this.#discard());
      } catch (error) {
        // The client learns of the connection's end a moment later: what is asked in between gets no answer.
        if (PASSING.has(codeOf(error) ?? "")) this.#discard();
        throw error;
      }
    };
    try {
      return await action(run);
    } catch (error) {
      const { url } = this.#options;
      const failure = asStoreFailure(url, error);
      if (open.isClosed || failure instanceof Error && "retriable" in failure) this.#discard();
      const refusal = isBroken(error) ? await refusedTls(url) : null;
      throw refusal ?? failure;
    }
  }

  #connect() {
    const open = {
      isClosed: false,
      sql: clientOf(this.#options, () => {
        open.isClosed = true;
      }),
    };
    return open;
  }

  /** Statements on their way fail; the server takes back what was not committed. */
  #discard(): void {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    open.isClosed = true;
    // Whoever waited for its statements has been told.
    open.sql.end({ timeout: 0 }).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open !== null) await open.sql.end({ timeout: END_S });
  }
}

/** Runs a statement on a line's connection. */
export type Run = <T>(statement: (sql: Sql) => Promise<T>) => Promise<T>;

const END_S = 1;

/** Options at their defaults: those that are not given are looked for in the environment, which is not ours to read. */
const NOT_FROM_ENVIRONMENT = {
  sslnegotiation: null,
  backoff: () => 1,
  max_pipeline: 100,
  prepare: true,
  debug: false,
  publications: "alltables",
} as const;

function lost(): Error {
  return Object.assign(new Error("the connection was lost"), { code: "CONNECTION_CLOSED" });
}

function clientOf({ url, caCertificates }: ServerOptions, onclose: () => void): Sql {
  return postgres<{ bigint: postgres.PostgresType<bigint> }>({
    host: url.host,
    port: portOf(url),
    user: url.user,
    pass: url.password,
    database: url.path === "" ? url.user : url.path,
    ssl: tlsOf(url, caCertificates),
    // With more of them a transaction would need a reserved one.
    max: 1,
    onclose,
    connect_timeout: CONNECT_S,
    idle_timeout: 0,
    max_lifetime: null,
    keep_alive: 30,
    // Array types need not be asked for: arrays go as text.
    fetch_types: false,
    // A standby takes no commits.
    target_session_attrs: "read-write",
    types: { bigint: postgres.BigInt },
    // Such as that a table is there already.
    onnotice: () => {},
    ...NOT_FROM_ENVIRONMENT,
    connection: {
      application_name: "orilla",
      search_path: url.lake,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      lock_timeout: LOCK_MS,
      // Short statements on large tables.
      jit: "off",
      enable_hashjoin: "off",
      enable_mergejoin: "off",
    },
  });
}

/** What a TLS handshake ends with where the server speaks none; the second in Deno 2.6. */
const BROKEN = ["ECONNRESET", "UnexpectedEof"];

function isBroken(error: unknown): boolean {
  return BROKEN.includes(codeOf(error) ?? "");
}

/** Codes of failures that pass when the server is there again, has room, or is less busy. */
const PASSING = new Set([
  ...BROKEN,
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);
/**
 * SQLSTATE classes and codes that do (postgresql.org/docs/current/errcodes-appendix.html): connection, transaction
 * rollback, resources, intervention; a server that became a standby; a lock that was waited for in vain.
 */
const PASSING_STATES = /^(08|40|53|57|25006|25P03|55P03|58030)/;
/** Missing schema, table, column, function; corrupted data. */
const DAMAGE_STATES = /^(3F000|42P01|42703|42883|XX001|XX002)/;

/** A failure as callers decide on it: one that can pass, damage, or as it was. It names no value of a row. */
export function asStoreFailure(url: StoreUrl, error: unknown): unknown {
  if (error instanceof OrillaError || error instanceof SimulatedCrash) return error;
  const untrusted = refusedCertificate(url, error);
  if (untrusted !== null) return untrusted;
  const code = codeOf(error);
  if (code === null) return error;
  const name = storeName(url);
  const text = `${name}: ${messageOf(error)}`;
  if (PASSING.has(code) || PASSING_STATES.test(code)) {
    return Object.assign(new Error(text, { cause: error }), { retriable: true });
  }
  if (DAMAGE_STATES.test(code)) {
    return damagedError(
      `${name} cannot be read as a checkpoint: ${messageOf(error)}. Restore it from a copy`,
      error,
    );
  }
  if (/^(28|3D000|42501)/.test(code)) {
    return usageError(
      `Cannot use CHECKPOINT_URL: ${text}. Its user must be let in and own schema ${url.lake}`,
      error,
    );
  }
  // What a server says of a value may repeat it.
  if ("severity" in Object(error) && !isConstraint(code)) {
    return Object.assign(new Error(`${name}: SQLSTATE ${code}`), { code });
  }
  return error;
}

/** A constraint that does not hold, whose name callers decide on; its message names no value. */
function isConstraint(code: string): boolean {
  return code.startsWith("23");
}

/** SQLSTATE, or the code of the system or of the client; where it has none, its name in Deno; null else. */
function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof Deno.errors.UnexpectedEof ? error.name : null;
}

/**
 * Waits for a server's answer, which may never come where it hangs.
 *
 * @param onTimeout called before it is given up
 */
export async function answered<T>(answer: Promise<T>, onTimeout: () => void): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    onTimeout();
    late.reject(Object.assign(new Error(`no answer in ${ANSWER_MS} ms`), { code: "ETIMEDOUT" }));
  }, ANSWER_MS);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
