import project from "../deno.json" with { type: "json" };

/** The V8 flags of one of deno.json's tasks, as an argument of `deno run`; fails where it has none. */
export function v8FlagsOf(task: keyof typeof project.tasks): string {
  const [flags] = /--v8-flags=\S+/.exec(project.tasks[task].command) ?? [];
  if (flags === undefined) throw new Error(`The task ${task} has no V8 flags`);
  return flags;
}
