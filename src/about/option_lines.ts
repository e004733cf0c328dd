import { defaultOf, environmentOf, flagOf } from "../config.ts";
import { isFileOption } from "../config_file.ts";
import type { Mode, Option } from "../options/option.ts";
import { wordsOf } from "../options/value_schema.ts";
import { wrapped } from "./text_lines.ts";

type Entry = readonly [key: string, row: Option<unknown>];

/** An option as help has it: its names, what it means and accepts, its default in a mode. */
export function optionLines([key, row]: Entry, mode: Mode): string[] {
  return [
    `  ${flagText([key, row])}`,
    ...wrapped(`${row.meaning}: ${row.accepts}`, "      "),
    ...wrapped(`${standing(row, [mode])}; ${otherNames([key, row])}`, "      "),
  ];
}

/** The same for all modes that have it. */
export function optionLinesOfAll([key, row]: Entry): string[] {
  return [
    `  ${flagText([key, row])}`,
    ...wrapped(`${row.meaning}: ${row.accepts}`, "      "),
    ...wrapped(`${standing(row, row.modes)}; ${otherNames([key, row])}`, "      "),
    ...wrapped(`Modes: ${row.modes.join(", ")}`, "      "),
  ];
}

/** The environment name and the key in a configuration file. */
function otherNames([key, row]: Entry): string {
  const name = environmentOf(key, row);
  return isFileOption([key, row]) ? `environment ${name}; file ${key}` : `environment ${name}`;
}

/** The defaults in some modes, with the unit. */
export function standing(row: Option<unknown>, modes: readonly Mode[]): string {
  const texts = [...new Set(modes.map((mode) => defaultOf(row, mode)))].join(" / ");
  const unit = row.unit === "" ? "" : ` ${row.unit}`;
  return texts === "" ? "No default" : `Default ${texts}${unit}`;
}

/** The flag with what follows it: `--out-dir FOLDER`. */
function flagText([key, row]: Entry): string {
  if (row.isSecret) return `${environmentOf(key, row)}  (a secret: no flag)`;
  const { type } = row.schema;
  if (type === "boolean") return flagOf(key);
  if (row.place !== undefined) return `${flagOf(key)} ${row.place.toUpperCase()}`;
  if (type === "integer" || type === "number") return `${flagOf(key)} NUMBER`;
  const words = wordsOf(row.schema);
  const areAll = row.schema.enum !== undefined && words.join("|").length < 50;
  return `${flagOf(key)} ${areAll ? words.join("|") : "VALUE"}`;
}
