/**
 * What a million event ids cost after `--ids` others: `deno task bench:seen --ids 10000000 --form uuid`.
 * They go the way of the pipeline: hashed, looked up, committed, merged, in batches of `--batch`. So do the
 * others with `--feed`; without it random hashes are written as the runs that their merges would have left. Another
 * checkpoint is fed before, until the code is compiled. The child that does it ends itself with SIGKILL; then the
 * checkpoint is opened again.
 */
import { parseArgs } from "node:util";
import process from "node:process";
import type { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { zeroCounters } from "../../src/core/counters.ts";
import { distinctHashes } from "../../src/core/hash_order.ts";
import { hashTexts } from "../../src/core/id_hash.ts";
import { TextColumn } from "../../src/core/text_column.ts";
import { v8FlagsOf } from "../task_flags.ts";
import { openCheckpoint, preloadIds } from "./preloaded_ids.ts";

const MEASURED_IDS = 1_000_000;
const WARM_IDS = 1_500_000;
const DAY_MS = 86_400_000;
const TTL_MS = 7 * DAY_MS;
const FIRST_MS = 1_795_000_000_000;
const HEX = new TextEncoder().encode("0123456789abcdef");

type Form = "uuid" | "sequence";

/** Ids as they come, without strings: their making is not measured, but takes time too. */
class IdMaker {
  #next = 0;
  readonly #form: Form;
  readonly #uuid = new TextEncoder().encode("00000000-0000-4000-8000-000000000000");
  readonly #random = new Uint8Array(65_536);
  #used = this.#random.length;

  constructor(form: Form) {
    this.#form = form;
  }

  fill(column: TextColumn, count: number): void {
    column.clear();
    for (let i = 0; i < count; i++) {
      if (this.#form === "sequence") column.push(`e${++this.#next}`);
      else column.pushBytes(this.#randomUuid(), { start: 0, end: this.#uuid.length });
    }
  }

  #randomUuid(): Uint8Array {
    for (let at = 0; at < this.#uuid.length; at++) {
      if (at === 8 || at === 13 || at === 18 || at === 23 || at === 14) continue;
      if (this.#used === this.#random.length) {
        crypto.getRandomValues(this.#random);
        this.#used = 0;
      }
      const digit = (this.#random[this.#used++] ?? 0) & 15;
      this.#uuid[at] = HEX[at === 19 ? 8 + (digit & 3) : digit] ?? 0;
    }
    return this.#uuid;
  }
}

/** Wall and CPU microseconds by part. */
class Meter {
  readonly wall = new Map<string, number>();
  readonly cpu = new Map<string, number>();
  longestMs = 0;

  time<T>(part: string, action: () => T): T {
    const cpuBefore = process.cpuUsage(), before = performance.now();
    const result = action();
    const wallMs = performance.now() - before;
    const { user, system } = process.cpuUsage(cpuBefore);
    this.wall.set(part, (this.wall.get(part) ?? 0) + wallMs * 1_000);
    this.cpu.set(part, (this.cpu.get(part) ?? 0) + user + system);
    this.longestMs = Math.max(this.longestMs, wallMs);
    return result;
  }

  report(idCount: number): string {
    const each = (of: Map<string, number>) =>
      [...of].map(([part, us]) => `${part} ${(us / idCount).toFixed(3)}`).join(", ");
    const sum = (of: Map<string, number>) =>
      ([...of.values()].reduce((a, b) => a + b, 0) / idCount).toFixed(3);
    return `CPU ${sum(this.cpu)} us/id (${each(this.cpu)}); wall ${sum(this.wall)} us/id ` +
      `(${each(this.wall)}); longest part ${this.longestMs.toFixed(0)} ms`;
  }
}

/** Commits ids in batches, spread over most of a time to live if there is one. */
class Feeder {
  readonly #checkpoint: Checkpoint;
  readonly #maker: IdMaker;
  readonly #column = new TextColumn();
  readonly #total: number;
  readonly #ttlMs: number;
  #sequence = 0;
  #fed = 0;

  constructor(
    checkpoint: Checkpoint,
    { form, total, ttlMs, fed }: { form: Form; total: number; ttlMs: number; fed: number },
  ) {
    this.#checkpoint = checkpoint;
    this.#maker = new IdMaker(form);
    this.#total = total;
    this.#ttlMs = ttlMs;
    this.#fed = fed;
  }

  feed(count: number, batch: number, meter: Meter): void {
    const checkpoint = this.#checkpoint;
    for (let left = count; left > 0; left -= batch) {
      const size = Math.min(left, batch);
      this.#maker.fill(this.#column, size);
      this.#fed += size;
      const nowMs = FIRST_MS + Math.floor(0.95 * this.#ttlMs * this.#fed / this.#total);
      const hashes = meter.time("hash", () => hashTexts(this.#column, checkpoint.idKey));
      const distinct = meter.time("sort", () => distinctHashes(hashes));
      const isSeen = meter.time("look up", () => checkpoint.seenAmong(distinct.hashes, nowMs));
      if (isSeen.includes(1)) throw new Error("an id that is new counts as seen");
      const commit = {
        ...{ sequence: ++this.#sequence, committedAtMs: nowMs, trigger: "events" as const },
        ...{ files: [], ranges: [], freshHashes: distinct.hashes, counters: zeroCounters() },
        ...{ traces: { filters: [], duplicates: null }, replays: [] },
      };
      meter.time("commit", () => checkpoint.commit(commit));
      meter.time("merge", () => checkpoint.mergeSteps(nowMs, size));
    }
  }
}

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

/** The kernel's peak of resident memory of this process. */
function peakBytes(): number {
  const [, kilobytes] = /VmHWM:\s*(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return Number(kilobytes) * 1024;
}

interface Options {
  readonly form: Form;
  readonly idCount: number;
  readonly batch: number;
  readonly ttlMs: number;
  readonly isFed: boolean;
}

/** Feeds another checkpoint first: a consumer runs for long, so its code is compiled. */
function warmUp(outDir: string, options: Options): void {
  const folder = `${outDir}/warm`;
  Deno.mkdirSync(folder);
  {
    using checkpoint = openCheckpoint(folder, options.ttlMs);
    const feeder = new Feeder(checkpoint, { ...options, total: WARM_IDS, fed: 0 });
    feeder.feed(WARM_IDS, options.batch, new Meter());
  }
  Deno.removeSync(folder, { recursive: true });
}

function fill(outDir: string, options: Options): void {
  const { form, idCount, batch, ttlMs, isFed } = options;
  warmUp(outDir, options);
  if (!isFed) preloadIds(outDir, { idCount, ttlMs, firstMs: FIRST_MS });
  const checkpoint = openCheckpoint(outDir, ttlMs);
  const total = idCount + MEASURED_IDS;
  const feeder = new Feeder(checkpoint, { form, total, ttlMs, fed: isFed ? 0 : idCount });
  const before = new Meter(), measured = new Meter();
  if (isFed) {
    feeder.feed(idCount, batch, before);
    say(`the first ${idCount}: ${before.report(idCount)}`);
  }
  feeder.feed(MEASURED_IDS, batch, measured);
  say(`the next ${MEASURED_IDS}: ${measured.report(MEASURED_IDS)}`);
  say(`resident ${megabytes(Deno.memoryUsage().rss)}, at most ${megabytes(peakBytes())}`);
  Deno.kill(Deno.pid, "SIGKILL");
}

function reopen(outDir: string, ttlMs: number): void {
  const start = performance.now();
  using checkpoint = openCheckpoint(outDir, ttlMs);
  const ms = performance.now() - start;
  const { seenIdCount } = checkpoint;
  const files = [...Deno.readDirSync(outDir)].map(({ name }) => Deno.statSync(`${outDir}/${name}`));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  say(
    `opened again in ${ms.toFixed(0)} ms; ${seenIdCount} ids, ` +
      `${(bytes / seenIdCount).toFixed(1)} bytes an id on disk; ` +
      `resident ${megabytes(Deno.memoryUsage().rss)}`,
  );
}

const { values } = parseArgs({
  options: {
    ids: { type: "string", default: "1000000" },
    form: { type: "string", default: "uuid" },
    batch: { type: "string", default: "50000" },
    ttl: { type: "string", default: "7d" },
    feed: { type: "boolean", default: false },
    folder: { type: "string" },
  },
});
const options: Options = {
  form: values.form === "sequence" ? "sequence" : "uuid",
  idCount: Number(values.ids),
  batch: Number(values.batch),
  ttlMs: values.ttl === "0" ? 0 : TTL_MS,
  isFed: values.feed,
};
if (values.folder === undefined) {
  const outDir = Deno.makeTempDirSync({ prefix: "orilla_bench_" });
  try {
    const file = import.meta.filename ?? "";
    const args = ["run", "-A", v8FlagsOf("consumer"), file, "--folder", outDir, ...Deno.args];
    new Deno.Command(Deno.execPath(), { args, stdout: "inherit", stderr: "inherit" }).outputSync();
    reopen(outDir, options.ttlMs);
  } finally {
    Deno.removeSync(outDir, { recursive: true });
  }
} else fill(values.folder, options);
