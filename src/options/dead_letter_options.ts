import { parsePosition } from "../core/dead_letter.ts";
import { REASON_CODES } from "../core/outcome.ts";
import { type Mode, option } from "./option.ts";
import { boolean, duration, maybe, moment, name, oneOf, textParser } from "./option_parsers.ts";

const FILTERED: readonly Mode[] = ["dlq list", "dlq export", "dlq replay"];

/** A partition's number, or topic/number. */
const partitionFilter = textParser("a partition (3) or one of a topic (pi2_events/3)", (text) => {
  const [, topic, digits] = /^(?:([^/]{1,249})\/)?(\d{1,9})$/.exec(text) ?? [];
  return digits === undefined ? undefined : { topic: topic ?? null, partition: Number(digits) };
});

/** No argument can hold NUL. */
function eventId(text: string): string | undefined {
  return text === "" || text.includes("\0") ? undefined : text;
}

/** Which dead letters are meant, and what is done with them. */
export const deadLetterOptions = {
  position: option(maybe("none", textParser("topic/partition/offset", parsePosition)), {
    default: "none",
    modes: ["dlq show"],
    operandOf: ["dlq show"],
    environment: "DLQ_POSITION",
    meaning: "Where the record lay when it was rejected",
  }),
  reason: option(maybe("any", oneOf(REASON_CODES)), {
    default: "any",
    modes: FILTERED,
    environment: "DLQ_REASON",
    meaning: "Dead letters with this reason",
  }),
  since: option(maybe("any", moment()), {
    default: "any",
    modes: FILTERED,
    environment: "DLQ_SINCE",
    meaning: "Dead letters that were rejected at this time or later",
  }),
  letterEventId: option(
    maybe("any", textParser("an event_id", eventId)),
    {
      default: "any",
      modes: [...FILTERED, "dlq show"],
      flag: "--event-id",
      environment: "DLQ_EVENT_ID",
      meaning: "Dead letters with this event_id",
    },
  ),
  partition: option(maybe("any", partitionFilter), {
    default: "any",
    modes: FILTERED,
    environment: "DLQ_PARTITION",
    meaning: "Dead letters of this partition",
  }),
  again: option(boolean(), {
    default: "false",
    modes: ["dlq replay"],
    environment: "DLQ_AGAIN",
    meaning: "Replay also what an earlier replay rejected again, unchanged",
  }),
  stdin: option(boolean(), {
    default: "false",
    modes: ["dlq replay"],
    environment: "DLQ_STDIN",
    meaning: "Replay what stdin holds: lines of dlq export that were repaired",
  }),
  toTopic: option(maybe("none", name()), {
    default: "none",
    modes: ["dlq replay"],
    environment: "DLQ_TO_TOPIC",
    meaning: "Send the dead letters to this Kafka topic instead of the lake",
  }),
  dryRun: option(boolean(), {
    default: "false",
    modes: ["dlq replay", "dlq purge"],
    environment: "DLQ_DRY_RUN",
    meaning: "Say what would happen, and write nothing",
  }),
  dlqTtl: option(duration(), {
    default: "30d",
    modes: ["dlq purge"],
    meaning: "Remove dead-letter files that are older than this",
  }),
} as const;
