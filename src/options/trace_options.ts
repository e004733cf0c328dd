import { option } from "./option.ts";
import { eventId } from "./option_parsers.ts";

/** What is traced. */
export const traceOptions = {
  id: option(eventId(), {
    default: "",
    modes: ["trace"],
    operandOf: ["trace"],
    environment: "EVENT_ID",
    meaning: "The event to find; after -- it may begin with a hyphen",
  }),
} as const;
