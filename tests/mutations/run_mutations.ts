import { mutated, type Mutation, MUTATIONS } from "./mutations.ts";

/** Applies each mutation to a copy of the project and expects its tests to fail there: a test that cannot fail is a defect. */
const root = new URL("../../", import.meta.url).pathname;

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (name.startsWith(".git") || name === "dist" || name === "datasets") continue;
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

async function mutate(folder: string, mutation: Mutation): Promise<void> {
  const path = `${folder}/${mutation.file}`;
  await Deno.writeTextFile(path, mutated(await Deno.readTextFile(path), mutation));
}

/** Whether the tests pass in that folder; and the names of those that fail. */
async function runTests(folder: string, tests: readonly string[]) {
  const args = ["test", "--no-prompt", "--no-check", "--frozen", "-A", "--fail-fast", ...tests];
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: folder,
    env: { NO_COLOR: "1" },
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const failed = /^(.+?) \.\.\. FAILED/m.exec(text)?.[1] ?? null;
  return { isPassed: code === 0, failed };
}

async function caughtBy(mutation: Mutation): Promise<string | null> {
  const folder = await Deno.makeTempDir({ prefix: "orilla_mutation_" });
  try {
    await copy(root, folder);
    await mutate(folder, mutation);
    const { isPassed, failed } = await runTests(folder, mutation.tests);
    return isPassed ? null : failed ?? "a test file that does not load";
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

let survivorCount = 0;
for (const mutation of MUTATIONS) {
  const failed = await caughtBy(mutation);
  if (failed === null) survivorCount++;
  say(`${failed === null ? "SURVIVED" : "caught"}  ${mutation.name}\n    ${failed ?? ""}`);
}
say(`${MUTATIONS.length - survivorCount} of ${MUTATIONS.length} mutations were caught`);
Deno.exitCode = survivorCount === 0 ? 0 : 1;
