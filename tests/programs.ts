/** Why a program cannot be asked here; null where it can. */
export function whyNo(program: string, args: readonly string[] = ["--version"]): string | null {
  try {
    new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" }).outputSync();
    return null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `${program} is not on PATH`;
    throw error;
  }
}

/** A test that needs a program which is not everywhere: its name says where it is left out. */
export function testWith(program: string, name: string, fn: () => Promise<void>): void {
  const leftOut = whyNo(program);
  Deno.test({
    name: leftOut === null ? name : `${name} (left out: ${leftOut})`,
    ignore: leftOut !== null,
    fn,
  });
}

/** Runs a program to its end; what it wrote is one text. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, input }: { readonly cwd?: string | URL; readonly input?: string } = {},
): Promise<{ readonly code: number; readonly output: string }> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).spawn();
  const writer = child.stdin.getWriter();
  if (input !== undefined) await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
