import assert from "node:assert/strict";
import { SilenceWatch } from "../../src/kafka/silence.ts";

/** A watch on a clock that stands where it is put; `end` is the message it ended with. */
function watched(budgetMs: number, refusal: () => Promise<Error | null>) {
  const clock = { now: 0, nowMs: () => 0, monotonicMs: () => clock.now };
  const ended = Promise.withResolvers<string>();
  let message: string | null = null;
  const watch = new SilenceWatch({
    clock,
    budgetMs,
    refusal,
    onEnd: (error) => ended.resolve(message = error.message),
  });
  return {
    clock,
    watch,
    ended: ended.promise,
    get message() {
      return message;
    },
  };
}

Deno.test("SilenceWatch ends the wait once the budget and a normal silence are over", async () => {
  const { clock, ended } = watched(60_000, () => Promise.resolve(null));
  clock.now = 65_000;
  assert.equal(
    await ended,
    "Kafka has not answered for 65 s. Nothing is lost; start again when it does",
  );
});

Deno.test("SilenceWatch ends the wait after 10 s where the brokers refuse to talk", async () => {
  const { clock, ended } = watched(300_000, () => Promise.resolve(new Error("expired")));
  clock.now = 10_000;
  assert.equal(await ended, "expired");
});

Deno.test("SilenceWatch waits on while it hears something, or nobody refuses", async () => {
  let asked = 0;
  const asking = Promise.withResolvers<void>();
  const test = watched(300_000, () => {
    asked++;
    asking.resolve();
    return Promise.resolve(null);
  });
  using watch = test.watch;
  test.clock.now = 299_000;
  watch.heard();
  test.clock.now = 308_999;
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(asked, 0, "it is not asked what is wrong while nothing is");
  test.clock.now = 309_000;
  await asking.promise;
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(asked, 1, "it is not asked again at once");
  assert.equal(test.message, null);
});
