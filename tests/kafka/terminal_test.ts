import assert from "node:assert/strict";
import { whyNo } from "../programs.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { runInTerminal } from "../terminal/terminal_run.ts";
import { startBroker, uniqueName } from "./broker.ts";
import { kafkaTest } from "./kafka_case.ts";

const TERMINAL = { columns: 120, env: { LANG: "C.UTF-8" } };
const LEFT_OF_PROGRESS = /[█░]|\/s {2}lag/;

if (whyNo("python3") === null) {
  kafkaTest("producer and consumer tell a person at a terminal how far they are", async (test) => {
    await using broker = await startBroker();
    await using folder = await temporaryFolder();
    const target = ["--bootstrap-servers", broker.bootstrap, "--topic", uniqueName("terminal")];
    const terminal = { ...TERMINAL, cwd: folder.path };

    await test.step("the producer has a bar", async () => {
      const args = ["producer", ...target, "--count", "6000", "--rate", "4000"];
      const run = await runInTerminal(args, terminal);
      assert.equal(run.code, 0, run.written);
      const bar = /^\[[█▏▎▍▌▋▊▉]*░+\] +\d+% {2}[\d,]+ of 6,000 events {2}[\d,]+\/s {2}1 s left$/;
      assert.ok(run.pieces.some((piece) => bar.test(piece)), run.pieces.join("\n"));
      assert.match(run.screen.text, /^Done: 6,000 of 6,000 records acknowledged/m);
      assert.doesNotMatch(run.screen.text, LEFT_OF_PROGRESS);
    });

    await test.step("the consumer without an end has a status line that goes on where nothing comes", async () => {
      const args = ["consumer", ...target, "--out-dir", "lake", "--batch-max-latency-ms", "3000"];
      const steps = [
        { after: "6,000 events  [\\d,]+/s  lag 0, 6,000 to commit, commit 0", columns: 120 },
        { after: "6,000 events  [\\d,]+/s  lag 0, 0 to commit, commit 1", columns: 50 },
        { after: "6,000 events  ([\\d,]+/s  )?lag 0, 0 to commit, commit 1", type: "\x03" },
      ];
      const run = await runInTerminal(args, { ...terminal, steps });
      assert.equal(run.code, 0, run.written);
      assert.match(run.screen.text, /^Stopping; a second Ctrl-C ends at once$/m);
      assert.match(
        run.screen.text,
        /^Stopped by a signal; what was buffered is committed\n\n {2}received {3}6,000$/m,
      );
      assert.doesNotMatch(run.screen.text, LEFT_OF_PROGRESS);
    });

    await test.step("the consumer with an end has a bar", async () => {
      const args = ["consumer", ...target, "--out-dir", "again", "--until-end"];
      const run = await runInTerminal([...args, "--group-id", "again"], terminal);
      assert.equal(run.code, 0, run.written);
      const bar = /^\[[█░]+\] +\d+% {2}[\d,]+ of 6,000 events .*lag [\d,]+, /;
      assert.ok(run.pieces.some((piece) => bar.test(piece)), run.pieces.join("\n"));
      assert.match(run.screen.text, /^End reached$/m);
      assert.doesNotMatch(run.screen.text, LEFT_OF_PROGRESS);
    });
  });
}
