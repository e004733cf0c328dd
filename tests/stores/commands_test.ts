import assert from "node:assert/strict";
import {
  type DeadLetterRow,
  type LakeRow,
  readDeadLetters,
  readLake,
  strayFiles,
} from "../lake_reader.ts";
import { type OrillaOptions, runOrilla } from "../orilla_process.ts";
import { onEachServer } from "./each_server.ts";

const RECORDS_EACH = 1_000;
/** What one dead letter is repaired to. */
const REPAIRED = { event_id: "repaired", ts: "2026-11-20T10:00:00Z", usuario_id: 1 };

/** The lake of a server, and how commands are run on it. */
class CommandLake {
  readonly outDir: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(outDir: string, url: string) {
    this.outDir = outDir;
    this.#env = { CHECKPOINT_URL: url };
  }

  /** What a command that ends well prints. */
  async run(args: readonly string[], options: OrillaOptions = {}): Promise<string> {
    const all = [...args, "--out-dir", this.outDir];
    const { code, stdout, stderr } = await runOrilla(all, { env: this.#env, ...options });
    assert.equal(code, 0, `${args}: ${stderr}${stdout}`);
    return stdout;
  }

  /** The same as JSON. */
  json(args: readonly string[], options: OrillaOptions = {}): Promise<string> {
    return this.run([...args, "--json"], options);
  }

  /** Two runs, one after the other, each a process of its own with other events. */
  async fill(): Promise<void> {
    for (const run of [0, 1]) {
      const generator = [
        ...["--count", String(RECORDS_EACH), "--first-id", String(run * RECORDS_EACH)],
        ...["--duplicate-ratio", "0.05", "--invalid-ratio", "0.05", "--seed", String(run + 1)],
      ];
      const said = await this.run(["simulate", ...generator, "--batch-max-events", "300"]);
      // Neither could say what the other one did.
      assert.doesNotMatch(said, /metrics/);
      await assert.rejects(Deno.stat(`${this.outDir}/metrics.txt`), Deno.errors.NotFound);
    }
  }

  /** What lies in its files. */
  async found(): Promise<Found> {
    return { rows: await readLake(this.outDir), letters: await readDeadLetters(this.outDir) };
  }
}

interface Found {
  readonly rows: readonly LakeRow[];
  readonly letters: readonly DeadLetterRow[];
}

function countersOf({ rows: { length: published }, letters: { length: rejected } }: Found) {
  const received = 2 * RECORDS_EACH;
  return { received, published, duplicate: received - published - rejected, rejected };
}

/** In this order, each on what the ones before left. `first` is what the lake's files held before them. */
const STEPS: Readonly<Record<string, (lake: CommandLake, first: Found) => Promise<void>>> = {
  status: async (lake, first) => {
    const { counters, events, deadLetters, partitions: [{ nextOffset }], seenIds } = JSON.parse(
      await lake.json(["status"]),
    );
    const { rejectedByReason: _, ...is } = counters;
    assert.deepEqual(is, countersOf(first));
    const { published, rejected, received } = countersOf(first);
    assert.deepEqual([events.rows, seenIds, nextOffset], [published, published, String(received)]);
    assert.deepEqual([deadLetters.rows, deadLetters.waiting.atMost], [rejected, rejected]);
  },

  verify: async (lake, first) => {
    const { published, rejected } = countersOf(first);
    const { findings, eventCount, deadLetterCount, seenIdCount } = JSON.parse(
      await lake.json(["verify"]),
    );
    assert.deepEqual(findings, []);
    assert.deepEqual([eventCount, seenIdCount], [published, published]);
    assert.equal(deadLetterCount, rejected);
  },

  report: async (lake, first) => {
    const { outcomes, dates } = JSON.parse(await lake.json(["report"]));
    assert.deepEqual(outcomes, countersOf(first));
    const events: readonly number[] = dates.map(({ events }: { events: number }) => events);
    assert.equal(events.reduce((sum, count) => sum + count, 0), first.rows.length);
    await lake.run(["report"]);
    assert.match(await Deno.readTextFile(`${lake.outDir}/_report.html`), /<svg/);
  },

  trace: async (lake, { rows }) => {
    for (const isOfSecond of [false, true]) {
      const row = rows.find(({ event_id }) =>
        Number(event_id.slice(1)) >= RECORDS_EACH === isOfSecond
      );
      const trace = JSON.parse(await lake.json(["trace", row?.event_id ?? ""]));
      assert.deepEqual([trace.outcome, trace.seenIds.state], ["published", "seen"]);
      assert.equal(trace.published[0].offset, String(row?.kafka_offset));
    }
    const never = JSON.parse(await lake.json(["trace", "no-such-event"]));
    assert.deepEqual([never.published, never.seenIds.state], [[], "never"]);
  },

  "dlq list": async (lake, { letters }) => {
    const { waiting, byReasonAndDate } = JSON.parse(await lake.json(["dlq", "list"]));
    assert.equal(waiting, letters.length);
    assert.equal(byReasonAndDate.length, new Set(letters.map(({ reason }) => reason)).size);
  },

  "dlq export and dlq show": async (lake, { letters }) => {
    const exported = await exportedLetters(lake);
    const offsets = exported.map(({ position }) => Number(position.split("/")[2]));
    const expected = letters.map(({ offset }) => Number(offset));
    assert.deepEqual(offsets.sort((a, b) => a - b), expected.sort((a, b) => a - b));
    const [letter] = exported;
    const shown = JSON.parse(await lake.json(["dlq", "show", letter?.position ?? ""]));
    assert.deepEqual([shown.value, shown.reason], [letter?.value, letter?.reason]);
  },

  "dlq replay": async (lake, { rows, letters }) => {
    const [letter] = await exportedLetters(lake);
    const repaired = { ...letter, value: JSON.stringify(REPAIRED), value_encoding: "utf8" };
    const input = `${JSON.stringify(repaired)}\n`, replay = ["dlq", "replay", "--stdin"];
    const dry = JSON.parse(await lake.json([...replay, "--dry-run"], { input }));
    assert.equal((await lake.found()).rows.length, rows.length);
    const done = JSON.parse(await lake.json(replay, { input }));
    assert.deepEqual([done.published, { ...done, isDryRun: true }], [1, dry]);
    const again = JSON.parse(await lake.json(replay, { input }));
    assert.deepEqual([again.published, again.passedOver.doneCount], [0, 1]);
    const rest = JSON.parse(await lake.json(["dlq", "replay"]));
    const rejectedAgain = Object.values<number>(rest.rejected).reduce((sum, n) => sum + n, 0);
    assert.deepEqual([rest.published, rejectedAgain], [0, letters.length - 1]);
    const found = await lake.found();
    assert.equal(found.rows.length, rows.length + 1);
    assert.equal(found.letters.length, 2 * letters.length - 1);
    const { waiting, published } = JSON.parse(await lake.json(["dlq", "list"]));
    assert.deepEqual([waiting, published], [letters.length - 1, 1]);
    const shown = JSON.parse(await lake.json(["dlq", "show", letter?.position ?? ""]));
    assert.equal(shown.replays.length, 1);
    assert.equal(JSON.parse(await lake.json(["trace", "repaired"])).outcome, "published");
    assert.deepEqual(JSON.parse(await lake.json(["verify"])).findings, []);
  },

  "dlq purge": async (lake) => {
    const purge = ["dlq", "purge", "--dlq-ttl", "1s"];
    const before = (await lake.found()).letters.length;
    assert.equal(JSON.parse(await lake.json([...purge, "--dry-run"])).letterCount, before);
    assert.equal((await lake.found()).letters.length, before);
    assert.equal(JSON.parse(await lake.json(purge)).letterCount, before);
    assert.equal((await lake.found()).letters.length, 0);
    assert.equal(JSON.parse(await lake.json(["dlq", "list"])).waiting, 0);
    assert.equal(JSON.parse(await lake.json(["status"])).deadLetters.purged, before);
    const { findings, purgedLetterCount } = JSON.parse(await lake.json(["verify"]));
    assert.deepEqual([findings, purgedLetterCount], [[], before]);
    assert.deepEqual(await strayFiles(lake.outDir), ["_report.html"]);
  },
};

interface ExportedLetter {
  readonly position: string;
  readonly reason: string;
  readonly value: string | null;
}

async function exportedLetters(lake: CommandLake): Promise<readonly ExportedLetter[]> {
  const lines = (await lake.run(["dlq", "export"])).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

onEachServer("each command tells of, or changes, what two processes wrote", async (on) => {
  const lake = new CommandLake(`${on.folder}/lake`, on.server.url);
  await lake.fill();
  const first = await lake.found();
  const { published, duplicate, rejected } = countersOf(first);
  assert.ok(published > 1_700 && duplicate > 50 && rejected > 50, JSON.stringify([rejected]));
  for (const [name, step] of Object.entries(STEPS)) {
    await on.t.step(name, () => step(lake, first));
  }
});
