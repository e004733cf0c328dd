import { expectNoLinkFollowed } from "./compile/planted_links.ts";
import { expectAllRefused } from "./compile/probe.ts";

const root = new URL("../", import.meta.url).pathname;

async function withFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "orilla_sandbox_" }));
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the sandbox refuses everything but OUT_DIR and the listed host, in deno run", async () => {
  await withFolder(async (folder) => {
    const permissions = [
      "--allow-read",
      "--allow-write",
      "--allow-net",
      "--allow-env",
      "--allow-run",
      "--allow-ffi",
      "--allow-sys",
    ];
    // As in deno.json's tasks: the main thread cannot give up imports from the network.
    const args = [
      "run",
      "--no-prompt",
      "--no-remote",
      "--frozen",
      `--config=${root}deno.json`,
      ...permissions,
    ];
    await expectAllRefused(
      Deno.execPath(),
      [...args, `${root}tests/compile/probe_main.ts`],
      { folder, isExecutable: false },
    );
  });
});

Deno.test("orilla follows no symbolic link out of OUT_DIR, in deno run", async () => {
  await withFolder((folder) => expectNoLinkFollowed(folder, { cwd: folder }));
});
