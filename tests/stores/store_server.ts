/** What a server did since it was started, and what it holds. */
export interface StoreLoad {
  /** User and system time of all its processes; since the last start. */
  readonly cpuSeconds: number;
  /** Transactions of PostgreSQL, commands of Redis. */
  readonly operationCount: number;
  /** Bytes of its log: WAL of PostgreSQL, append-only file of Redis. */
  readonly loggedBytes: number;
  /** Bytes that the data takes: files of PostgreSQL, memory of Redis. */
  readonly heldBytes: number;
}

/** A database server of a test's own, on loopback. Disposing of it ends it and removes its data. */
export interface StoreServer extends AsyncDisposable {
  /** What CHECKPOINT_URL is to be. */
  readonly url: string;
  /** The server's process id. */
  readonly pid: number;
  /** Its folder: data and log. */
  readonly dataDir: string;
  load(): Promise<StoreLoad>;
  /** Ends it as a crash would; its data stays. */
  kill(): Promise<void>;
  /** Drops what orilla keeps there under the lake's usual name: DROP SCHEMA, FLUSHALL. */
  empty(): Promise<void>;
  /** Starts it again on the same port and data, after `kill`. */
  restart(): Promise<void>;
}

/**
 * Runs a program to its end; what it wrote to stdout.
 *
 * @throws Error with what it wrote where it failed
 */
export async function runToEnd(program: string, args: readonly string[]): Promise<string> {
  const output = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout).trim();
  const said = decoder.decode(output.stderr).trim() + decoder.decode(output.stdout).trim();
  throw new Error(`${program} ${args.join(" ")} failed: ${said || `exit code ${output.code}`}`);
}
