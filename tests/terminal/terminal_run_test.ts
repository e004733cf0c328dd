import assert from "node:assert/strict";
import { testWith } from "../programs.ts";
import { runOrilla } from "../orilla_process.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { runInTerminal, type TerminalRun } from "./terminal_run.ts";

/** About two seconds of work, with a commit now and then. */
const WORK = [
  "simulate",
  "--count",
  "8000",
  "--rate",
  "4000",
  "--batch-max-latency-ms",
  "300",
  "--out-dir",
  "lake",
];
const BAR = /^\[[█▏▎▍▌▋▊▉░#.]+\]/;
const UTF8 = { LANG: "C.UTF-8" };

/** The log lines that each commit leaves, in their order: none is missing, none is torn. */
function expectLogsIntact({ screen }: TerminalRun): void {
  const lines = screen.text.split("\n").filter((line) => line.includes("committed"));
  assert.ok(lines.length >= 5, screen.text);
  lines.forEach((line, i) => {
    assert.match(
      line,
      /^\d\d:\d\d:\d\d\.\d{3} INFO {4}committed duplicate=0 durationMs=\d+ files=\d+ published=\d+ /,
    );
    assert.match(line, new RegExp(` sequence=${i + 1} trigger=\\w+$`));
  });
}

/** At the end nothing is left of the progress, and the summary stands on lines of its own. */
function expectSummaryAlone({ screen }: TerminalRun): void {
  const text = screen.text;
  assert.doesNotMatch(text, /[█░]|\[#|\d%| left|\/s {2}/, "nothing is left of the bar");
  const summary = text.slice(text.indexOf("Simulation done"));
  assert.match(
    summary,
    /^Simulation done\n\n {2}received {3}8,000\n {2}published {2}8,000 {2}rows in the lake\n/,
  );
  assert.equal(text.split("\n").filter((line) => line === "Simulation done").length, 1, text);
}

testWith(
  "python3",
  "in a terminal a bar is shown below the logs, and gone before the results",
  async () => {
    await using folder = await temporaryFolder();
    const run = await runInTerminal(WORK, { cwd: folder.path, columns: 100, env: UTF8 });
    assert.equal(run.code, 0, run.written);
    const bars = run.pieces.filter((piece) => BAR.test(piece));
    assert.ok(new Set(bars).size >= 10, `${bars.length} bars`);
    assert.ok(
      bars.some((bar) =>
        /^\[█+[▏▎▍▌▋▊▉]?░+\] +\d+% {2}[\d,]+ of 8,000 events {2}[\d,]+\/s {2}\d+ s left$/.test(bar)
      ),
      bars.join("\n"),
    );
    assert.ok(bars.every((bar) => [...bar].length <= 99));
    assert.ok(run.screen.colourCount > 0);
    expectLogsIntact(run);
    expectSummaryAlone(run);
  },
);

testWith(
  "python3",
  "the bar follows the width of the terminal, and leaves nothing behind",
  async () => {
    await using folder = await temporaryFolder();
    const steps = [50, 23, 120, 31].map((columns) => ({
      after: " of 8,000|\\d% .* left",
      columns,
    }));
    const run = await runInTerminal(WORK, { cwd: folder.path, columns: 100, env: UTF8, steps });
    assert.equal(run.code, 0, run.written);
    expectLogsIntact(run);
    expectSummaryAlone(run);
  },
);

testWith(
  "python3",
  "in a narrow terminal the bar gives way, and never takes two rows",
  async () => {
    await using folder = await temporaryFolder();
    const run = await runInTerminal(WORK, { cwd: folder.path, columns: 24, env: UTF8 });
    const progress = run.pieces.filter((piece) => /^ *\d+% /.test(piece));
    assert.ok(progress.length >= 10, `${progress.length}`);
    assert.ok(progress.every((piece) => [...piece].length <= 23), progress.join("\n"));
    expectLogsIntact(run);
    expectSummaryAlone(run);
  },
);

testWith(
  "python3",
  "a terminal that does not say its width is taken for one of 80 columns",
  async () => {
    await using folder = await temporaryFolder();
    const run = await runInTerminal(WORK, { cwd: folder.path, columns: 0, env: UTF8 });
    assert.ok(
      run.pieces.some((piece) =>
        BAR.test(piece) && [...piece].length === 79 || piece.includes("8,000 events")
      ),
    );
    expectLogsIntact(run);
    expectSummaryAlone(run);
  },
);

testWith(
  "python3",
  "NO_COLOR takes the colours, not the bar; without UTF-8 it is made of ASCII",
  async () => {
    await using folder = await temporaryFolder();
    const env = { NO_COLOR: "1", LC_ALL: "C" };
    const run = await runInTerminal(WORK, { cwd: folder.path, columns: 100, env });
    assert.equal(run.screen.colourCount, 0);
    assert.ok(run.pieces.some((piece) => /^\[#+\.+\] /.test(piece)));
    expectSummaryAlone(run);
  },
);

testWith("python3", "a terminal that knows no control sequences gets plain lines", async () => {
  await using folder = await temporaryFolder();
  const run = await runInTerminal(WORK, { cwd: folder.path, columns: 100, env: { TERM: "dumb" } });
  assert.ok(!run.written.includes("\x1b"), run.written);
  assert.ok(!run.written.replaceAll("\r\n", "\n").includes("\r"), "no line is written over");
  expectLogsIntact(run);
  expectSummaryAlone(run);
});

testWith(
  "python3",
  "with stdout piped the bar is on the terminal, and the results are plain",
  async () => {
    await using folder = await temporaryFolder();
    const run = await runInTerminal(WORK, {
      cwd: folder.path,
      columns: 100,
      env: UTF8,
      isStdoutPiped: true,
    });
    assert.match(run.printed, /^Simulation done\n/);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(run.printed, /[\x1b\r]/);
    assert.ok(run.pieces.some((piece) => BAR.test(piece)));
    assert.doesNotMatch(run.screen.text, /Simulation done|[█░]/);
    expectLogsIntact(run);
  },
);

testWith(
  "python3",
  "Ctrl-C is answered, what is buffered is committed, and the bar goes",
  async () => {
    await using folder = await temporaryFolder();
    const args = [...WORK, "--batch-max-events", "100000"].filter((word) => word !== "8000");
    const run = await runInTerminal(args.toSpliced(2, 0, "800000"), {
      cwd: folder.path,
      columns: 100,
      env: UTF8,
      steps: [{ after: "committed(.|\\n)* of 800,000", type: "\x03" }],
    });
    assert.equal(run.code, 0, run.written);
    assert.match(run.screen.text, /^Stopping; a second Ctrl-C ends at once$/m);
    assert.match(
      run.screen.text,
      /^Stopped by a signal after \d+ of 800000 events; all of them are committed$/m,
    );
    assert.doesNotMatch(run.screen.text, /[█░]/);
  },
);

testWith("python3", "the other long commands have a bar too, and leave nothing of it", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const generated = [
    "--count",
    "40000",
    "--days",
    "300",
    "--invalid-ratio",
    "0.4",
    "--batch-max-events",
    "4000",
  ];
  const made = await runOrilla(["simulate", ...generated, "--out-dir", "lake"], { cwd });
  assert.equal(made.code, 0, made.stderr);
  const commands: readonly (readonly [string, string])[] = [
    ["verify", "files"],
    ["report", "events"],
    ["dlq replay", "dead letters"],
    ["rebuild", "files"],
  ];
  for (const [command, unit] of commands) {
    const args = [...command.split(" "), "--out-dir", "lake"];
    const run = await runInTerminal(args, { cwd, columns: 100, env: UTF8 });
    assert.equal(run.code, 0, `${command}: ${run.written}`);
    const bars = run.pieces.filter((piece) => BAR.test(piece));
    assert.ok(
      bars.some((bar) => new RegExp(`% {2}[\\d,]+ of [\\d,]+ ${unit}\\b`).test(bar)),
      `${command}: ${run.pieces.slice(0, 5).join("\n")}`,
    );
    assert.doesNotMatch(run.screen.text, /[█░]/, command);
  }
});

Deno.test("where nobody watches, no control sequence is written", async () => {
  await using folder = await temporaryFolder();
  const { code, stdout, stderr } = await runOrilla(WORK, {
    cwd: folder.path,
    env: { TERM: "xterm" },
  });
  assert.equal(code, 0);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stdout + stderr, /[\x1b\r]/);
  for (const line of stderr.trim().split("\n")) {
    assert.equal(typeof JSON.parse(line).message, "string");
  }
});
