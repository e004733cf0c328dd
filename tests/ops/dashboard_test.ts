import assert from "node:assert/strict";
import dashboard from "../../ops/grafana/dashboards/orilla.json" with { type: "json" };
import { asSent, panels } from "./dashboard.ts";
import { exportedFamilies, exportedSeries } from "./exported_series.ts";
import { promqlNames } from "./promql.ts";

Deno.test("every query of the dashboard asks for series that orilla exports, by their labels", () => {
  const known = exportedSeries();
  for (const { title, expressions } of panels()) {
    assert.ok(expressions.length > 0, title);
    for (const expression of expressions.map(asSent)) {
      const { series, labels } = promqlNames(expression);
      assert.ok(series.length > 0, expression);
      for (const name of series) assert.ok(known.has(name), `${title}: ${name} exists`);
      const possible = new Set(series.flatMap((name) => [...known.get(name) ?? []]));
      for (const label of labels) assert.ok(possible.has(label), `${title}: ${label}`);
    }
  }
});

Deno.test("every legend of the dashboard names labels that its series have", () => {
  const known = exportedSeries();
  for (const { title, targets = [] } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      const { series } = promqlNames(asSent(expr));
      for (const [, label = ""] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(series.some((name) => known.get(name)?.has(label)), `${title}: ${label}`);
      }
    }
  }
});

/** The series of the original system, whose values the others have too, and those that say nothing on their own. */
const NOT_SHOWN = ["total", "validos", "invalidos", "orilla_events_received_total"];

Deno.test("the dashboard shows every metric family", () => {
  const shown = new Set(
    panels().flatMap(({ expressions }) =>
      expressions.map(asSent).flatMap((e) => promqlNames(e).series)
    ),
  );
  const isShown = (name: string) => [...shown].some((series) => series.startsWith(name));
  const left = exportedFamilies().map(({ name }) => name).filter((name) => !isShown(name));
  assert.deepEqual(left, NOT_SHOWN);
});

Deno.test("the dashboard's panels have their own ids and places, and no address of a data source", () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const cells = new Set<string>();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        assert.ok(!cells.has(`${column} ${line}`), `${title} lies on another panel`);
        cells.add(`${column} ${line}`);
      }
    }
  }
  const uids = [...JSON.stringify(dashboard).matchAll(/"datasource":\{[^}]*"uid":"([^"]*)"/g)];
  assert.ok(uids.length > 20);
  for (const [, uid] of uids) assert.equal(uid, "${datasource}");
});
