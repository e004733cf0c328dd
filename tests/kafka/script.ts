import { fileURLToPath } from "node:url";

/** The scripts beside this file that start and stop brokers. */
export type Script = "kafka-broker.sh" | "kafka-cluster.sh";

/**
 * Runs one of the scripts to its end.
 *
 * @param env added to this process's environment
 * @returns what it wrote to stdout, trimmed
 * @throws Error with what it wrote to stderr where it failed
 */
export async function runScript(
  script: Script,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const output = await new Deno.Command("bash", { ...commandOf(script, args), env }).output();
  return textOf(script, args, output);
}

/** As `runScript`, with a text for the script to read from stdin. */
export async function runScriptWithInput(
  script: Script,
  args: readonly string[],
  input: string,
): Promise<string> {
  const child = new Deno.Command("bash", { ...commandOf(script, args), stdin: "piped" }).spawn();
  const written = new Blob([input]).stream().pipeTo(child.stdin);
  const [output] = await Promise.all([child.output(), written]);
  return textOf(script, args, output);
}

/** As `runScript`, for where nothing can be awaited. */
export function runScriptSync(script: Script, args: readonly string[]): string {
  return textOf(script, args, new Deno.Command("bash", commandOf(script, args)).outputSync());
}

function commandOf(script: Script, args: readonly string[]): Deno.CommandOptions {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return { args: [path, ...args], stdin: "null", stdout: "piped", stderr: "piped" };
}

function textOf(script: Script, args: readonly string[], output: Deno.CommandOutput): string {
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout).trim();
  const said = decoder.decode(output.stderr).trim() || `exit code ${output.code}`;
  throw new Error(`${script} ${args[0] ?? ""} failed: ${said}`);
}
