/** A database server of a test's own, on loopback. Disposing of it ends it and removes its data. */
export interface StoreServer extends AsyncDisposable {
  /** What CHECKPOINT_URL is to be. */
  readonly url: string;
  /** The server's process id. */
  readonly pid: number;
  /** Its folder: data and log. */
  readonly dataDir: string;
  /** Ends it as a crash would; its data stays. */
  kill(): Promise<void>;
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
