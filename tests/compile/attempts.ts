import { spawnSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { connect } from "node:net";

/** Where a probe tries to go. */
export interface ProbeTargets {
  readonly outDir: string;
  /** A folder beside OUT_DIR, with a file `secret`. */
  readonly outside: string;
  /** A port that is listed; it listens. */
  readonly listedPort: number;
  /** Another port of the same host, which listens and then hangs up. */
  readonly otherPort: number;
}

type Attempt = (targets: ProbeTargets) => unknown;

const HOST = "127.0.0.1";

/** What an attacker inside the process would try. */
export const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  "read /etc/passwd": () => Deno.readTextFileSync("/etc/passwd"),
  "read /etc/passwd through node:fs": () => readFileSync("/etc/passwd"),
  "read beside OUT_DIR": ({ outside }) => Deno.readTextFileSync(`${outside}/secret`),
  "read the process's environment": () => Deno.readTextFileSync("/proc/self/environ"),
  "write beside OUT_DIR": ({ outside }) => Deno.writeTextFileSync(`${outside}/written`, ""),
  "write through ..": ({ outDir }) => Deno.writeTextFileSync(`${outDir}/../outside/written`, ""),
  "make a symbolic link": ({ outDir, outside }) => Deno.symlinkSync(outside, `${outDir}/own_link`),
  "make a hard link": ({ outDir, outside }) =>
    Deno.linkSync(`${outside}/secret`, `${outDir}/hard_link`),
  "move a file into OUT_DIR": ({ outDir, outside }) =>
    Deno.renameSync(`${outside}/secret`, `${outDir}/moved`),
  "run a program": () => new Deno.Command("/bin/true").outputSync(),
  "run a program through node:child_process": () => {
    const { error } = spawnSync("/bin/true");
    if (error !== undefined) throw error;
  },
  "load a library": () => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {}),
  "read an environment name": () => Deno.env.get("KAFKA_SASL_PASSWORD"),
  "read all environment names": () => Deno.env.toObject(),
  "read the host name": () => Deno.hostname(),
  "ask how full another disk is": ({ outside }) => statfsSync(outside),
  "import a module": ({ outside }) => import(`file://${outside}/secret.ts`),
  "import /etc/passwd as text": () => import(`file://${"/etc/passwd"}`, { with: { type: "text" } }),
  "import a module from the network": ({ otherPort }) => import(`http://${HOST}:${otherPort}/a.ts`),
  "start a worker with more permissions": () =>
    new Worker(new URL("data:text/javascript,"), {
      type: "module",
      deno: { permissions: { read: true } },
    }),
  "ask for permission, then read": async () => {
    await Deno.permissions.request({ name: "read" });
    return Deno.readTextFileSync("/etc/passwd");
  },
  "connect to a host that is not listed": ({ otherPort }) => connectTo(otherPort),
  "connect to it through node:net": ({ otherPort }) => connectThroughNode(otherPort),
  "fetch from a host that is not listed": ({ otherPort }) =>
    fetch(`http://${HOST}:${otherPort}/`, { signal: AbortSignal.timeout(1_000) }),
  "listen on another port": ({ otherPort }) =>
    Deno.listen({ hostname: "0.0.0.0", port: otherPort }).close(),
};

/** What the sandbox is there to allow. */
export const ALLOWED: Readonly<Record<string, Attempt>> = {
  "write into OUT_DIR": ({ outDir }) => Deno.writeTextFileSync(`${outDir}/allowed`, ""),
  "ask how full the disk of OUT_DIR is": ({ outDir }) => statfsSync(outDir),
  "connect to the listed host": ({ listedPort }) => connectTo(listedPort),
  "connect to it through node:net": ({ listedPort }) => connectThroughNode(listedPort),
};

/** Makes each attempt; says `allowed`, `refused`, or what else happened. */
export async function outcomes(
  attempts: Readonly<Record<string, Attempt>>,
  targets: ProbeTargets,
): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt(targets);
      results[name] = "allowed";
    } catch (error) {
      results[name] = isRefusal(error) ? "refused" : String(error);
    }
  }
  return results;
}

function isRefusal(error: unknown): boolean {
  if (error instanceof Deno.errors.NotCapable) return true;
  // node: modules, import() and Worker wrap it. Deno 2.6 says ECONNREFUSED for it in node:net (both ports
  // listen), and an executable has no loader for modules from the network.
  return error instanceof Error &&
    /Requires \w+ access|EACCES|NotCapable|escalate|--no-remote|ECONNREFUSED|Module not found: http/
      .test(
        `${error.message} ${"code" in error ? error.code : ""}`,
      );
}

async function connectTo(port: number): Promise<void> {
  (await Deno.connect({ hostname: HOST, port })).close();
}

function connectThroughNode(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port }, () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}
