import { statfsSync } from "node:fs";
import { startSandbox } from "../../src/sandbox.ts";
import { ATTEMPTS, outcomes } from "./attempts.ts";

/** Starts the probe in the production sandbox, then tries the same from the main thread. */
const [outDir = "", outside = "", listedPort, otherPort] = Deno.args;
const targets = {
  outDir,
  outside,
  listedPort: Number(listedPort),
  otherPort: Number(otherPort),
};

function finish(report: unknown): never {
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(report)));
  Deno.exit(0);
}

const sandbox = await startSandbox({
  mode: "consumer",
  folder: outDir,
  network: [`127.0.0.1:${targets.listedPort}`],
  diskSpace: true,
  environment: ["NODE_ENV"],
  module: new URL("./probe_worker.ts", import.meta.url),
}, {
  onMessage: async (message) => {
    const worker = JSON.parse(message.kind === "print" ? message.text : "{}");
    // The main thread has given up OUT_DIR and the network as well.
    const main = await outcomes({
      ...ATTEMPTS,
      "write into OUT_DIR": () => Deno.writeTextFileSync(`${outDir}/main`, ""),
      "connect to the listed host": () =>
        Deno.connect({ hostname: "127.0.0.1", port: targets.listedPort }),
      "ask how full the disk of OUT_DIR is": () => statfsSync(outDir),
    }, targets);
    finish({ worker, main });
  },
  onError: (message) => finish({ error: message }),
});
// The probe's targets stand where the production worker gets its command.
Reflect.apply(sandbox.tell, null, [targets]);
