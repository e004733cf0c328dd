import assert from "node:assert/strict";
import { runOrilla, spawnOrilla } from "../orilla_process.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { get, statusWithCommit } from "./raw_client.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";

/** A port of this machine that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function simulation(port: number | string, ...args: readonly string[]): string[] {
  const endless = ["--count", "1000000", "--rate", "500", "--batch-max-latency-ms", "100"];
  return ["simulate", "--out-dir", "lake", ...endless, "--http-address", String(port), ...args];
}

Deno.test("simulate serves its figures from inside the sandbox, and closes the port when it is told to stop", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path, port = freePort();
  await using orilla = spawnOrilla(simulation(port, "--duplicate-ratio", "0.1"), { cwd });
  await orilla.untilStderr(/"committed"/);
  assert.equal((await get(port, "/healthz")).body, "200 OK\n");
  assert.deepEqual(JSON.parse((await get(port, "/readyz")).body), { isReady: true, reasons: [] });
  assert.match((await get(port, "/metrics")).body, /^orilla_events_published_total [1-9]/m);
  const status = await statusWithCommit(port);
  assert.deepEqual([status.mode, status.isReady], ["simulate", true]);
  orilla.kill("SIGTERM");
  const { code, stderr } = await orilla.result;
  assert.equal(code, 0, stderr);
  await assert.rejects(get(port, "/healthz"), Deno.errors.ConnectionRefused);
});

Deno.test("the token is read from its file before the sandbox closes", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path, port = freePort();
  await Deno.writeTextFile(`${cwd}/token`, `${TOKEN}\n`);
  const args = simulation(port, "--http-token-file", "token");
  await using orilla = spawnOrilla(args, { cwd });
  await orilla.untilStderr(/"committed"/);
  assert.equal((await get(port, "/metrics")).status, 401);
  const authorized = await get(port, "/metrics", { Authorization: `Bearer ${TOKEN}` });
  assert.equal(authorized.status, 200);
  orilla.kill("SIGTERM");
  const { stdout, stderr } = await orilla.result;
  assert.ok(!(stdout + stderr).includes(TOKEN));
});

Deno.test("a port that is in use ends orilla with exit code 1 before anything is written", async () => {
  await using folder = await temporaryFolder();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await runOrilla(simulation(taken.addr.port), { cwd: folder.path });
  assert.equal(code, 1);
  assert.match(stderr, /Cannot listen on --http-address 127\.0\.0\.1:\d+: another process does/);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${folder.path}/lake`)), []);
});

Deno.test("an address that others reach is warned of, unless there is a token", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/token`, TOKEN);
  const short = ["simulate", "--out-dir", "lake", "--count", "10"];
  const warnings = async (...args: readonly string[]) => {
    const { code, stderr } = await runOrilla([...short, ...args], { cwd });
    assert.equal(code, 0, stderr);
    return stderr.split("\n").filter((line) => line.includes('"warning"')).join("\n");
  };
  const open = ["--http-address", `0.0.0.0:${freePort()}`];
  assert.match(await warnings(...open), /anyone who reaches this address can read the figures/);
  assert.match(await warnings(...open, "--http-token-file", "token"), /HTTP is not encrypted/);
  assert.equal(await warnings("--http-address", String(freePort())), "");
});

Deno.test("a token file that holds no token, or protects nothing, is refused with exit code 2", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/short`, "0123456789abcde");
  await Deno.writeTextFile(`${cwd}/lines`, `${TOKEN}\n${TOKEN}\n`);
  await Deno.writeTextFile(`${cwd}/spaces`, `${TOKEN} ${TOKEN}`);
  await Deno.writeTextFile(`${cwd}/token`, TOKEN);
  for (const name of ["short", "lines", "spaces", "missing"]) {
    const args = simulation(freePort(), "--http-token-file", name);
    const { code, stderr } = await runOrilla(args, { cwd });
    assert.equal(code, 2, stderr);
    assert.match(stderr, new RegExp(`Cannot use --http-token-file ${name}: `));
    assert.ok(!stderr.includes("0123456789"));
  }
  const { code, stderr } = await runOrilla(["simulate", "--http-token-file", "token"], { cwd });
  assert.equal(code, 2);
  assert.match(stderr, /Cannot use --http-token-file without --http-address/);
});
