import assert from "node:assert/strict";
import { runProgram, testWith } from "../programs.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";

const root = new URL("../../", import.meta.url);
const unit = await Deno.readTextFile(new URL("ops/systemd/orilla.service", root));
const compose = await Deno.readTextFile(new URL("docker-compose.yml", root));

/** The values of a setting of the unit. */
function settings(name: string): string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value]) => value ?? "");
}

Deno.test("the systemd unit starts again after exit code 1, and leaves 2, 3 and 4 to people", () => {
  assert.deepEqual(settings("Restart"), ["on-failure"]);
  assert.deepEqual(settings("RestartPreventExitStatus"), ["2 3 4"]);
  assert.deepEqual(settings("ExecStart"), ["/usr/local/bin/orilla consumer"]);
});

Deno.test("the systemd unit gives the last commit the time that it has", () => {
  assert.ok(Number(settings("TimeoutStopSec")[0]) * 1000 > 20_000, "SHUTDOWN_TIMEOUT_MS");
});

/** A copy of the unit that starts a program which is there; the path is the one thing changed. */
async function verifiableUnit() {
  const folder = await temporaryFolder();
  const path = `${folder.path}/orilla.service`;
  await Deno.writeTextFile(path, unit.replace("/usr/local/bin/orilla", "/bin/true"));
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

testWith(
  "systemd-analyze",
  "systemd-analyze verify finds nothing wrong with the unit",
  async () => {
    await using copy = await verifiableUnit();
    const { code, output } = await runProgram("systemd-analyze", ["verify", copy.path]);
    const about = output.split("\n").filter((line) => line.includes("orilla"));
    assert.deepEqual([code, about], [0, []], output);
  },
);

testWith("systemd-analyze", "systemd-analyze security finds the unit well shut", async () => {
  await using copy = await verifiableUnit();
  const args = ["security", "--offline=true", "--no-pager", copy.path];
  const { output } = await runProgram("systemd-analyze", args);
  const exposure = Number(/exposure level for orilla\.service: ([\d.]+)/.exec(output)?.[1]);
  assert.ok(exposure < 2, `${exposure} of 10\n${output}`);
});

/** The block of a service. */
function serviceOf(name: string): string {
  const [, block] = new RegExp(`^  ${name}:\n((?:    .*\n|\n)+)`, "m").exec(compose) ?? [];
  assert.ok(block !== undefined, `docker-compose.yml has a service ${name}`);
  return block;
}

Deno.test("docker-compose.yml starts Prometheus and Grafana only where the profile is asked for", () => {
  for (const name of ["prometheus", "grafana"]) {
    const block = serviceOf(name);
    assert.match(block, /^ {4}profiles: \[monitoring\]$/m);
    assert.match(block, /^ {4}image: (prom\/prometheus:v|grafana\/grafana-oss:)\d+\.\d+\.\d+$/m);
    assert.match(block, /^ {4}network_mode: host$/m);
  }
  assert.doesNotMatch(serviceOf("kafka"), /profiles/);
});

Deno.test("docker-compose.yml lets this machine alone reach Prometheus and Grafana", () => {
  assert.match(serviceOf("prometheus"), /--web\.listen-address=127\.0\.0\.1:9090$/m);
  assert.match(serviceOf("grafana"), /GF_SERVER_HTTP_ADDR: 127\.0\.0\.1$/m);
  assert.match(serviceOf("grafana"), /GF_AUTH_BASIC_ENABLED: "false"$/m);
});

Deno.test("docker-compose.yml mounts files that there are, where Grafana's settings look for them", async () => {
  const mounts = [...compose.matchAll(/^ {6}- \.\/(\S+):(\S+):ro$/gm)];
  assert.equal(mounts.length, 3);
  for (const [, path = ""] of mounts) assert.ok((await Deno.stat(new URL(path, root))).isDirectory);
  const places = new Map(mounts.map(([, path, place]) => [path, place]));
  const dashboards = places.get("ops/grafana/dashboards");
  const provider = await Deno.readTextFile(
    new URL("ops/grafana/provisioning/dashboards/orilla.yml", root),
  );
  assert.ok(provider.includes(`path: ${dashboards}\n`), provider);
  assert.ok(compose.includes(`${dashboards}/orilla.json`));
  const datasource = await Deno.readTextFile(
    new URL("ops/grafana/provisioning/datasources/prometheus.yml", root),
  );
  assert.match(datasource, /^ {4}url: http:\/\/127\.0\.0\.1:9090$/m);
});
