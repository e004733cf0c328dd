import assert from "node:assert/strict";
import { RecordList } from "../../src/core/record_list.ts";
import { EventStreams, MAX_STREAMS } from "../../src/http/events.ts";
import { RunMonitor } from "../../src/http/monitor.ts";
import type { SourceState } from "../../src/http/readiness.ts";
import type { HttpRequest } from "../../src/http/request.ts";
import type { HttpResponse } from "../../src/http/response.ts";
import { routes } from "../../src/http/routes.ts";
import type { LakeSession } from "../../src/pipeline/lake_session.ts";
import { noFaults } from "../../src/runtime/operations.ts";
import { eventRecord } from "../core/samples.ts";
import { AT, eventRecords, limits, noSpace, openLake } from "../pipeline_parts.ts";

const TOKEN = "a-token-of-this-test";

/** A monitor at a clock that the test moves. */
function monitorAt(clock = { nowMs: 1_795_000_000_000 }, isDraining = () => false): RunMonitor {
  const at = { nowMs: () => clock.nowMs, monotonicMs: () => clock.nowMs };
  return new RunMonitor({ clock: at, maxLatencyMs: 5_000, isDraining, everyMs: 5 });
}

async function observe(
  monitor: RunMonitor,
  session: LakeSession,
  source: SourceState | null = null,
): Promise<void> {
  monitor.observe({
    identity: { mode: "simulate", topic: null, groupId: null, instanceId: "0123456789ab" },
    dateTotals: await session.checkpoint.dateTotals(),
    snapshot: () => session.snapshot(),
    isWritable: () => session.isWritable,
    source: () => source,
  });
}

/** Asks routes for a path, as a request to a loopback address brings it. */
async function ask(
  monitor: RunMonitor,
  path: string,
  { token = null, headers = {}, isLoopback = true }: {
    readonly token?: string | null;
    readonly headers?: Readonly<Record<string, string>>;
    readonly isLoopback?: boolean;
  } = {},
): Promise<HttpResponse> {
  const all = new Map(Object.entries({ host: "localhost:9464", ...headers }));
  const request: HttpRequest = { method: "GET", path, headers: all };
  return await routes({ monitor, token, isLoopback })(request);
}

async function readiness(monitor: RunMonitor): Promise<readonly [number, ...string[]]> {
  const { status, body } = await ask(monitor, "/readyz");
  const { isReady, reasons } = JSON.parse(String(body));
  assert.equal(isReady, status === 200);
  return [status, ...reasons.map(({ code }: { readonly code: string }) => code)];
}

/** Lines of metrics that do not change from one moment to the next. */
function steadyLines(text: string): readonly string[] {
  return text.split("\n").filter((line) => !line.startsWith("process_") && line !== "");
}

Deno.test("/metrics is what metrics.txt is, and the same samples as OpenMetrics", async () => {
  await using lake = await openLake();
  using monitor = monitorAt();
  const { session, outDir } = lake;
  await observe(monitor, session);
  await session.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 90)) });
  await session.pipeline.settle();
  session.pipeline.noteHighWatermark(AT, 100n);
  await session.writeMetrics();
  const file = steadyLines(await Deno.readTextFile(`${outDir}/metrics.txt`));
  assert.ok(file.includes("orilla_buffered_events 10") && file.length > 150);

  const text = await ask(monitor, "/metrics", { headers: { accept: "text/plain" } });
  assert.equal(text.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.deepEqual(steadyLines(String(text.body)), file);

  const accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
  const open = await ask(monitor, "/metrics", { headers: { accept } });
  assert.match(
    open.headers["Content-Type"] ?? "",
    /^application\/openmetrics-text; version=1\.0\.0/,
  );
  assert.ok(String(open.body).endsWith("\n# EOF\n"));
  const samples = (lines: readonly string[]) => lines.filter((line) => !line.startsWith("#"));
  assert.deepEqual(samples(steadyLines(String(open.body))), samples(file));
  assert.ok(String(open.body).includes("\n# TYPE orilla_events_published counter\n"));
});

Deno.test("/metrics is Prometheus's text unless OpenMetrics 1.0.0 is wanted at least as much", async () => {
  await using lake = await openLake();
  using monitor = monitorAt();
  await observe(monitor, lake.session);
  const cases = [
    ["", "text/plain"],
    ["*/*", "text/plain"],
    ["application/openmetrics-text", "application/openmetrics-text"],
    ["text/plain, application/openmetrics-text; version=1.0.0", "application/openmetrics-text"],
    ["application/openmetrics-text;version=0.0.1,text/plain;q=0.1", "text/plain"],
    ["application/openmetrics-text;q=0.4,text/plain;q=0.5", "text/plain"],
    ["application/openmetrics-text;q=0", "text/plain"],
    ["application/openmetrics-text;q=x,;;,", "text/plain"],
  ] as const;
  for (const [accept, type] of cases) {
    const { headers } = await ask(monitor, "/metrics", { headers: { accept } });
    assert.equal(headers["Content-Type"]?.split(";")[0], type, accept);
  }
});

Deno.test("before the lake is open the process is alive, not ready, and has no figures", async () => {
  using monitor = monitorAt();
  assert.equal((await ask(monitor, "/healthz")).status, 200);
  assert.deepEqual(await readiness(monitor), [503, "starting"]);
  for (const path of ["/metrics", "/status.json", "/events"]) {
    assert.equal((await ask(monitor, path)).status, 503, path);
  }
});

Deno.test("/readyz goes by drains, assignments, lag, commits and the disk", async () => {
  let isFull = false, isDraining = false;
  const hooks = {
    ...noFaults,
    before: () => {
      if (isFull) throw noSpace();
    },
  };
  await using lake = await openLake({ hooks, limits: limits({ maxEvents: 1_000 }) });
  const { session } = lake;
  const clock = { nowMs: 0 };
  using monitor = monitorAt(clock, () => isDraining);
  const source = { isAssigned: true, hasPositions: true, silentMs: 0 };
  await observe(monitor, session, source);
  assert.deepEqual(await readiness(monitor), [200]);
  Object.assign(source, { isAssigned: false, hasPositions: false });
  assert.deepEqual(await readiness(monitor), [503, "not_assigned"]);
  Object.assign(source, { isAssigned: true });
  assert.deepEqual(await readiness(monitor), [503, "lag_unknown"]);
  Object.assign(source, { hasPositions: true });

  await session.pipeline.add({ ...AT, records: new RecordList(eventRecords(0, 5)) });
  await monitor.nextRow();
  clock.nowMs = 35_001;
  assert.deepEqual(await readiness(monitor), [503, "commit_late"]);
  isFull = true;
  await assert.rejects(session.pipeline.commit("end"), /no space left/);
  await session.writeMetrics();
  const expected = ["commit_failing", "commit_late", "disk_not_writable"];
  assert.deepEqual(await readiness(monitor), [503, ...expected]);
  isFull = false;
  await session.pipeline.commit("end");
  lake.reports.forEach((report) => monitor.noteCommit(report));
  assert.deepEqual(await readiness(monitor), [200]);
  isDraining = true;
  assert.deepEqual(await readiness(monitor), [503, "draining"]);
});

Deno.test("a token protects the figures, and nothing else", async () => {
  await using lake = await openLake();
  using monitor = monitorAt();
  await observe(monitor, lake.session);
  const statusWith = async (path: string, authorization?: string) => {
    const headers: Record<string, string> = {};
    if (authorization !== undefined) headers["authorization"] = authorization;
    return (await ask(monitor, path, { token: TOKEN, headers })).status;
  };
  const wrong = ["", TOKEN, "Bearer", "Bearer ", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`];
  for (const path of ["/metrics", "/status.json", "/events"]) {
    assert.equal(await statusWith(path), 401, path);
    for (const text of [...wrong, `Bearer ${TOKEN} `]) {
      assert.equal(await statusWith(path, text), 401, text);
    }
    assert.equal(await statusWith(path, `Bearer ${TOKEN}`), 200, path);
    assert.equal(await statusWith(path, `bearer  ${TOKEN}`), 200, path);
  }
  for (const path of ["/", "/healthz", "/readyz"]) assert.equal(await statusWith(path), 200, path);
  const { headers } = await ask(monitor, "/metrics", { token: TOKEN });
  assert.match(headers["WWW-Authenticate"] ?? "", /^Bearer /);
});

Deno.test("a loopback address answers requests for this machine alone", async () => {
  using monitor = monitorAt();
  const forHost = async (host: string, isLoopback: boolean) =>
    (await ask(monitor, "/healthz", { headers: { host }, isLoopback })).status;
  assert.equal(await forHost("rebound.example:9464", true), 421);
  assert.equal(await forHost("127.0.0.1:8080", true), 200);
  assert.equal(await forHost("lake.example:9464", false), 200);
});

Deno.test("another site's page is refused, a link to the page is followed", async () => {
  using monitor = monitorAt();
  const elsewhere = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" };
  assert.equal((await ask(monitor, "/healthz", { headers: elsewhere })).status, 403);
  const link = { ...elsewhere, "sec-fetch-mode": "navigate" };
  assert.equal((await ask(monitor, "/", { headers: link })).status, 200);
});

Deno.test("there is no other route", async () => {
  using monitor = monitorAt();
  const paths = [
    "//",
    "/metrics/",
    "/metrics.txt",
    "/checkpoint.sqlite",
    "/../main.ts",
    "/%2e%2e/",
  ];
  for (const path of [...paths, "/index.html", "/status.json/", "/Metrics"]) {
    assert.equal((await ask(monitor, path)).status, 404, path);
  }
});

Deno.test("/events tells history, status and rows, to a bounded number of clients", async () => {
  await using lake = await openLake();
  using monitor = monitorAt();
  await observe(monitor, lake.session);
  const streams = new EventStreams(monitor);
  const open = [];
  while (!streams.isFull) {
    const stream = streams.open();
    await stream.next();
    open.push(stream);
  }
  assert.equal(open.length, MAX_STREAMS);
  const [stream] = open;
  const names = [];
  for (let i = 0; i < 4; i++) {
    names.push(/^event: (\w+)\ndata: .+\n\n$/.exec((await stream?.next())?.value ?? "")?.[1]);
  }
  assert.deepEqual(names, ["history", "status", "row", "status"]);
  for (const stream of open) await stream.return(undefined);
  assert.equal(streams.isFull, false);
});

Deno.test("streams end when the monitor does", async () => {
  await using lake = await openLake();
  const monitor = monitorAt();
  await observe(monitor, lake.session);
  const texts = Array.fromAsync(new EventStreams(monitor).open());
  await monitor.nextRow();
  monitor[Symbol.dispose]();
  assert.ok((await texts).length >= 4);
});

Deno.test("/status.json has the figures of metrics.txt, and nothing of an event", async () => {
  await using lake = await openLake();
  using monitor = monitorAt();
  const { session } = lake;
  await observe(monitor, session);
  const canary = eventRecord({ event_id: "canary-id", ts: "canary-ts" });
  const all = [...eventRecords(0, 40), ...eventRecords(30, 10), canary]
    .map((record, i) => ({ ...record, offset: BigInt(i) }));
  await session.pipeline.add({ ...AT, records: new RecordList(all) });
  await session.pipeline.commit("end");
  lake.reports.forEach((report) => monitor.noteCommit(report));
  const { body } = await ask(monitor, "/status.json");
  const { totals, deadLetters, dates, commits, isReady } = JSON.parse(String(body));
  const { received, published, duplicate, rejected, files } = totals;
  assert.deepEqual([received, published, duplicate, rejected, files], [51, 40, 10, 1, 2]);
  assert.equal(deadLetters[0].reason, "ts_not_iso8601");
  assert.deepEqual([dates[0].rowCount, commits.length, isReady], [40, 2, true]);
  assert.doesNotMatch(String(body), /canary/);
});
