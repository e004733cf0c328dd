import { type CounterRow, counterRows, type Counters, countersOf } from "../../core/counters.ts";
import type { Row, Run } from "./connection.ts";

/** Registers a process that begins to write. */
export async function registerInstance(run: Run, instanceId: string): Promise<void> {
  await run((sql) => sql`INSERT INTO instances VALUES (${instanceId}, 'live', now(), '[]', 0)`);
}

/**
 * Notes a sign of life.
 *
 * @returns false where this process was expelled, or the store was made anew since
 */
export async function signOfLife(run: Run, instanceId: string): Promise<boolean> {
  const { count } = await run((sql) =>
    sql`
      UPDATE instances SET alive_at = clock_timestamp()
      WHERE instance_id = ${instanceId} AND state IN ('live', 'left')`
  );
  return count === 1;
}

/**
 * Notes what a commit changes of its process, and that it lives; it cannot be expelled until the transaction ends.
 *
 * @param counters null where they stay
 * @returns false where this process was expelled, or the store was made anew since
 */
export async function updateInstance(run: Run, instanceId: string, change: {
  readonly counters: Counters | null;
  readonly seenIdCount: number;
}): Promise<boolean> {
  const counters = change.counters === null ? null : JSON.stringify(counterRows(change.counters));
  const { count } = await run((sql) =>
    sql`
      UPDATE instances SET alive_at = clock_timestamp(), counters = coalesce(${counters}, counters),
        seen_ids = seen_ids + ${change.seenIdCount}
      WHERE instance_id = ${instanceId} AND state IN ('live', 'left')`
  );
  return count === 1;
}

/** The process ends in good order. */
export async function noteLeft(run: Run, instanceId: string): Promise<void> {
  await run((sql) =>
    sql`UPDATE instances SET state = 'left' WHERE instance_id = ${instanceId} AND state = 'live'`
  );
  await run((sql) => sql`UPDATE partitions SET owner = NULL WHERE owner = ${instanceId}`);
}

/** Which of some instances can commit no more; those without a sign of life are expelled now, but not this one. */
export async function endedAmong(run: Run, given: Iterable<string>, { instanceId, silentMs }: {
  readonly instanceId: string;
  readonly silentMs: number;
}): Promise<ReadonlySet<string>> {
  const ids = JSON.stringify([...given]);
  await run((sql) =>
    sql`
      UPDATE instances SET state = 'expelled'
      WHERE instance_id IN (SELECT json_array_elements_text(${ids}::text::json)) AND state = 'live'
        AND instance_id <> ${instanceId}
        AND alive_at <= clock_timestamp() - ${silentMs}::bigint * interval '1 ms'`
  );
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT instance_id FROM instances
      WHERE instance_id IN (SELECT json_array_elements_text(${ids}::text::json)) AND state <> 'live'`
  );
  return new Set(rows.map((row) => String(row["instance_id"])));
}

/** The counters of all processes added up; or of one. */
export async function readCounters(run: Run, instanceId: string | null): Promise<Counters> {
  const rows = await run((sql) =>
    sql<Row[]>`
      SELECT counters FROM instances WHERE instance_id = coalesce(${instanceId}, instance_id)`
  );
  const sums = new Map<string, CounterRow>();
  for (const row of rows) {
    const counters: readonly CounterRow[] = JSON.parse(String(row["counters"]));
    for (const [name, label, value] of counters) {
      const key = `${name} ${label}`;
      sums.set(key, [name, label, (sums.get(key)?.[2] ?? 0) + value]);
    }
  }
  return countersOf(sums.values());
}

/** How many ids are held, as the processes counted them. */
export async function readSeenIdCounter(run: Run): Promise<number> {
  const [row] = await run((sql) => sql<Row[]>`SELECT sum(seen_ids)::bigint AS n FROM instances`);
  return Number(row?.["n"] ?? 0);
}

/** All processes that have written to the lake. */
export async function readInstanceIds(run: Run): Promise<readonly string[]> {
  const rows = await run((sql) => sql<Row[]>`SELECT instance_id FROM instances ORDER BY 1`);
  return rows.map((row) => String(row["instance_id"]));
}

/** Those whose commits were read back from the lake's files: the store's former processes. */
export async function readRebuiltIds(run: Run): Promise<readonly string[]> {
  const rows = await run((sql) =>
    sql<Row[]>`SELECT instance_id FROM instances WHERE state = 'rebuilt' ORDER BY 1`
  );
  return rows.map((row) => String(row["instance_id"]));
}
