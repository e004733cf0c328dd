import { type Fault, FAULT_FORM, readFault } from "../simulation/faults.ts";
import { GENERATOR, option } from "./option.ts";
import { integer, oneOf, ratio, startTime, textParser } from "./option_parsers.ts";

/** What simulate and producer generate. */
export const generatorOptions = {
  count: option(integer(1, Number.MAX_SAFE_INTEGER), {
    default: { simulate: "1000", producer: "50" },
    modes: GENERATOR,
    unit: "records",
    environment: "GENERATE_COUNT",
    meaning: "Records to generate, duplicates and invalid ones among them",
  }),
  seed: option(integer(0, 4_294_967_295), {
    default: "1",
    modes: GENERATOR,
    environment: "GENERATE_SEED",
    meaning: "The same seed and start give the same records",
  }),
  firstId: option(integer(0, Number.MAX_SAFE_INTEGER), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_FIRST_ID",
    meaning: "Number of the first event_id",
  }),
  eventId: option(oneOf(["sequence", "uuid"]), {
    default: "sequence",
    modes: GENERATOR,
    environment: "GENERATE_EVENT_ID",
    meaning:
      "Form of event ids: sequence (e0, e1, …) or uuid (in random order, as real systems have them)",
  }),
  start: option(startTime(), {
    default: "now",
    modes: GENERATOR,
    environment: "GENERATE_START",
    meaning: "The ts of the last event; now is the clock's time for each",
  }),
  days: option(integer(1, 3650), {
    default: "1",
    modes: GENERATOR,
    unit: "days",
    environment: "GENERATE_DAYS",
    meaning: "Dates that ts runs over, the last one is that of the start",
  }),
  duplicateRatio: option(ratio(), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_DUPLICATE_RATIO",
    meaning: "Share of records that repeat an earlier event",
  }),
  invalidRatio: option(ratio(), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_INVALID_RATIO",
    meaning: "Share of records that do not satisfy the schema",
  }),
  unknownFieldRatio: option(ratio(), {
    default: "0",
    modes: GENERATOR,
    environment: "GENERATE_UNKNOWN_FIELD_RATIO",
    meaning: "Share of records with a field that the schema does not know",
  }),
  rate: option(integer(0, 10_000_000), {
    default: "0",
    modes: GENERATOR,
    unit: "records/s",
    environment: "GENERATE_RATE",
    meaning: "Records a second; 0 is as fast as it goes",
  }),
  fault: option(
    textParser<Fault | null>(
      `none, or ${FAULT_FORM}`,
      (text) => text === "none" ? null : readFault(text),
    ),
    {
      default: "none",
      modes: ["simulate"],
      meaning:
        "Make the N-th operation of that label fail, for demonstration: start again, and see the lake exact",
    },
  ),
} as const;
