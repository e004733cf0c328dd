import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("s3-server.sh", import.meta.url));
const isCi = Deno.env.get("CI") === "true";

/** Why tests against a real S3 server cannot run here, in one line; null where they can. */
export const s3LeftOut: string | null = whyNoServer();

/** The command that starts the server. */
export function serverCommand(args: readonly string[]): readonly [string, readonly string[]] {
  return ["bash", [SCRIPT, ...args]];
}

/**
 * Registers a test against a real S3 server. Where it cannot run it is ignored, and its name says why; with CI=true it
 * fails instead.
 */
export function s3Test(name: string, fn: () => Promise<void>): void {
  if (s3LeftOut === null) return Deno.test(name, fn);
  if (isCi) {
    return Deno.test(name, () => {
      throw new Error(`In CI the S3 tests must run: ${s3LeftOut}`);
    });
  }
  Deno.test({ name: `${name} (left out: ${s3LeftOut})`, ignore: true, fn });
}

/** As s3Test, for a test that needs another server too, and is left out for `why` where that cannot run. */
export function s3TestBeside(name: string, why: string | null, fn: () => Promise<void>): void {
  if (s3LeftOut !== null || why === null) return s3Test(name, fn);
  if (isCi) {
    return Deno.test(name, () => {
      throw new Error(`In CI the S3 tests must run: ${why}`);
    });
  }
  Deno.test({ name: `${name} (left out: ${why})`, ignore: true, fn });
}

function whyNoServer(): string | null {
  const [program, args] = serverCommand(["check"]);
  const { success, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  return success ? null : new TextDecoder().decode(stderr).trim();
}
