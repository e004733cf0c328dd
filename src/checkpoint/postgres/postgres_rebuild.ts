import { type CounterRow, counterRows, type Counters } from "../../core/counters.ts";
import { parsePath } from "../../core/lake_path.ts";
import { SignsOfLife } from "../instances.ts";
import {
  isExpired,
  type RebuiltCommit,
  type RebuiltIds,
  type RebuiltLake,
  type RebuiltReplacement,
  shortStoreError,
  silentMsOf,
  type StoreRebuild,
  type StoreRebuildOptions,
  takenOverError,
} from "../store_rebuild.ts";
import {
  adoptRanges,
  insertCommit,
  insertFiles,
  insertRanges,
  insertReplays,
} from "./commit_rows.ts";
import { markPublished } from "./commit_transaction.ts";
import type { Row, Run, ServerOptions } from "./connection.ts";
import { beginRebuild, isOwnRebuild, signOfRebuild } from "./rebuild_begin.ts";
import { readMeta, SCHEMA_VERSION, SETTING } from "./schema.ts";
import { adoptSeenIds } from "./seen_ids.ts";
import { Transactions } from "./server.ts";

/** A PostgreSQL schema that is made anew from the lake's files. */
export class PostgresRebuild implements StoreRebuild {
  readonly idKey: Uint32Array;
  readonly #transactions: Transactions;
  /** For signs of life, which must not wait for a commit. */
  readonly #signs: Transactions;
  readonly #token: string;
  readonly #options: StoreRebuildOptions;
  readonly #signsOfLife: SignsOfLife;

  private constructor(
    { transactions, signs, token, idKey }: {
      readonly transactions: Transactions;
      readonly signs: Transactions;
      readonly token: string;
      readonly idKey: Uint32Array;
    },
    options: StoreRebuildOptions,
  ) {
    this.#transactions = transactions;
    this.#signs = signs;
    this.#token = token;
    this.#options = options;
    this.idKey = idKey;
    this.#signsOfLife = new SignsOfLife(() => signs.ask((run) => signOfRebuild(run, token)));
  }

  /** Begins. @throws as `beginRebuild` */
  static async begin(server: ServerOptions, options: StoreRebuildOptions): Promise<StoreRebuild> {
    await using resources = new AsyncDisposableStack();
    const transactions = new Transactions(server, options.hooks);
    const signs = new Transactions(server);
    resources.use(transactions.line);
    resources.use(signs.line);
    const token = crypto.randomUUID();
    const by = { token, silentMs: silentMsOf(options) };
    const idKey = await transactions.run("rebuild", (run) => beginRebuild(run, server.url, by));
    resources.move();
    return new PostgresRebuild({ transactions, signs, token, idKey }, options);
  }

  get name(): string {
    return this.#transactions.path;
  }

  async adopt({ instanceId, commit, replaced }: RebuiltCommit): Promise<void> {
    const { sequence, committedAtMs, ranges, replays, freshHashes, counters } = commit;
    await this.#run(async (run) => {
      // Where it is there, the answer of an earlier try was lost.
      if (!await insertCommit(run, commit, instanceId)) return;
      await markPublished(run, [sequence]);
      await insertFiles(run, commit);
      await insertRanges(run, sequence, ranges);
      await adoptRanges(run, ranges);
      await insertReplays(run, replays, { sequence, replayedAtMs: committedAtMs });
      await insertReplaced(run, sequence, replaced);
      await addInstance(run, instanceId);
      await addCounters(run, instanceId, counters);
      const seenAtMs = committedAtMs, hashes = freshHashes;
      await this.#addIds(run, { instanceId, sequence, seenAtMs, hashes });
    });
  }

  async adoptIds(runs: readonly RebuiltIds[]): Promise<void> {
    await this.#run(async (run) => {
      for (const ids of runs) {
        await addInstance(run, ids.instanceId);
        await this.#addIds(run, ids);
      }
    });
  }

  async end(lake: RebuiltLake): Promise<void> {
    await this.#transactions.run("rebuild", async (run) => {
      if (await isEnded(run, this.#token)) return;
      await this.#refuseOthers(run);
      const [row] = await run((sql) => sql<Row[]>`SELECT count(*) AS n FROM commits`);
      if (Number(row?.["n"]) !== lake.commitCount) throw shortStoreError(this.name);
      for (const instanceId of lake.instanceIds) await addInstance(run, instanceId);
      const meta = Array.from(lake.settings, ([name, value]) => ({ key: SETTING + name, value }));
      if (meta.length > 0) await run((sql) => sql`INSERT INTO meta ${sql(meta)}`);
      if (lake.lastSequence > 0) {
        await run((sql) => sql`SELECT setval('commit_sequence', ${lake.lastSequence})`);
      }
      await run((sql) =>
        sql`UPDATE meta SET value = ${String(SCHEMA_VERSION)} WHERE key = 'schema_version'`
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signsOfLife[Symbol.dispose]();
    await Promise.all([
      this.#transactions.line[Symbol.asyncDispose](),
      this.#signs.line[Symbol.asyncDispose](),
    ]);
  }

  async #run(action: (run: Run) => Promise<void>): Promise<void> {
    await this.#transactions.run("rebuild", async (run) => {
      await this.#refuseOthers(run);
      await action(run);
    });
  }

  async #refuseOthers(run: Run): Promise<void> {
    if (!await isOwnRebuild(run, this.#token)) throw takenOverError(this.name);
  }

  async #addIds(run: Run, { instanceId, sequence, seenAtMs, hashes }: RebuiltIds): Promise<void> {
    if (hashes.length === 0 || isExpired(seenAtMs, this.#options)) return;
    const { rowCount } = await adoptSeenIds(run, hashes, { sequence, seenAtMs });
    await run((sql) =>
      sql`UPDATE instances SET seen_ids = seen_ids + ${rowCount} WHERE instance_id = ${instanceId}`
    );
  }
}

/** Whether an earlier try, whose answer was lost, has ended it. */
async function isEnded(run: Run, token: string): Promise<boolean> {
  return await readMeta(run, "schema_version") === String(SCHEMA_VERSION) &&
    await readMeta(run, "rebuild_token") === token;
}

async function addInstance(run: Run, instanceId: string): Promise<void> {
  await run((sql) =>
    sql`INSERT INTO instances VALUES (${instanceId}, 'rebuilt', now(), '[]', 0) ON CONFLICT DO NOTHING`
  );
}

async function addCounters(run: Run, instanceId: string, counters: Counters): Promise<void> {
  const [row] = await run((sql) =>
    sql<Row[]>`SELECT counters FROM instances WHERE instance_id = ${instanceId}`
  );
  const held: readonly CounterRow[] = JSON.parse(String(row?.["counters"] ?? "[]"));
  const sums = new Map(held.map((row) => [`${row[0]} ${row[1]}`, row]));
  for (const [name, label, value] of counterRows(counters)) {
    const key = `${name} ${label}`;
    sums.set(key, [name, label, (sums.get(key)?.[2] ?? 0) + value]);
  }
  const text = JSON.stringify([...sums.values()]);
  await run((sql) =>
    sql`UPDATE instances SET counters = ${text} WHERE instance_id = ${instanceId}`
  );
}

/** How many rows and bytes they had is not known of those that are gone, and asked of none. */
async function insertReplaced(
  run: Run,
  replacedBy: number,
  replaced: readonly RebuiltReplacement[],
): Promise<void> {
  const rows = replaced.map(({ path, isThere }) => ({
    ...{ path, sequence: parsePath(path)?.sequence ?? 0, is_removed: !isThere },
  }));
  await run((sql) =>
    sql`
      INSERT INTO replaced_files
        SELECT path, sequence, ${replacedBy}::bigint, 0, 0, is_removed
        FROM json_to_recordset(${JSON.stringify(rows)}::text::json) AS given
          (path text, sequence bigint, is_removed boolean)
      ON CONFLICT (path) DO NOTHING`
  );
}
