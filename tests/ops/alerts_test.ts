import assert from "node:assert/strict";
import { runProgram, testWith } from "../programs.ts";
import { exportedSeries } from "./exported_series.ts";
import { promqlNames } from "./promql.ts";

const folder = new URL("../../ops/prometheus/", import.meta.url);
const rules = await Deno.readTextFile(new URL("alerts.yml", folder));
const cases = await Deno.readTextFile(new URL("alerts_test.yml", folder));

/** The `expr:` of each rule: on its line, or on the deeper lines below it. */
function expressions(): string[] {
  const lines = rules.split("\n");
  return lines.flatMap((line, at) => {
    const [, first] = /^ {8}expr: (.+)$/.exec(line) ?? [];
    if (first === undefined) return [];
    if (!/^[>|]/.test(first)) return [first];
    const below = lines.slice(at + 1);
    const end = below.findIndex((line) => !line.startsWith(" ".repeat(10)));
    return [below.slice(0, end).join(" ")];
  });
}

function namesAfter(word: string, text: string): string[] {
  return [...text.matchAll(new RegExp(`^ +(?:- )?${word}: (\\S+)$`, "gm"))].map(([, name]) =>
    name ?? ""
  );
}

Deno.test("every alert asks for series that orilla exports, by labels that these have", () => {
  const known = exportedSeries();
  const recorded = new Set(namesAfter("record", rules));
  const found = expressions();
  assert.equal(found.length, namesAfter("alert", rules).length + recorded.size);
  for (const expression of found) {
    const { series, labels } = promqlNames(expression);
    assert.ok(series.length > 0, expression);
    for (const name of series) assert.ok(known.has(name) || recorded.has(name), `${name} exists`);
    const possible = new Set(series.flatMap((name) => [...known.get(name) ?? ["job", "instance"]]));
    for (const label of labels) assert.ok(possible.has(label), `${label} in ${expression}`);
  }
});

Deno.test("every alert has a severity, a summary and a description", () => {
  for (const alert of rules.split(/^ {6}- alert: /m).slice(1)) {
    assert.match(alert, /^ {10}severity: (warning|critical)$/m, alert);
    assert.match(alert, /^ {10}summary: \S/m, alert);
    assert.match(alert, /^ {10}description: \S/m, alert);
  }
});

Deno.test("every alert has a case that fires and one that does not", () => {
  const tested = cases.split(/^ {2}- name: /m).slice(1).map((text) => ({
    alert: namesAfter("alertname", text)[0],
    fires: text.includes("exp_labels"),
  }));
  for (const name of namesAfter("alert", rules)) {
    const fires = tested.filter(({ alert }) => alert === name).map(({ fires }) => fires);
    assert.deepEqual(new Set(fires), new Set([true, false]), name);
  }
});

testWith("promtool", "promtool finds the configuration and the rules right", async () => {
  for (const args of [["check", "config", "prometheus.yml"], ["check", "rules", "alerts.yml"]]) {
    const { code, output } = await runProgram("promtool", args, { cwd: folder });
    assert.equal(code, 0, output);
  }
});

testWith(
  "promtool",
  "promtool finds that each alert fires, and keeps silent, as its cases say",
  async () => {
    const args = ["test", "rules", "alerts_test.yml"];
    const { code, output } = await runProgram("promtool", args, { cwd: folder });
    assert.equal(code, 0, output);
  },
);
