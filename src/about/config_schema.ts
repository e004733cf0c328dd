import { defaultOf, OPTION_ROWS } from "../config.ts";
import { isFileOption, SCHEMA_KEY } from "../config_file.ts";
import type { Option } from "../options/option.ts";
import { type JsonValue, valueOf, type ValueSchema } from "../options/value_schema.ts";

/** An option in the schema. */
type OptionSchema = ValueSchema & {
  readonly description: string;
  /** Left out where modes have different ones, or none. */
  readonly default?: JsonValue;
};

/** The JSON Schema (2020-12) of configuration files: what it refuses, orilla refuses too. */
export function configSchema() {
  const options = OPTION_ROWS.filter(isFileOption)
    .map(([key, row]): [string, OptionSchema] => [key, optionSchema(row)]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration file of orilla",
    type: "object",
    properties: {
      [SCHEMA_KEY]: { type: "string", description: "Where this schema lies, for editors" },
      ...Object.fromEntries(options),
    },
    additionalProperties: false,
  } as const;
}

function optionSchema(row: Option<unknown>): OptionSchema {
  const unit = row.unit === "" ? "" : ` (${row.unit})`;
  const description = `${row.meaning}${unit}: ${row.accepts}. Of ${row.modes.join(", ")}`;
  const [text = "", ...others] = new Set(row.modes.map((mode) => defaultOf(row, mode)));
  const isOne = text !== "" && others.length === 0;
  const standing = isOne ? { default: valueOf(text, row.parse(text), row.schema) } : {};
  return { description, ...standing, ...row.schema };
}
