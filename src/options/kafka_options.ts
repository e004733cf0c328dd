import { KAFKA, option } from "./option.ts";
import { boolean, integer, name, optional, serverList } from "./option_parsers.ts";

/** Kafka, and when a consumer stops. */
export const kafkaOptions = {
  bootstrapServers: option(serverList(), {
    default: "localhost:9092",
    modes: KAFKA,
    environment: "KAFKA_BOOTSTRAP_SERVERS",
    meaning: "Kafka brokers to ask first",
  }),
  topic: option(name(), {
    default: "pi2_events",
    modes: ["producer", "consumer", "doctor"],
    environment: "KAFKA_TOPIC",
    meaning: "Kafka topic",
  }),
  dlqTopic: option(optional(name()), {
    default: "none",
    modes: ["consumer"],
    meaning: "Kafka topic that rejected records are also sent to",
  }),
  groupId: option(name(), {
    default: "orilla",
    modes: ["consumer", "doctor"],
    environment: "KAFKA_GROUP_ID",
    meaning: "Kafka consumer group",
  }),
  clientId: option(name(), {
    default: "orilla",
    modes: KAFKA,
    environment: "KAFKA_CLIENT_ID",
    meaning: "Name that brokers log for this client",
  }),
  sessionTimeoutMs: option(integer(1_000, 1_800_000), {
    default: "30000",
    modes: ["consumer"],
    unit: "ms",
    environment: "KAFKA_SESSION_TIMEOUT_MS",
    meaning: "Without a heartbeat for this long the group gives the partitions to others",
  }),
  metadataMaxAgeMs: option(integer(100, 3_600_000), {
    default: "30000",
    modes: ["consumer"],
    unit: "ms",
    environment: "KAFKA_METADATA_MAX_AGE_MS",
    meaning: "How long until partitions that were added to the topic are found",
  }),
  untilEnd: option(boolean(), {
    default: "false",
    modes: ["consumer"],
    meaning: "Stop once everything that was in the topic at the start is committed",
  }),
  maxEvents: option(integer(0, Number.MAX_SAFE_INTEGER), {
    default: "0",
    modes: ["consumer"],
    unit: "records",
    meaning: "Stop after this many records are committed; 0 is no limit",
  }),
  allowGaps: option(boolean(), {
    default: "false",
    modes: ["consumer"],
    meaning:
      "Go on where records were deleted by retention or the group's offset was moved, instead of exit 4",
  }),
} as const;
