import assert from "node:assert/strict";
import { collectYoung } from "../../src/runtime/young_memory.ts";
import { v8FlagsOf } from "../task_flags.ts";

Deno.test("the tasks and the executable have the same V8 flags", () => {
  for (const task of ["simulate", "producer", "orilla", "compile"] as const) {
    assert.equal(v8FlagsOf(task), v8FlagsOf("consumer"));
  }
});

Deno.test("without --expose-gc nothing is collected", () => collectYoung({}));

/** Makes 60 MB of array buffers, and prints how many bytes of them are there. */
const MAKES_GARBAGE = `
  import { collectYoung } from ${
  JSON.stringify(import.meta.resolve("../../src/runtime/young_memory.ts"))
};
  const before = Deno.memoryUsage().external;
  for (let i = 0; i < 60; i++) {
    new Uint8Array(1e6).fill(i);
    if (Deno.args.length > 0) collectYoung();
  }
  console.log(Deno.memoryUsage().external - before);
`;

async function garbageLeft(args: readonly string[]): Promise<number> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, MAKES_GARBAGE);
    const command = ["run", "--no-check", v8FlagsOf("consumer"), script, ...args];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: command })
      .output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    return Number(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(script);
  }
}

Deno.test("with the flags of the tasks, array buffers go at each collection; else they pile up", async () => {
  const collected = await garbageLeft(["collect"]), piled = await garbageLeft([]);
  assert.ok(collected < 5e6, `${collected} bytes are left`);
  assert.ok(piled > 15e6, `${piled} bytes are left: V8 may collect by itself now`);
});
