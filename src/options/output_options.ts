import { LOG_FORMATS, LOG_LEVELS } from "../runtime/log_levels.ts";
import { MODES, option } from "./option.ts";
import { boolean, oneOf, optional, path } from "./option_parsers.ts";

/** Where options are read from, and what a command prints and logs. */
export const outputOptions = {
  configFile: option(optional(path()), {
    default: "none",
    modes: MODES,
    flag: "--config",
    environment: "ORILLA_CONFIG",
    meaning: "JSON file of options, which go behind flags and environment",
  }),
  json: option(boolean(), {
    default: "false",
    modes: [
      ...["verify", "rebuild", "trace", "status", "doctor", "report", "compact"] as const,
      ...["dlq list", "dlq show", "dlq replay", "dlq purge"] as const,
    ],
    environment: "OUTPUT_JSON",
    meaning: "Print the result as JSON, for machines",
  }),
  logLevel: option(oneOf(LOG_LEVELS), {
    default: "info",
    modes: MODES,
    meaning: "Least level of the log lines on stderr",
  }),
  logFormat: option(oneOf(LOG_FORMATS), {
    default: "auto",
    modes: MODES,
    meaning: "Form of log lines; auto is text on a terminal, else json",
  }),
} as const;
