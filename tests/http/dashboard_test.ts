import assert from "node:assert/strict";
import { ago, bytes, count, duration, rate, share } from "../../src/http/dashboard/format.js";
import { History, rates } from "../../src/http/dashboard/history.js";
import { EventParser } from "../../src/http/dashboard/stream.js";
import { DASHBOARD_FILES } from "../../src/http/dashboard_files.ts";

Deno.test("the page loads its own files alone, and all that it loads are there", () => {
  const page = DASHBOARD_FILES.get("/")?.text ?? "";
  const loaded = [...page.matchAll(/(?:src|href)="(\/dashboard\/[^"]+)"/g)].map(([, path]) => path);
  const scripts = [...DASHBOARD_FILES].filter(([path]) => path.endsWith(".js"));
  const imported = scripts.flatMap(([, { text }]) =>
    [...text.matchAll(/ from "\.(\/[\w.]+)"/g)].map(([, path]) => `/dashboard${path}`)
  );
  const used = new Set([...loaded, ...imported]);
  const served = [...DASHBOARD_FILES.keys()].filter((path) => path !== "/");
  assert.deepEqual([...used].sort(), served.sort());
  // What the Content-Security-Policy would refuse.
  assert.doesNotMatch(page, /<style|style=|\son\w+=|<script>|https?:/);
});

Deno.test("EventParser gives events once they are whole, however they are cut", () => {
  const text = 'retry: 1\n\nevent: row\ndata: [1,2]\n\nevent: status\ndata: {"a":"b"}\n\n';
  const expected = [{ name: "row", data: [1, 2] }, { name: "status", data: { a: "b" } }];
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < text.length; at += size) {
      events.push(...parser.push(text.slice(at, at + size)));
    }
    assert.deepEqual(events, expected);
  }
});

Deno.test("rates() is the same for what comes evenly and for what comes in commits", () => {
  const times = Array.from({ length: 60 }, (_, second) => second);
  const even = times.map((second) => 100 * second);
  assert.deepEqual([rates(times, even)[0], rates(times, even)[1]], [null, 100]);
  for (const everySeconds of [2, 5, 7, 20]) {
    const inCommits = times.map((second) => 100 * (second - second % everySeconds));
    const settled = rates(times, inCommits).slice(2 * everySeconds);
    assert.ok(settled.every((rate: number | null) => rate === 100), `every ${everySeconds} s`);
  }
});

Deno.test("rates() falls to 0 where nothing comes any more, and is never below", () => {
  const times = Array.from({ length: 40 }, (_, second) => second);
  const stopped = times.map((second) => 10 * Math.min(second, 5));
  assert.equal(rates(times, stopped).at(-1), 0);
  const fellBack = times.map((second) => second < 20 ? 10 * second : 10 * (second - 15));
  assert.ok(rates(times, fellBack).every((rate: number | null) => rate === null || rate === 10));
  assert.equal(rates(times, times.map(() => 7)).at(-1), 0);
});

Deno.test("the page's history drops what is older than an hour, and finds the last minutes", () => {
  const history = new History();
  history.add([1, 2]);
  history.reset({ names: ["time", "received"], columns: [[0, 1_000, 3_590], [1, 2, 3]] });
  history.add([3_601, 4]);
  assert.deepEqual(history.column("received"), [2, 3, 4]);
  assert.deepEqual([history.since(60), history.since(9_999)], [1, 0]);
  assert.deepEqual(history.column("unknown"), []);
});

Deno.test("figures have units, and what is not known is a dash", () => {
  assert.deepEqual([count(1_234_567), count(null)], ["1,234,567", "–"]);
  assert.deepEqual([bytes(512), bytes(1_536), bytes(3 * 2 ** 30)], [
    "512 B",
    "1.50 KiB",
    "3.00 GiB",
  ]);
  const durations = [0.035, 2.4, 600, 10_000, 400_000].map(duration);
  assert.deepEqual(durations, ["35 ms", "2.40 s", "10.0 min", "2.78 h", "4.63 d"]);
  assert.deepEqual([ago(0.4), ago(5)], ["<1 s ago", "5.00 s ago"]);
  assert.deepEqual([rate(0), rate(2.55), rate(1_234.5)], ["0/s", "2.5/s", "1,235/s"]);
  assert.deepEqual([share(1, 3), share(1, 100_000), share(1, 0)], ["33.3%", "<0.1%", "–"]);
});
