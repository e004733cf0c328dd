import assert from "node:assert/strict";

interface Report {
  readonly worker: {
    readonly attempts: Readonly<Record<string, string>>;
    readonly allowed: Readonly<Record<string, string>>;
  };
  readonly main: Readonly<Record<string, string>>;
}

const HOST = "127.0.0.1";

/**
 * What an executable does not refuse (seen with Deno 2.6.10): its module loader reads files without asking for
 * permission. Only code that already runs inside can use it; README says so.
 */
const LEFT_IN_EXECUTABLES = ["import a module", "import /etc/passwd as text"];

/** Runs a probe in a folder; expects each of its attempts to be refused, and what is allowed to work. */
export async function expectAllRefused(
  command: string,
  args: readonly string[],
  { folder, isExecutable }: { readonly folder: string; readonly isExecutable: boolean },
): Promise<void> {
  const left = isExecutable ? LEFT_IN_EXECUTABLES : [];
  const outDir = `${folder}/lake`, outside = `${folder}/outside`;
  await Deno.mkdir(outDir);
  await Deno.mkdir(outside);
  await Deno.writeTextFile(`${outside}/secret`, "");
  await Deno.writeTextFile(`${outside}/secret.ts`, "");
  using listed = Deno.listen({ hostname: HOST, port: 0 });
  using other = Deno.listen({ hostname: HOST, port: 0 });
  void hangUp(other);
  const ports = [listed, other].map(({ addr }) => String(addr.port));
  const { stdout, stderr } = await new Deno.Command(command, {
    args: [...args, outDir, outside, ...ports],
    cwd: folder,
    env: { KAFKA_SASL_PASSWORD: "canary" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith('{"worker"'), text + new TextDecoder().decode(stderr));
  const { worker, main }: Report = JSON.parse(text);
  expectEach(worker.attempts, { expected: "refused", left });
  expectEach(worker.allowed, { expected: "allowed", left: [] });
  expectEach(main, { expected: "refused", left });
  assert.ok(Object.keys(worker.attempts).length >= 20, "all attempts were made");
  const names = [...Deno.readDirSync(outside)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["secret", "secret.ts"]);
  assert.deepEqual([...Deno.readDirSync(outDir)].map(({ name }) => name), ["allowed"]);
}

/** Nothing that gets through waits for an answer. */
async function hangUp(listener: Deno.Listener): Promise<void> {
  for await (const connection of listener) connection.close();
}

function expectEach(
  results: Readonly<Record<string, string>>,
  { expected, left }: { readonly expected: string; readonly left: readonly string[] },
): void {
  const others = Object.entries(results)
    .filter(([name, result]) => result !== expected && !left.includes(name));
  assert.deepEqual(Object.fromEntries(others), {}, `all are ${expected}`);
}
