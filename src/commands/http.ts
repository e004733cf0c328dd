import { authorityOf, isLoopback } from "../http/address.ts";
import type { SourceState } from "../http/readiness.ts";
import type { RunIdentity } from "../http/status_document.ts";
import type { CommitReport } from "../pipeline/commit.ts";
import type { Compacted } from "../pipeline/compaction.ts";
import type { LakeSession } from "../pipeline/lake_session.ts";
import { systemClock } from "../runtime/clock.ts";
import type { CommandContext } from "./context.ts";

/** The HTTP server of a run. */
export interface HttpService extends AsyncDisposable {
  /** Begins to tell of a lake that is open now. */
  readonly observe: (
    session: LakeSession,
    run: Omit<RunIdentity, "instanceId"> & { readonly source: () => SourceState | null },
  ) => Promise<void>;
  readonly noteCommit: (report: CommitReport) => void;
  readonly noteMerged: (compacted: Compacted) => void;
}

/**
 * Starts the HTTP server, before anything is read or written; null where none is wanted.
 *
 * @throws OrillaError where the address cannot be listened on
 */
export async function serveHttp(
  { config, httpToken, log, stop }: CommandContext,
): Promise<HttpService | null> {
  const { httpAddress: address, batchMaxLatencyMs: maxLatencyMs } = config;
  if (address === null) return null;
  // The server and its page are loaded where they are wanted.
  const [{ RunMonitor }, { routes }, { HttpServer }] = await Promise.all([
    import("../http/monitor.ts"),
    import("../http/routes.ts"),
    import("../http/server.ts"),
  ]);
  const isDraining = () => stop.aborted;
  const monitor = new RunMonitor({ clock: systemClock, maxLatencyMs, isDraining });
  const answer = routes({ monitor, token: httpToken, isLoopback: isLoopback(address) });
  const server = new HttpServer({ address, log, answer });
  log.info("serving HTTP", { address: authorityOf(address) });
  if (!isLoopback(address)) {
    log.warning(
      httpToken === null
        ? "anyone who reaches this address can read the figures: set --http-token-file"
        : "HTTP is not encrypted: let a proxy with TLS stand before it, or whoever listens sees the token",
      { address: authorityOf(address) },
    );
  }
  return {
    observe: async (session, { source, ...run }) =>
      monitor.observe({
        identity: { ...run, instanceId: session.checkpoint.instanceId },
        dateTotals: await session.checkpoint.dateTotals(),
        snapshot: () => session.snapshot(),
        isWritable: () => session.isWritable,
        source,
      }),
    noteCommit: (report) => monitor.noteCommit(report),
    noteMerged: (compacted) => monitor.noteMerged(compacted),
    [Symbol.asyncDispose]: async () => {
      monitor[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
