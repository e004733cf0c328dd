import { startSandbox } from "../../src/sandbox.ts";

/** Starts the probe in the production sandbox, then tries the same from the main thread. */
const [outDir = "", outside = ""] = Deno.args;

function refused(action: () => unknown): string {
  try {
    action();
    return "allowed";
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? "refused" : String(error);
  }
}

const sandbox = await startSandbox({
  outDir,
  network: false,
  environment: ["NODE_ENV"],
  module: new URL("./probe_worker.ts", import.meta.url),
}, {
  onMessage: (message) => {
    const text = message.kind === "print" ? message.text : "{}";
    const main = {
      "main: read /etc/passwd": refused(() => Deno.readTextFileSync("/etc/passwd")),
      "main: write beside OUT_DIR": refused(() => Deno.writeTextFileSync(`${outside}/written`, "")),
      "main: run a program": refused(() => new Deno.Command("/bin/true").outputSync()),
      "main: read an environment name": refused(() => Deno.env.get("HOME")),
    };
    const results = { ...JSON.parse(text), ...main };
    Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(results)));
    Deno.exit(0);
  },
  onError: (message) => {
    Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ error: message })));
    Deno.exit(1);
  },
});
// The probe's paths stand where the production worker gets its command.
Reflect.apply(sandbox.tell, null, [{ outDir, outside }]);
