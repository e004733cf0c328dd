import dashboard from "../../ops/grafana/dashboards/orilla.json" with { type: "json" };

/** A panel of the dashboard that shows something. */
export interface Panel {
  readonly title: string;
  /** PromQL, with Grafana's variables. */
  readonly expressions: readonly string[];
}

/** The dashboard's panels; rows only hold them together. */
export function panels(): readonly Panel[] {
  return dashboard.panels.filter(({ type }) => type !== "row").map(({ title, targets = [] }) => ({
    title,
    expressions: targets.map(({ expr }) => expr),
  }));
}

/** A query as Grafana would send it, with all instances chosen. */
export function asSent(expression: string): string {
  return expression.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*");
}
