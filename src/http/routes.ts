import { METRICS_CONTENT_TYPES } from "../runtime/prometheus.ts";
import { metricsFormatOf } from "./accept.ts";
import { isLocalHost } from "./address.ts";
import { DASHBOARD_FILES } from "./dashboard_files.ts";
import { EventStreams } from "./events.ts";
import type { RunMonitor } from "./monitor.ts";
import type { HttpRequest } from "./request.ts";
import { type HttpResponse, jsonResponse, statusResponse } from "./response.ts";
import { readinessDocument } from "./status_document.ts";
import { tokenCheck } from "./token.ts";

export interface RoutesOptions {
  readonly monitor: RunMonitor;
  /** What requests for figures must bring; null where everyone may have them. */
  readonly token: string | null;
  /** Whether the server listens on a loopback address: then requests must be for this machine by name. */
  readonly isLoopback: boolean;
}

/** Where nothing but the process's figures lies, which a token can protect. */
const FIGURES: ReadonlySet<string> = new Set(["/metrics", "/status.json", "/events"]);

/** Answers requests. There are no other routes than these, and no files but the page's own, in memory. */
export function routes(
  { monitor, token, isLoopback }: RoutesOptions,
): (request: HttpRequest) => HttpResponse | Promise<HttpResponse> {
  const streams = new EventStreams(monitor);
  const isAllowed = token === null ? () => true : tokenCheck(token);
  return (request) => {
    const { path, headers } = request;
    if (isLoopback && !isLocalHost(headers.get("host") ?? "")) return statusResponse(421);
    if (isFromElsewhere(request)) return statusResponse(403);
    if (FIGURES.has(path) && !isAllowed(request)) {
      return statusResponse(401, { "WWW-Authenticate": 'Bearer realm="orilla"' });
    }
    return answerTo(request, { monitor, streams });
  };
}

/** Whether another site's page asks; it could read nothing, but take up connections. Links are followed. */
function isFromElsewhere({ headers }: HttpRequest): boolean {
  return headers.get("sec-fetch-site") === "cross-site" &&
    headers.get("sec-fetch-mode") !== "navigate";
}

function answerTo(
  { path, headers }: HttpRequest,
  { monitor, streams }: { readonly monitor: RunMonitor; readonly streams: EventStreams },
): HttpResponse | Promise<HttpResponse> {
  const unready = monitor.unready();
  switch (path) {
    case "/healthz":
      return statusResponse(200);
    case "/readyz":
      return jsonResponse(unready.length === 0 ? 200 : 503, readinessDocument(unready));
    case "/metrics":
      return metricsResponse(monitor, headers.get("accept") ?? "");
    case "/status.json": {
      const status = monitor.status();
      return status === null
        ? jsonResponse(503, readinessDocument(unready))
        : jsonResponse(200, status);
    }
    case "/events":
      if (monitor.status() === null || streams.isFull) {
        return statusResponse(503, { "Retry-After": "2" });
      }
      return {
        status: 200,
        headers: { "Content-Type": "text/event-stream; charset=utf-8" },
        body: streams.open(),
      };
    default: {
      const file = DASHBOARD_FILES.get(path);
      if (file === undefined) return statusResponse(404);
      return { status: 200, headers: { "Content-Type": file.type }, body: file.text };
    }
  }
}

async function metricsResponse(monitor: RunMonitor, accept: string): Promise<HttpResponse> {
  const format = metricsFormatOf(accept);
  const body = await monitor.metricsText(format);
  if (body === null) return statusResponse(503, { "Retry-After": "2" });
  return { status: 200, headers: { "Content-Type": METRICS_CONTENT_TYPES[format] }, body };
}
