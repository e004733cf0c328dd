import assert from "node:assert/strict";
import { mutated, MUTATIONS } from "./mutations.ts";

const root = new URL("../../", import.meta.url);

Deno.test("each mutation still finds what it changes", async () => {
  for (const mutation of MUTATIONS) {
    const text = await Deno.readTextFile(new URL(mutation.file, root));
    assert.notEqual(mutated(text, mutation), text);
  }
});
