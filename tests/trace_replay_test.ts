import assert from "node:assert/strict";
import { RecordList } from "../src/core/record_list.ts";
import { LakeSession } from "../src/pipeline/lake_session.ts";
import { repairedLetters } from "../src/pipeline/letters_to_replay.ts";
import { filesToPurge, purgeFiles } from "../src/pipeline/purge.ts";
import { replayIntoLake } from "../src/pipeline/replay.ts";
import { traceEvent } from "../src/pipeline/trace.ts";
import { Files } from "../src/runtime/files.ts";
import { eventRecord, eventText } from "./core/samples.ts";
import { scratchFolder, testSession } from "./crash/lake_run.ts";
import { CONTROL, findingsOf, sourceOf } from "./crash/replayed_lake.ts";
import { lakeIn } from "./lake_in.ts";
import { AT } from "./pipeline_parts.ts";

/** What a trace says in short: positions, and of dead letters their attempts and what became of them. */
async function answers(lake: string | Files, eventId: string) {
  const trace = await traceEvent(lakeIn(lake), eventId);
  const at = (row: { topic: string; partition: number; offset: bigint }) =>
    `${row.topic}/${row.partition}/${row.offset}`;
  return {
    published: trace.published.map(at),
    duplicates: trace.duplicates.map(at),
    rejected: trace.rejected.map((row) =>
      `${at(row)} ${row.attempts} ${row.replay?.outcome ?? "waits"}`
    ),
    unreadable: trace.unreadable,
  };
}

/** Files that are read only after something else was done. */
class ReadAfter extends Files {
  readonly #before: () => Promise<void>;

  constructor(outDir: string, before: () => Promise<void>) {
    super(outDir);
    this.#before = before;
  }

  override async size(path: string): Promise<number | null> {
    await this.#before();
    return await super.size(path);
  }
}

/** Rejects a record for each id, at offsets from 10. */
async function reject(session: LakeSession, ids: readonly string[]): Promise<void> {
  const records = ids.map((event_id, i) =>
    eventRecord({ event_id, usuario_id: "none" }, { offset: BigInt(10 + i) })
  );
  await session.pipeline.add({ ...AT, records: new RecordList(records) });
  await session.pipeline.commit("end");
}

/** Lines that repair those records, each with the fields of another event. */
async function* repairs(
  fields: readonly Readonly<Record<string, unknown>>[],
): AsyncGenerator<string> {
  for (const [i, field] of fields.entries()) {
    const position = `${AT.topic}/${AT.partition}/${10 + i}`;
    yield await Promise.resolve(JSON.stringify({ position, value: eventText(field) }));
  }
}

Deno.test("trace gives a replayed dead letter the position that it had, says what became of it, and forgets it once it is purged", async () => {
  const outDir = await scratchFolder();
  try {
    await using session = await LakeSession.open(testSession(outDir));
    await reject(session, ["x", "y", "z"]);
    const lines = repairs([{ event_id: "x" }, { event_id: "x" }, { event_id: "z", monto: -1 }]);
    await replayIntoLake(session, repairedLetters(sourceOf(session), lines), CONTROL);
    const at = (offset: number) => `${AT.topic}/${AT.partition}/${offset}`;
    const nothing = { published: [], duplicates: [], rejected: [], unreadable: [] };
    const x = { published: [at(10)], duplicates: [at(11)] };
    assert.deepEqual(await answers(outDir, "x"), {
      ...nothing,
      ...x,
      rejected: [`${at(10)} 1 published`],
    });
    assert.deepEqual(await answers(outDir, "y"), {
      ...nothing,
      rejected: [`${at(11)} 1 duplicate`],
    });
    assert.deepEqual(await answers(outDir, "z"), {
      ...nothing,
      rejected: [`${at(12)} 1 rejected`, `${at(12)} 2 waits`],
    });
    const purge = async () => {
      const times = { beforeMs: Number.MAX_SAFE_INTEGER, nowMs: 0 };
      const old = await filesToPurge(lakeIn(outDir), times, () => {});
      await purgeFiles(session.files, session.checkpoint, old);
    };
    assert.deepEqual(await answers(new ReadAfter(outDir, purge), "z"), nothing);
    assert.deepEqual(await answers(outDir, "x"), { ...nothing, ...x });
    assert.deepEqual(await answers(outDir, "z"), nothing);
    await session.close();
    assert.deepEqual(await findingsOf(outDir), []);
  } finally {
    await Deno.remove(outDir, { recursive: true });
  }
});
