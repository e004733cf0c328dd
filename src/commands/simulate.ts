import type { RawRecord } from "../core/record.ts";
import { noHeaders } from "../core/record.ts";
import { RecordList } from "../core/record_list.ts";
import { LakeSession } from "../pipeline/lake_session.ts";
import { systemClock } from "../runtime/clock.ts";
import { noFaults } from "../runtime/operations.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import { generateEvents, type GeneratorOptions } from "../simulation/event_generator.ts";
import { faultHooks } from "../simulation/faults.ts";
import { chunkSizeOf, type CommandContext, pacer } from "./context.ts";
import { sessionOptions } from "./session_options.ts";
import { serveHttp } from "./http.ts";
import { placesOf } from "./lake.ts";
import { summaryText } from "./summary.ts";
import type { Config } from "../config.ts";

/** Generated records lie in this topic, in partition 0, with running offsets. */
const SIMULATED = { topic: "simulate", partition: 0 } as const;

/** Runs the production pipeline over generated events. */
export async function simulate(context: CommandContext): Promise<void> {
  const { config, reporter, stop } = context;
  const startMs = systemClock.monotonicMs();
  const failure = Promise.withResolvers<never>();
  const hooks = config.fault === null ? noFaults : faultHooks(config.fault);
  await using http = await serveHttp(context);
  await using session = await LakeSession.open({
    ...sessionOptions(context),
    hooks,
    onFailure: failure.reject,
    ...(http !== null && { onCommit: http.noteCommit, onCompacted: http.noteMerged }),
  });
  await session.claim([SIMULATED]);
  await http?.observe(session, {
    mode: "simulate",
    topic: null,
    groupId: null,
    source: () => null,
  });
  await Promise.race([feed(context, session), failure.promise]);
  await session.pipeline.commit("end");
  await session.close();
  const elapsedMs = systemClock.monotonicMs() - startMs;
  const { summary, pipeline } = session;
  const title = stop.aborted
    ? `Stopped by a signal after ${summary.receivedCount} of ${config.count} events; all of them are committed`
    : "Simulation done";
  const run = { title, summary, counters: pipeline.counters, elapsedMs };
  reporter.print(summaryText({ ...run, ...placesOf(context) }));
}

/** Generates records in chunks and gives them to the pipeline. */
async function feed(
  { config, reporter, stop }: CommandContext,
  session: LakeSession,
): Promise<void> {
  const { pipeline } = session;
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs());
  const pace = pacer(config.rate);
  const chunkSize = chunkSizeOf(config.rate);
  let offset = pipeline.nextOffset(SIMULATED) ?? 0n;
  let made = 0;
  let records: RawRecord[] = [];
  const flush = async () => {
    await pipeline.add({ ...SIMULATED, records: new RecordList(records) });
    records = [];
    meter.update(made, config.count);
    await pace.wait(made);
  };
  for (const { key, value } of generateEvents(generatorOptions(config), systemClock.nowMs)) {
    records.push({
      offset: offset++,
      timestampMs: systemClock.nowMs(),
      key,
      value,
      headers: noHeaders(),
    });
    made++;
    if (records.length === chunkSize) await flush();
    if (stop.aborted) break;
  }
  await flush();
}

/** The generator's part of the configuration. */
export function generatorOptions(config: Config): GeneratorOptions {
  return {
    count: config.count,
    seed: config.seed,
    firstId: config.firstId,
    eventIdForm: config.eventId,
    startMs: config.start,
    days: config.days,
    duplicateRatio: config.duplicateRatio,
    invalidRatio: config.invalidRatio,
    unknownFieldRatio: config.unknownFieldRatio,
  };
}
