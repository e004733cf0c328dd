import assert from "node:assert/strict";
import { prometheusText } from "../../src/runtime/prometheus.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { testWith } from "../programs.ts";
import { asSent, panels } from "./dashboard.ts";
import { exportedFamilies } from "./exported_series.ts";

const folder = new URL("../../ops/prometheus/", import.meta.url);

/** Queries that have no answer where all is well: nothing failed, nothing was rejected. */
const EMPTY_WHERE_WELL = ["Rejected by reason", "Retries by operation"];

testWith(
  "prometheus",
  "Prometheus scrapes what orilla exports, and answers every query of the dashboard",
  async () => {
    const text = await prometheusText(exportedFamilies());
    await using endpoint = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) => new Response(new URL(url).pathname === "/metrics" ? text : null),
    );
    await using prometheus = await startPrometheus(`127.0.0.1:${endpoint.addr.port}`);
    const { origin } = prometheus;
    const names = await untilScrapedTwice(origin);
    for (const { name } of exportedFamilies()) {
      assert.ok(names.some((series) => series.startsWith(name)), `${name} was scraped`);
    }
    const empty: string[] = [];
    for (const { title, expressions } of panels()) {
      for (const expression of expressions) {
        const answer = await query(origin, asSent(expression));
        assert.equal(answer.status, "success", `${title}: ${answer.error}`);
        if (answer.data.result.length === 0) empty.push(title);
      }
    }
    assert.deepEqual(empty, EMPTY_WHERE_WELL);
  },
);

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

async function query(origin: string, expression: string): Promise<Answer> {
  const url = `${origin}/api/v1/query?${new URLSearchParams({ query: expression })}`;
  return await (await fetch(url)).json();
}

/** The names of all series, once rates can be told. */
async function untilScrapedTwice(origin: string): Promise<readonly string[]> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const scrapes = await query(origin, 'sum_over_time(up{job="orilla"}[5m]) >= 3').catch(() =>
      null
    );
    if (scrapes?.status === "success" && scrapes.data.result.length > 0) {
      const { data } = await (await fetch(`${origin}/api/v1/label/__name__/values`)).json();
      return data;
    }
    // Prometheus tells nobody when it has scraped.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const targets = await (await fetch(`${origin}/api/v1/targets`)).text();
  throw new Error(`Prometheus scraped nothing within 30 s: ${targets}`);
}

/** Starts Prometheus with this project's configuration, but another target and a shorter interval. */
async function startPrometheus(
  target: string,
): Promise<{ readonly origin: string } & AsyncDisposable> {
  const data = await temporaryFolder();
  for (const name of ["alerts.yml", "prometheus.yml"]) {
    const text = await Deno.readTextFile(new URL(name, folder));
    const changed = text.replaceAll("127.0.0.1:9464", target).replaceAll(
      "interval: 15s",
      "interval: 200ms",
    );
    await Deno.writeTextFile(`${data.path}/${name}`, changed);
  }
  using freePort = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${freePort.addr.port}`;
  freePort.close();
  const child = new Deno.Command("prometheus", {
    args: [
      `--config.file=${data.path}/prometheus.yml`,
      `--storage.tsdb.path=${data.path}/data`,
      `--web.listen-address=${address}`,
      "--log.level=error",
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  return {
    origin: `http://${address}`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.status;
      await data[Symbol.asyncDispose]();
    },
  };
}
