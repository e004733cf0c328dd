import { option } from "./option.ts";
import { boolean, integer } from "./option_parsers.ts";

/** How a lake, and the way to it, is looked at. */
export const doctorOptions = {
  dates: option(integer(1, 10_000), {
    default: "14",
    modes: ["status"],
    unit: "dates",
    environment: "STATUS_DATES",
    meaning: "How many of the newest dates are listed",
  }),
  checkTimeoutMs: option(integer(100, 600_000), {
    default: "10000",
    modes: ["doctor"],
    unit: "ms",
    environment: "DOCTOR_CHECK_TIMEOUT_MS",
    meaning: "How long each check may take; then it has failed",
  }),
  strict: option(boolean(), {
    default: "false",
    modes: ["doctor"],
    environment: "DOCTOR_STRICT",
    meaning: "End with exit code 1 after a warning too",
  }),
} as const;
