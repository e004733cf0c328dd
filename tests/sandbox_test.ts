import { expectAllRefused } from "./compile/probe.ts";

const root = new URL("../", import.meta.url).pathname;

Deno.test("the sandbox refuses everything but OUT_DIR, in deno run", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "orilla_sandbox_" }));
  try {
    const permissions = [
      "--allow-read",
      "--allow-write",
      "--allow-net",
      "--allow-env",
      "--allow-run",
      "--allow-ffi",
      "--allow-sys",
    ];
    const args = ["run", "--no-prompt", "--frozen", `--config=${root}deno.json`, ...permissions];
    await expectAllRefused(
      Deno.execPath(),
      [...args, `${root}tests/compile/probe_main.ts`],
      folder,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
