import { EVENT_FIELDS } from "../core/event_fields.ts";
import { option, WRITERS } from "./option.ts";
import { optional, path, textParser } from "./option_parsers.ts";
import { TEXT_OR_LIST } from "./value_schema.ts";

/** Fields of the schema that may be pseudonymized; the others are needed as they are, or give nothing away. */
const PSEUDONYMIZABLE = ["usuario_id"];

/** What lies on the disk: who may read it, what is encrypted, what is pseudonymized. */
export const restOptions = {
  fileMode: option(
    textParser(
      "an octal mode, 6 for the owner, then 0, 4 or 6 for group and others (600, 640)",
      (text) => /^0?6[046][046]$/.test(text) ? Number.parseInt(text, 8) : undefined,
      { type: "string", pattern: "^0?6[046][046]$" },
    ),
    {
      default: "600",
      modes: [...WRITERS, "rebuild", "report", "compact"],
      meaning: "Mode of the files made in OUT_DIR; folders have x where files have r",
    },
  ),
  encryptionKeyFile: option(
    optional(path()),
    {
      default: "none",
      modes: [...WRITERS, "doctor", "dlq show", "dlq export"],
      meaning: "File of the keys that dead letters are encrypted with, outside of OUT_DIR",
    },
  ),
  pseudonymizeFields: option(
    textParser(
      "none, or names separated by commas: usuario_id, and fields that the schema does not know",
      (text) => text === "none" ? [] : fieldNames(text),
      TEXT_OR_LIST,
    ),
    {
      default: "none",
      modes: WRITERS,
      meaning: "Fields that the lake holds as keyed hashes; needs --encryption-key-file",
    },
  ),
} as const;

function fieldNames(text: string): readonly string[] | undefined {
  const names = new Set(text.split(",").map((name) => name.trim()));
  const areAllowed = [...names].every((name) =>
    name !== "" && !name.includes("\0") &&
    (!EVENT_FIELDS.has(name) || PSEUDONYMIZABLE.includes(name))
  );
  return areAllowed ? [...names].sort() : undefined;
}
