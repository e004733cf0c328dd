import { assert } from "../../core/errors.ts";
import type { DeadLetterMarks } from "../commit_store.ts";
import { insertReplays } from "./commit_rows.ts";
import type { Row } from "./connection.ts";
import { readMark } from "./lake_rows.ts";
import type { Transactions } from "./server.ts";

/** What a store notes of dead letters. */
export function deadLetterMarks(transactions: Transactions): DeadLetterMarks {
  return {
    markOf: (letter) => transactions.ask((run) => readMark(run, letter)),
    markSent: (replays, replayedAtMs) =>
      transactions.run("replay", async (run) => {
        const count = await insertReplays(run, replays, { sequence: null, replayedAtMs });
        assert(count === replays.length, "a dead letter is replayed once");
      }),
    purge: (files) =>
      transactions.run("purge", async (run) => {
        for (const { path, sequence, letterCount, bytes, reasons, purgedAtMs } of files) {
          await run((sql) =>
            sql`
              INSERT INTO purges VALUES (${path}, ${sequence}, ${letterCount}, ${bytes},
                ${JSON.stringify(reasons)}, ${purgedAtMs}, false) ON CONFLICT DO NOTHING`
          );
          await run((sql) =>
            sql`
              UPDATE files SET filter = NULL
              WHERE sequence = ${sequence} AND final_path = ${path}`
          );
        }
      }),
    unremovedPurges: async () => {
      const rows = await transactions.ask((run) =>
        run((sql) => sql<Row[]>`SELECT path FROM purges WHERE NOT is_removed ORDER BY path`)
      );
      return rows.map((row) => String(row["path"]));
    },
    markRemoved: async (paths) => {
      await transactions.run("purged", (run) =>
        run((sql) =>
          sql`
            UPDATE purges SET is_removed = true
            WHERE path IN (SELECT json_array_elements_text(${JSON.stringify(paths)}::text::json))`
        ));
    },
  };
}
