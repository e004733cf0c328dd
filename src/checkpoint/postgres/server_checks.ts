import { failure, type Finding, ok, warning } from "../../core/check.ts";
import { storeName, type StoreUrl } from "../../core/store_url.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { ServerCheck } from "../checkpoint_reader.ts";
import type { Line, Row } from "./connection.ts";

/** The oldest PostgreSQL that orilla is tested with. */
const OLDEST_VERSION = 150_000;
/** Ids expire, and commits are stamped, by the clock of each process. */
const MUCH_CLOCK_MS = 1_000;

/** What `doctor` looks at beside the checkpoint itself. */
export function serverChecks(line: Line, url: StoreUrl): readonly ServerCheck[] {
  return [
    { name: "store", make: () => reachFinding(line, url) },
    { name: "durability", make: () => durabilityFinding(line) },
    { name: "rights", make: () => rightsFinding(line, url) },
    { name: "store clock", make: () => clockFinding(line) },
  ];
}

async function reachFinding(line: Line, url: StoreUrl): Promise<Finding> {
  const started = systemClock.monotonicMs();
  const row = await askOne(
    line,
    `SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int AS number,
       (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS ssl`,
  );
  const tookMs = systemClock.monotonicMs() - started;
  const version = String(row["version"]), isEncrypted = row["ssl"] === true;
  const facts = { name: storeName(url), version, isEncrypted, tookMs };
  const text = `${storeName(url)} answers: PostgreSQL ${version}, ` +
    `${isEncrypted ? "encrypted" : "not encrypted"}`;
  if (Number(row["number"]) < OLDEST_VERSION) {
    return failure(text, "use PostgreSQL 15 or later", { facts });
  }
  return ok(text, { facts });
}

/** A server that loses what it said it has kept makes events come twice, or not at all. */
async function durabilityFinding(line: Line): Promise<Finding> {
  const row = await askOne(
    line,
    `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit`,
  );
  const fsync = String(row["fsync"]), pages = String(row["full_page_writes"]);
  const synchronous = String(row["synchronous_commit"]);
  const facts = { fsync, fullPageWrites: pages, synchronousCommit: synchronous };
  const text = `fsync ${fsync}, full_page_writes ${pages}, synchronous_commit ${synchronous}`;
  if (fsync !== "on" || pages !== "on") {
    const advice = "set both to on: a crash of the server may lose commits, or its data as a whole";
    return failure(text, advice, { facts });
  }
  if (synchronous === "off") {
    const advice =
      "orilla asks for on in its own commits; set it for the server, or for orilla's user, so that it is plain";
    return warning(text, advice, { facts });
  }
  return ok(text, { facts });
}

async function rightsFinding(line: Line, { lake }: StoreUrl): Promise<Finding> {
  const row = await askOne(
    line,
    `SELECT current_user AS name, to_regnamespace('${lake}') IS NOT NULL AS is_there,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       coalesce(has_schema_privilege(to_regnamespace('${lake}'), 'USAGE, CREATE'), false) AS may_use`,
  );
  const isThere = row["is_there"] === true;
  const may = row[isThere ? "may_use" : "may_create"] === true;
  const facts = { schema: lake, isThere, may };
  if (may) {
    return ok(isThere ? `schema ${lake} can be used` : `schema ${lake} can be made`, { facts });
  }
  const advice = isThere
    ? `as its owner: GRANT USAGE, CREATE ON SCHEMA ${lake} TO …`
    : `make it: CREATE SCHEMA ${lake} AUTHORIZATION …`;
  const text = isThere ? `schema ${lake} cannot be used` : `schema ${lake} cannot be made`;
  return failure(text, advice, { facts });
}

async function clockFinding(line: Line): Promise<Finding> {
  // The first question may have to connect.
  await askOne(line, "SELECT 1");
  const before = systemClock.nowMs();
  const row = await askOne(
    line,
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms",
  );
  const after = systemClock.nowMs();
  const aheadMs = Math.round((before + after) / 2 - Number(row["now_ms"]));
  const facts = { aheadMs, uncertaintyMs: Math.ceil((after - before) / 2) };
  const text = `this machine is ${Math.abs(aheadMs)} ms ${
    aheadMs < 0 ? "behind" : "ahead of"
  } the server's clock (±${facts.uncertaintyMs} ms)`;
  if (Math.abs(aheadMs) <= MUCH_CLOCK_MS + facts.uncertaintyMs) return ok(text, { facts });
  const advice =
    "let both follow NTP: event ids expire by the clocks of all that write to the lake";
  return warning(text, advice, { facts });
}

async function askOne(line: Line, query: string): Promise<Row> {
  const [row] = await line.run((run) => run((sql) => sql.unsafe<Row[]>(query)));
  return row ?? {};
}
