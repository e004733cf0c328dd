import { messageOf, operatingError } from "../core/errors.ts";
import { checkBrokers, connectionError, kafkaClient } from "../kafka/client.ts";
import { KafkaPublisher } from "../kafka/publisher.ts";
import { systemClock } from "../runtime/clock.ts";
import { ProgressMeter } from "../runtime/reporting.ts";
import { generateEvents } from "../simulation/event_generator.ts";
import { chunkSizeOf, type CommandContext, connectionOf, pacer } from "./context.ts";
import { retryingOf } from "./retrying.ts";
import { generatorOptions } from "./simulate.ts";
import { thousands } from "../core/count_text.ts";

/** Generates events into a topic, and counts what the brokers acknowledged. */
export async function produce(context: CommandContext): Promise<void> {
  const { config, reporter, log, stop } = context;
  const { topic } = config;
  const client = kafkaClient(connectionOf(context), { log });
  await checkBrokers(client);
  await using publisher = new KafkaPublisher({
    kafka: client.kafka,
    topic,
    log,
    retrying: retryingOf(context),
  });
  try {
    await publisher.start();
  } catch (error) {
    throw await connectionError(client, error);
  }
  const startMs = systemClock.monotonicMs();
  const acknowledged = await send(context, publisher);
  const seconds = (systemClock.monotonicMs() - startMs) / 1000;
  const rate = thousands(Math.round(acknowledged / Math.max(seconds, 0.001)));
  reporter.print(
    `${stop.aborted ? "Stopped by a signal" : "Done"}: ${thousands(acknowledged)} of ` +
      `${thousands(config.count)} records acknowledged by all in-sync replicas of topic ${topic} ` +
      `in ${seconds.toFixed(2)} s, ${rate} records/s\n`,
  );
}

/** Sends all records; resolves with how many were acknowledged. */
async function send(context: CommandContext, publisher: KafkaPublisher): Promise<number> {
  const { config, reporter, stop } = context;
  const meter = new ProgressMeter(reporter, () => systemClock.monotonicMs());
  const pace = pacer(config.rate);
  const chunkSize = chunkSizeOf(config.rate);
  const delivery = publisher.deliver();
  let made = 0;
  try {
    for (const record of generateEvents(generatorOptions(config), systemClock.nowMs)) {
      delivery.add(record);
      if (++made % chunkSize !== 0) continue;
      await pace.wait(made);
      await delivery.room();
      meter.update(delivery.acknowledgedCount, config.count);
      if (stop.aborted) break;
    }
    await delivery.end();
    meter.update(delivery.acknowledgedCount, config.count);
  } catch (error) {
    throw operatingError(
      `Sending failed after ${thousands(delivery.acknowledgedCount)} acknowledged records: ${
        messageOf(error)
      }. ` +
        `Run again with --first-id ${
          config.firstId + delivery.acknowledgedInOrder
        } for those that are missing; records ` +
        `that arrived without an acknowledgement will be found as duplicates`,
      error,
    );
  }
  return delivery.acknowledgedCount;
}
