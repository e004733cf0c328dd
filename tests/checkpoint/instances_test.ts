import assert from "node:assert/strict";
import { expelAfterMsOf, makeInstanceId, SignsOfLife } from "../../src/checkpoint/instances.ts";

Deno.test("signs of life go on after one that failed, and end with their process", async () => {
  const third = Promise.withResolvers<void>();
  let count = 0;
  const give = () => {
    if (++count === 3) third.resolve();
    return Promise.reject(new Error("the server is away"));
  };
  {
    using _signs = new SignsOfLife(give, 1);
    await third.promise;
  }
  const given = count;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(count, given);
});

Deno.test("a process is silent for five minutes before it is expelled, or as long as was asked for", () => {
  const options = { ttlMs: 0, duplicateTtlMs: 0 };
  assert.equal(expelAfterMsOf(options), 300_000);
  assert.equal(expelAfterMsOf({ ...options, expelAfterMs: 0 }), 0);
});

Deno.test("an instance id is twelve hexadecimal digits, each time others", () => {
  assert.match(makeInstanceId(), /^[0-9a-f]{12}$/);
  assert.notEqual(makeInstanceId(), makeInstanceId());
});
