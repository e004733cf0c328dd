import { jsonText } from "../commands/json.ts";
import { tableLines } from "../commands/table.ts";
import { environmentOf, flagOf } from "../config.ts";
import type { Configuration, Origin, Setting } from "../configure.ts";
import { type JsonValue, valueOf } from "../options/value_schema.ts";

/** The options of a mode with their values and where each is from, as a table for people. */
export function effectiveTable(configuration: Configuration): string {
  const rows = settingsOf(configuration).map(({ key, row, text, value, origin }) => [
    row.isSecret ? environmentOf(key, row) : flagOf(key),
    row.isSecret ? secretText(text) : printable(valueOf(text, value, row.schema)),
    originText(origin),
  ]);
  const title = `What orilla ${configuration.mode} would run with`;
  return [title, "", ...tableLines(["option", "value", "from"], rows, 3), ""].join("\n");
}

/** The same as JSON: values as they may stand in a configuration file, secrets aside. */
export function effectiveJson(configuration: Configuration): string {
  const options = settingsOf(configuration).map(({ key, row, text, value, origin }) => {
    const from = origin.kind === "default"
      ? { source: origin.kind }
      : { source: origin.kind, name: origin.name };
    const shown = row.isSecret
      ? { value: secretText(text), isSecret: true }
      : { value: valueOf(text, value, row.schema) };
    return [key, { ...shown, ...from }] as const;
  });
  return jsonText({ mode: configuration.mode, options: Object.fromEntries(options) });
}

function settingsOf({ mode, settings }: Configuration): readonly Setting[] {
  return settings.filter(({ row }) => row.modes.includes(mode));
}

function secretText(text: string): string {
  return text === "" ? "not set" : "set";
}

function originText(origin: Origin): string {
  return origin.kind === "default" ? "default" : `${origin.kind} ${origin.name}`;
}

/** A value on one line; control characters, which would move a terminal's cursor, are escaped. */
function printable(value: JsonValue): string {
  const text = typeof value === "object" && value !== null ? value.join(",") : String(value);
  return text.replaceAll(
    /\p{Cc}/gu,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
