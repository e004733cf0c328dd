import { configureSync, getLogger, type LogLevel, type LogRecord } from "@logtape/logtape";
import { scrub } from "./scrub.ts";

/**
 * The fields that log lines may carry. Everything else that code passes along is left out, so that nothing
 * of an event but its id can reach a log by accident.
 */
const FIELDS = [
  "address",
  "attempts",
  "broker",
  "bytes",
  "clientId",
  "count",
  "date",
  "deleted",
  "duplicate",
  "durationMs",
  "error",
  "eventId",
  "files",
  "groupId",
  "instanceId",
  "lag",
  "nextOffset",
  "offset",
  "operation",
  "outcome",
  "outDir",
  "partition",
  "partitions",
  "published",
  "reason",
  "received",
  "rejected",
  "sequence",
  "signal",
  "topic",
  "trigger",
  "version",
  "waitMs",
] as const;

/** What a log line may say beside its message. */
export type LogFields = { readonly [K in (typeof FIELDS)[number]]?: string | number | bigint };

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** Unexpected, and nothing is lost. */
  warning(message: string, fields?: LogFields): void;
  /** An operator must act. */
  error(message: string, fields?: LogFields): void;
}

/** Sets logging up for this thread: lines of `level` and above go to `write`. */
export function setUpLogs(options: {
  readonly format: "json" | "text";
  readonly level: LogLevel;
  readonly write: (line: string) => void;
}): Log {
  const format = options.format === "json" ? jsonLine : textLine;
  configureSync({
    reset: true,
    sinks: { lines: (record: LogRecord) => options.write(format(record)) },
    loggers: [
      { category: "orilla", lowestLevel: options.level, sinks: ["lines"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["lines"] },
    ],
  });
  const logger = getLogger("orilla");
  // The message goes along as a value: LogTape would fill braces in its text with fields.
  return {
    debug: (message, fields = {}) => logger.debug("{message}", { ...fields, message }),
    info: (message, fields = {}) => logger.info("{message}", { ...fields, message }),
    warning: (message, fields = {}) => logger.warning("{message}", { ...fields, message }),
    error: (message, fields = {}) => logger.error("{message}", { ...fields, message }),
  };
}

function messageText({ message }: LogRecord): string {
  return oneLine(message.map(String).join(""));
}

function listedFields({ properties }: LogRecord): [string, string | number][] {
  return FIELDS.flatMap((name): [string, string | number][] => {
    const value = properties[name];
    if (value === undefined) return [];
    return [[name, typeof value === "number" ? value : oneLine(String(value))]];
  });
}

function jsonLine(record: LogRecord): string {
  const head = { time: new Date(record.timestamp).toISOString(), level: record.level };
  const fields = Object.fromEntries(listedFields(record));
  return JSON.stringify({ ...head, message: messageText(record), ...fields });
}

function textLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 23);
  const fields = listedFields(record).map(([name, value]) => ` ${name}=${value}`).join("");
  return `${time} ${record.level.toUpperCase().padEnd(7)} ${messageText(record)}${fields}`;
}

function oneLine(text: string): string {
  return scrub(text).replaceAll(/[\r\n]+/g, " ");
}
