import { environmentOf, fileKeyOf, flagOf, OPTION_ROWS } from "../config.ts";
import { MAX_CONFIG_BYTES, SCHEMA_KEY } from "../config_file.ts";
import { EXIT_CODES } from "../core/errors.ts";
import { OUT_DIR_FILES } from "../core/lake_path.ts";
import { emptySnapshot, metricFamilies } from "../core/metrics.ts";
import { optionLinesOfAll } from "./option_lines.ts";
import type { Topic } from "./subjects.ts";
import { defined, described, wrapped } from "./text_lines.ts";

const TOPIC_LINES: Readonly<Record<Topic, () => string[]>> = {
  options: () => OPTION_ROWS.flatMap(optionLinesOfAll),
  configuration,
  environment: () =>
    described(OPTION_ROWS.map(([key, row]) => [environmentOf(key, row), row.meaning])),
  "exit-codes": () => described(EXIT_CODES.map(([code, meaning]) => [`${code}`, meaning])),
  files: () => defined(OUT_DIR_FILES),
  metrics,
};

/** The text of a topic. */
export function topicLines(topic: Topic): string[] {
  return TOPIC_LINES[topic]();
}

function configuration(): string[] {
  const row = OPTION_ROWS.find(([key]) => key === "configFile");
  const environment = row === undefined ? "" : environmentOf(...row);
  const example = { topic: "events", outDir: "/data/lake", batchMaxEvents: 100_000 };
  return [
    ...wrapped(
      "The first of these that gives an option counts: its flag, its environment name (an empty one is not " +
        "set), the configuration file, the default.",
      "",
    ),
    "",
    ...wrapped(
      `The file is named by ${
        flagOf("configFile")
      } or ${environment}: one JSON object, without comments, ` +
        `of at most ${MAX_CONFIG_BYTES} bytes. Its names are those that orilla help options lists after ` +
        `"file"; most are the flag in camelCase. Paths in it begin, like those of flags, where orilla is started.`,
      "",
    ),
    "",
    ...JSON.stringify(example, null, 2).split("\n").map((line) => `  ${line}`),
    "",
    ...wrapped(
      "Numbers are JSON numbers, switches are true or false, lists are arrays or one text with commas, and " +
        "all else is text. Options of any mode may stand in it; each mode takes its own. Whatever is unknown, " +
        "wrong or there twice ends orilla with exit code 2, in every mode.",
      "",
    ),
    "",
    ...wrapped(`Secrets may not stand in it: ${secrets()}.`, ""),
    "",
    ...wrapped(
      `orilla config shows what is in force, and from where. Editors check and complete the file where it ` +
        `names, as ${SCHEMA_KEY}, the output of orilla config --json-schema.`,
      "",
    ),
  ];
}

/** How secrets are given instead. */
function secrets(): string {
  const names = OPTION_ROWS.filter(([, { isSecret }]) => isSecret).map(([key, row]) => {
    const file = fileKeyOf(key, row);
    return file === null ? environmentOf(key, row) : `${environmentOf(key, row)} or ${file}`;
  });
  return `use ${names.join(", ")}`;
}

function metrics(): string[] {
  const families = metricFamilies(emptySnapshot());
  return defined(families.map(({ name, type, help }) => [`${name} (${type})`, help]));
}
