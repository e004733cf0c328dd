/// <reference lib="deno.worker" />
/** Tries, inside the sandbox, what an attacker would try; says for each whether it was refused. */
interface Paths {
  readonly outDir: string;
  readonly outside: string;
}

type Attempt = (paths: Paths) => unknown;

const ATTEMPTS: Readonly<Record<string, Attempt>> = {
  "read /etc/passwd": () => Deno.readTextFileSync("/etc/passwd"),
  "read beside OUT_DIR": ({ outside }) => Deno.readTextFileSync(`${outside}/secret`),
  "write beside OUT_DIR": ({ outside }) => Deno.writeTextFileSync(`${outside}/written`, ""),
  "write through ..": ({ outDir }) => Deno.writeTextFileSync(`${outDir}/../outside/written`, ""),
  "make a symbolic link": ({ outDir, outside }) => Deno.symlinkSync(outside, `${outDir}/own_link`),
  "run a program": () => new Deno.Command("/bin/true").outputSync(),
  "load a library": () => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {}),
  "read an environment name": () => Deno.env.get("HOME"),
  "read the host name": () => Deno.hostname(),
};

const CONNECTION = "open a connection";

async function probe(paths: Paths): Promise<Record<string, string>> {
  const results: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(ATTEMPTS)) {
    try {
      attempt(paths);
      results[name] = "allowed";
    } catch (error) {
      results[name] = error instanceof Deno.errors.NotCapable ? "refused" : String(error);
    }
  }
  try {
    await Deno.connect({ hostname: "127.0.0.1", port: 9 });
    results[CONNECTION] = "allowed";
  } catch (error) {
    results[CONNECTION] = error instanceof Deno.errors.NotCapable ? "refused" : String(error);
  }
  Deno.writeTextFileSync(`${paths.outDir}/allowed`, "");
  return results;
}

self.onmessage = ({ data }: MessageEvent<Paths>) => {
  void probe(data).then((results) => {
    self.postMessage({ kind: "print", text: JSON.stringify(results) });
  });
};
self.postMessage({ kind: "ready" });
