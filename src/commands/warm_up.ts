import { Batch } from "../core/batch.ts";
import { HASH_WORDS, KEY_WORDS } from "../core/id_hash.ts";
import { type RecordBlock, RecordReader } from "../core/record_block.ts";
import { recordBlockIn } from "../kafka/fetch_response.ts";
import { RecordBatchWriter } from "../kafka/record_batch.ts";
import type { Encoder, FileOrigin } from "../lake/encoder.ts";
import { NO_PROTECTION } from "../lake/protection.ts";
import { loadDeferred } from "../pipeline/deferred.ts";
import { generateEvents, type GeneratorOptions } from "../simulation/event_generator.ts";

/** After this many the code is as fast as it gets (measured); each round is one batch. */
const ROUNDS = 20, EVENTS_A_ROUND = 5_000;
const RECORD_BYTES = 150;
/** A group that assigns its partitions sooner, as one without rebalance delay does, is not held up. */
const BEGINS_AFTER_MS = 100;

/** Something of all that records can be, so that no kind of them is new to the code. */
const MADE_UP: GeneratorOptions = {
  count: EVENTS_A_ROUND,
  seed: 1,
  firstId: 0,
  eventIdForm: "sequence",
  startMs: 0,
  days: 3,
  duplicateRatio: 0.01,
  invalidRatio: 0.005,
  unknownFieldRatio: 0.005,
};

const NOWHERE = { topic: "", partition: 0 } as const;
const NO_LIMITS = { maxRecordBytes: Infinity };
const HOW = { idKey: new Uint32Array(KEY_WORDS), protection: NO_PROTECTION };
const ORIGIN: FileOrigin = { stagedAtMs: 0, metadata: new Map() };

/**
 * Takes made-up events in and makes files of them, none of which is kept. V8 interprets code at first, and
 * compiles what is used much while that goes on: a first second of real events would take twice its time. A
 * group's first member waits seconds for its assignment (group.initial.rebalance.delay.ms), which leave the
 * machine with nothing else to do.
 */
export class WarmUp implements Disposable {
  /** Fulfilled once it has ended. */
  readonly ended: Promise<void>;
  readonly #begun = Promise.withResolvers<void>();
  readonly #timer = setTimeout(this.#begun.resolve, BEGINS_AFTER_MS);
  #isStopped = false;

  /** Begins in a moment, beside whatever else the thread does. */
  constructor(encoder: Encoder) {
    // What fails here fails again with the first batch, where it is told.
    this.ended = this.#begun.promise.then(() => this.#run(encoder)).catch(() => {});
  }

  /** Ends it, after the round that it is in. */
  [Symbol.dispose](): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#begun.resolve();
  }

  async #run(encoder: Encoder): Promise<void> {
    if (this.#isStopped) return;
    const [ingest] = await loadDeferred();
    const block = madeUpBlock();
    let batch = new Batch(), other = new Batch();
    let encoded = Promise.resolve();
    for (let round = 0; round < ROUNDS && !this.#isStopped; round++) {
      const records = new RecordReader(block);
      while (records.next()) ingest(batch, NOWHERE, records, NO_LIMITS);
      await encoded;
      encoded = encode(encoder, batch);
      [batch, other] = [other, batch];
      batch.clear();
    }
    await encoded;
  }
}

async function encode(encoder: Encoder, batch: Batch): Promise<void> {
  using encoding = await encoder.take(batch, HOW);
  const { groups } = await encoding.split(new Uint8Array(encoding.hashes.length / HASH_WORDS));
  const files = groups.map((_, place) => encoding.encodeEvents(place, ORIGIN));
  await Promise.all([...files, encoding.encodeLetters(batch.rejected, ORIGIN)]);
}

/** As a broker would send them. */
function madeUpBlock(): RecordBlock {
  const writer = new RecordBatchWriter(EVENTS_A_ROUND * RECORD_BYTES);
  for (const event of generateEvents(MADE_UP, () => 0)) writer.add(event, Infinity);
  return recordBlockIn(writer.finish(0));
}
