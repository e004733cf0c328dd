import assert from "node:assert/strict";
import {
  checkpointValue,
  editCheckpoint,
  findingsOf,
  firstFile,
  withScratch,
} from "./damaged_lake.ts";
import { runOnce } from "./lake_run.ts";
import { variedTopic } from "./memory_topic.ts";

const topic = variedTopic(150);

Deno.test("verify finds more duplicates recorded than were counted", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic });
    const [counted, recorded] = [
      checkpointValue(outDir, "SELECT value FROM counters WHERE name = 'duplicate'"),
      checkpointValue(outDir, "SELECT sum(count) FROM duplicates"),
    ];
    assert.ok(counted === recorded && Number(counted) > 10, `${counted} and ${recorded}`);
    assert.deepEqual(await findingsOf(outDir), []);
    editCheckpoint(outDir, "UPDATE duplicates SET count = count + 1 WHERE sequence = 2");
    assert.deepEqual(await findingsOf(outDir), ["counts_do_not_close recorded duplicates"]);
    editCheckpoint(outDir, "DELETE FROM duplicates");
    assert.deepEqual(await findingsOf(outDir), [], "expired ones are not missed");
  });
});

Deno.test("verify finds a filter that misses event ids of its file", async () => {
  await withScratch(async (outDir) => {
    await runOnce(outDir, { topic });
    const paths = [await firstFile(outDir, "events"), await firstFile(outDir, "dead_letters")];
    for (const path of paths) {
      editCheckpoint(
        outDir,
        `UPDATE file_filters SET filter = zeroblob(50) WHERE final_path = '${path}'`,
      );
    }
    // The varied topic's dead letters have no readable event_id.
    assert.deepEqual(await findingsOf(outDir), [`wrong_filter ${paths[0]}`]);
    editCheckpoint(outDir, "DELETE FROM file_filters");
    assert.deepEqual(await findingsOf(outDir), [], "files without a filter are looked through");
  });
});
