import { damagedError, OrillaError } from "../../core/errors.ts";
import { IdHash } from "../../core/id_filter.ts";
import type { Origin } from "../../core/record.ts";
import type { MarkedReplay } from "../../core/replay.ts";
import { storeName } from "../../core/store_url.ts";
import type { CheckpointPositions, CheckpointReader, ServerCheck } from "../checkpoint_reader.ts";
import type { LakeHistory } from "../history.ts";
import { WRITING_MS } from "../instances.ts";
import type { CheckpointContent } from "../inspection.ts";
import type { LakeStatus } from "../lake_status.ts";
import type { SmallFilesOfFolder, SmallFilesRule } from "../small_files.ts";
import type { Soundness } from "../soundness.ts";
import type { CheckpointTrace, TracedFile } from "../traces.ts";
import { Line, type Row, type Run, type ServerOptions } from "./connection.ts";
import { readContent, readHistory, readStatus } from "./lake_content.ts";
import { readInstanceIds, readRebuiltIds } from "./instances.ts";
import { readCommitted, readLastCommitMs, readMark } from "./lake_rows.ts";
import { isReplaced, readUnremovedPaths } from "./replacements.ts";
import { hasTables, refuseOtherVersion, SCHEMA_VERSION } from "./schema.ts";
import { serverChecks } from "./server_checks.ts";
import { readSmallFiles } from "./small_files.ts";
import { readTrace } from "./traces.ts";

/** Looks at a checkpoint in a PostgreSQL schema. */
export class PostgresReader implements CheckpointReader {
  readonly isShared = true;
  readonly name: string;
  readonly #server: ServerOptions;
  readonly #line: Line;

  constructor(server: ServerOptions) {
    this.#server = server;
    this.name = storeName(server.url);
    this.#line = new Line(server);
  }

  exists(): Promise<boolean> {
    return this.#line.run(hasTables);
  }

  isWriting(): Promise<boolean> {
    return this.#line.run(async (run) => {
      if (!await hasTables(run)) return false;
      const [row] = await run((sql) =>
        sql<Row[]>`
          SELECT count(*) AS n FROM instances
          WHERE state = 'live' AND alive_at > clock_timestamp() - ${WRITING_MS} * interval '1 ms'`
      );
      return Number(row?.["n"]) > 0;
    });
  }

  content(): Promise<CheckpointContent> {
    return this.#ask(readContent);
  }

  positions(): Promise<CheckpointPositions> {
    return this.#ask(async (run) => ({
      instanceIds: await readInstanceIds(run),
      rebuiltInstanceIds: await readRebuiltIds(run),
      committed: await readCommitted(run, null),
    }));
  }

  status(dateLimit: number): Promise<LakeStatus> {
    return this.#ask((run) => readStatus(run, dateLimit));
  }

  history(): Promise<LakeHistory> {
    return this.#ask(readHistory);
  }

  trace(eventId: string): Promise<CheckpointTrace> {
    const hash = IdHash.of(eventId);
    return this.#ask((run) => readTrace(run, { eventId, hash }));
  }

  async fileFilter(
    { sequence, finalPath }: Pick<TracedFile, "sequence" | "finalPath">,
  ): Promise<Uint8Array | null> {
    const [row] = await this.#ask((run) =>
      run((sql) =>
        sql<Row[]>`
          SELECT filter FROM files WHERE sequence = ${sequence} AND final_path = ${finalPath}`
      )
    );
    const filter = row?.["filter"];
    return filter instanceof Uint8Array ? new Uint8Array(filter) : null;
  }

  async isPurged(path: string): Promise<boolean> {
    const rows = await this.#ask((run) =>
      run((sql) => sql<Row[]>`SELECT 1 AS found FROM purges WHERE path = ${path}`)
    );
    return rows.length > 0;
  }

  isReplaced(path: string): Promise<boolean> {
    return this.#ask((run) => isReplaced(run, path));
  }

  unremovedReplaced(): Promise<readonly string[]> {
    return this.#ask(readUnremovedPaths);
  }

  async sequenceAt(committedAtMs: number): Promise<number | null> {
    const [row] = await this.#ask((run) =>
      run((sql) =>
        sql<Row[]>`
          SELECT min(sequence) AS sequence FROM commits
          WHERE committed_at_ms = ${committedAtMs} AND trigger <> 'compact'`
      )
    );
    const sequence = row?.["sequence"] ?? null;
    return sequence === null ? null : Number(sequence);
  }

  smallFiles(rule: SmallFilesRule): Promise<readonly SmallFilesOfFolder[]> {
    return this.#ask((run) => readSmallFiles(run, rule));
  }

  async deadLetterCount(): Promise<number> {
    const [row] = await this.#ask((run) =>
      run((sql) =>
        sql<Row[]>`
          SELECT coalesce(sum(row_count), 0)::bigint AS n FROM files
          WHERE kind = 'dead_letters' AND final_path NOT IN (SELECT path FROM purges)`
      )
    );
    return Number(row?.["n"]);
  }

  markOf(letter: Origin): Promise<MarkedReplay | null> {
    return this.#ask((run) => readMark(run, letter));
  }

  async soundness(): Promise<Soundness> {
    try {
      return await this.#ask(async (run): Promise<Soundness> => {
        const { sequence } = await readCommitted(run, null);
        const lastCommitMs = await readLastCommitMs(run);
        const facts = { schemaVersion: SCHEMA_VERSION, sequence, lastCommitMs };
        // The server looks after its own pages: see data_checksums in its documentation.
        return { kind: "sound", instanceId: "", ...facts, isWhole: true };
      });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const isDamaged = error instanceof OrillaError && error.exitCode === 3;
      return { kind: isDamaged ? "damaged" : "out_of_reach", detail: error.message };
    }
  }

  serverChecks(): readonly ServerCheck[] {
    return serverChecks(this.#line, this.#server.url);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#line[Symbol.asyncDispose]();
  }

  /** Reads as of one moment, and only where there is something to read. */
  #ask<T>(read: (run: Run) => Promise<T>): Promise<T> {
    return this.#line.run(async (run) => {
      if (!await hasTables(run)) throw this.#missing();
      await run((sql) => sql`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`);
      try {
        await refuseOtherVersion(run, this.#server.url);
        return await read(run);
      } finally {
        await run((sql) => sql`ROLLBACK`).catch(() => {});
      }
    });
  }

  #missing(): Error {
    return damagedError(
      `There is no checkpoint at ${this.name}. Name another one in CHECKPOINT_URL`,
    );
  }
}
