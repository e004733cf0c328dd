import assert from "node:assert/strict";
import type { Progress } from "../src/runtime/reporting.ts";
import { type Screen, StatusLine, terminalTraits } from "../src/terminal.ts";

const HALF: Progress = { unit: "events", done: 500, total: 1000, ratePerSecond: 100, note: "" };
const HALF_SHOWN = "[###############...............]  50%  500 of 1,000 events  100/s  5 s left";

/** A status line on a screen that remembers each write. */
function screen(traits: Partial<Screen> = {}) {
  const written: string[] = [];
  const line = new StatusLine({
    isTerminal: true,
    isColoured: false,
    isUnicode: false,
    breaksLinesAnew: true,
    columns: () => 80,
    write: (text) => written.push(text),
    ...traits,
  });
  return { line, written };
}

Deno.test("StatusLine writes log lines alone where there is no terminal", () => {
  const { line, written } = screen({ isTerminal: false, isColoured: true });
  line.log("10:15:00.123 WARNING one");
  line.progress(HALF);
  line.log("two");
  line.clear();
  assert.deepEqual(written, ["10:15:00.123 WARNING one\n", "two\n"]);
});

Deno.test("StatusLine keeps the progress below log lines, each update one write", () => {
  const { line, written } = screen();
  line.log("one");
  line.progress(HALF);
  line.log("two");
  assert.deepEqual(written, [
    "one\n",
    `\r${HALF_SHOWN}\x1b[K`,
    `\rtwo\x1b[K\n${HALF_SHOWN}`,
  ]);
});

Deno.test("StatusLine writes the same progress once", () => {
  const { line, written } = screen();
  line.progress(HALF);
  line.progress(HALF);
  assert.equal(written.length, 1);
  line.progress({ ...HALF, done: 600 });
  assert.equal(written.length, 2);
});

Deno.test("StatusLine.clear() takes the progress away once, and it can come again", () => {
  const { line, written } = screen();
  line.clear();
  line.progress(HALF);
  line.clear();
  line.clear();
  line.log("done");
  assert.deepEqual(written.slice(1), ["\r\x1b[K", "done\n"]);
  line.progress(HALF);
  assert.equal(written.length, 4);
});

Deno.test("StatusLine begins where the line begins once a narrower terminal broke it into rows", () => {
  let columns = 80;
  const { line, written } = screen({ columns: () => columns });
  line.progress(HALF);
  columns = 40;
  line.progress(HALF);
  columns = 20;
  line.log("one");
  columns = 10;
  line.clear();
  assert.deepEqual(written.slice(1), [
    "\r\x1b[1A\x1b[J 50%  500 of 1,000 events  5 s left\x1b[K",
    "\r\x1b[1A\x1b[Jone\x1b[K\n 50%  5 s left",
    "\r\x1b[1A\x1b[J\x1b[K",
  ]);
});

Deno.test("StatusLine leaves the rows above alone where a narrower terminal cuts lines off", () => {
  let columns = 80;
  const { line, written } = screen({ columns: () => columns, breaksLinesAnew: false });
  line.progress(HALF);
  columns = 20;
  line.log("one");
  assert.deepEqual(written.slice(1), ["\rone\x1b[K\n 50%  5 s left"]);
});

Deno.test("StatusLine takes a terminal that does not say its width for one of 80 columns", () => {
  const { line, written } = screen({ columns: () => 0 });
  line.progress(HALF);
  assert.deepEqual(written, [`\r${HALF_SHOWN}\x1b[K`]);
});

Deno.test("StatusLine colours the bar and the levels of text logs, JSON logs never", () => {
  const { line, written } = screen({ isColoured: true });
  line.log("10:15:00.123 WARNING full");
  line.log("10:15:00.123 ERROR   gone");
  line.log("10:15:00.123 INFO    WARNING");
  line.log('{"level":"warning"}');
  line.progress(HALF);
  assert.deepEqual(written, [
    "10:15:00.123 \x1b[33mWARNING\x1b[0m full\n",
    "10:15:00.123 \x1b[31mERROR\x1b[0m   gone\n",
    "10:15:00.123 INFO    WARNING\n",
    '{"level":"warning"}\n',
    `\r[\x1b[36m${"#".repeat(15)}\x1b[0m\x1b[2m${".".repeat(15)}\x1b[0m]${
      HALF_SHOWN.slice(32)
    }\x1b[K`,
  ]);
});

Deno.test("terminalTraits() reads NO_COLOR, TERM and the locale", () => {
  const traits = (environment: Readonly<Partial<Record<string, string>>>) =>
    terminalTraits((name) => environment[name]);
  assert.deepEqual(traits({ TERM: "xterm-256color", LANG: "es_ES.UTF-8" }), {
    isDumb: false,
    isColoured: true,
    isUnicode: true,
    breaksLinesAnew: true,
  });
  assert.equal(traits({ TERM: "dumb" }).isDumb, true);
  assert.equal(traits({ NO_COLOR: "0" }).isColoured, false);
  assert.equal(traits({ NO_COLOR: "" }).isColoured, true);
  assert.equal(traits({ LANG: "es_ES.UTF-8", LC_ALL: "C" }).isUnicode, false);
  assert.equal(traits({}).isUnicode, false);
  for (
    const cuts of [{ TERM: "linux" }, { TERM: "screen" }, {
      TERM: "xterm",
      XTERM_VERSION: "XTerm(379)",
    }]
  ) {
    assert.equal(traits(cuts).breaksLinesAnew, false, JSON.stringify(cuts));
  }
  assert.equal(traits({ TERM: "screen", TMUX: "/tmp/tmux" }).breaksLinesAnew, true);
});
