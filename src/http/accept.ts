import type { MetricsFormat } from "../runtime/prometheus.ts";

/**
 * The format of metrics that an Accept header asks for (RFC 9110, 12.5.1): OpenMetrics where it is named and not
 * behind text/plain, else Prometheus's own.
 */
export function metricsFormatOf(accept: string): MetricsFormat {
  let openmetrics = 0, text = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const q = weight === undefined ? 1 : Number(weight.slice(2)) || 0;
    const version = parameters.find((parameter) => parameter.startsWith("version="));
    if (type === "application/openmetrics-text" && (version ?? VERSION) === VERSION) {
      openmetrics = Math.max(openmetrics, q);
    } else if (type === "text/plain") text = Math.max(text, q);
  }
  return openmetrics > 0 && openmetrics >= text ? "openmetrics" : "prometheus";
}

const VERSION = "version=1.0.0";
