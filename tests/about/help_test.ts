import assert from "node:assert/strict";
import { helpText } from "../../src/about/help.ts";
import { CONFIG_SWITCHES, SELF_COMMANDS, SHELLS, TOPICS } from "../../src/about/subjects.ts";
import { helpTopics, MODE_MEANINGS } from "../../src/cli.ts";
import { defaultOf, environmentOf, fileKeyOf, flagOf, OPTION_ROWS } from "../../src/config.ts";
import { isFileOption } from "../../src/config_file.ts";
import { EXIT_CODES } from "../../src/core/errors.ts";
import { OUT_DIR_FILES } from "../../src/core/lake_path.ts";
import { emptySnapshot, metricFamilies } from "../../src/core/metrics.ts";
import { MODES } from "../../src/options/option.ts";

/** The text of a topic on one line, with single spaces: where lines are broken does not matter. */
function flat(topic: string | null): string {
  return helpText(topic, "1.2.3").replaceAll(/\s+/g, " ");
}

function expectAll(text: string, parts: Iterable<string>): void {
  for (const part of parts) assert.ok(text.includes(part), `${part} is in ${text}`);
}

Deno.test("helpText() of a mode has its options with their names, default, unit and meaning", () => {
  for (const mode of MODES) {
    const text = flat(mode);
    expectAll(text, [`orilla ${mode} - ${MODE_MEANINGS[mode]}`]);
    const lines = helpText(mode, "1.2.3").split("\n");
    for (const [key, row] of OPTION_ROWS) {
      const name = row.isSecret ? environmentOf(key, row) : flagOf(key);
      const head = lines.find((line) => line.split(" ")[2] === name);
      const isOther = OPTION_ROWS.some(([other, { modes }]) =>
        other !== key && flagOf(other) === name && modes.includes(mode)
      );
      assert.equal(head !== undefined, row.modes.includes(mode) || isOther, `${mode} ${key}`);
      if (!row.modes.includes(mode)) continue;
      const value = defaultOf(row, mode);
      const standing = value === "" ? "No default" : `Default ${value} ${row.unit}`.trim();
      const file = isFileOption([key, row]) ? `; file ${key}` : "";
      const names = `${standing}; environment ${environmentOf(key, row)}${file}`;
      expectAll(text, [`${row.meaning}: ${row.accepts} ${names}`.replaceAll(/\s+/g, " ")]);
    }
  }
});

Deno.test("helpText() of a mode says what its flags and operand are followed by", () => {
  expectAll(helpText("consumer", ""), [
    "\n  --until-end\n",
    "\n  --out-dir FOLDER\n",
    "\n  --config FILE\n",
    "\n  --batch-max-events NUMBER\n",
    "\n  --log-level debug|info|warning|error\n",
    "\n  --topic VALUE\n",
    "\n  KAFKA_SASL_PASSWORD  (a secret: no flag)\n",
  ]);
  expectAll(flat("trace"), ["orilla trace [EVENT_ID] [OPTION]..."]);
  expectAll(flat("dlq show"), ["orilla dlq show [DLQ_POSITION] [OPTION]..."]);
});

Deno.test("helpText() without a topic lists modes, commands, topics and exit codes", () => {
  const text = flat(null);
  expectAll(text, ["orilla 1.2.3: "]);
  expectAll(text, MODES.map((mode) => `orilla ${mode} ${MODE_MEANINGS[mode]}`));
  for (const subjects of [SELF_COMMANDS, TOPICS]) {
    expectAll(text, Object.entries(subjects).map(([name, meaning]) => `${name} ${meaning}`));
  }
  expectAll(text, EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`));
});

Deno.test("helpText() explains every topic, in lines that fit a terminal", () => {
  for (const topic of [null, ...helpTopics()]) {
    const text = helpText(topic, "1.2.3");
    assert.ok(text.length > 100 && text.endsWith("\n") && !text.includes("undefined"), text);
    for (const line of text.split("\n")) {
      const isOneWord = line.trim().split(" ").length <= 2;
      assert.ok(line.length <= 80 || isOneWord || line.startsWith("  --"), `${topic}: ${line}`);
      assert.equal(line, line.trimEnd());
    }
  }
});

Deno.test("helpText() takes its topics from what they are about", () => {
  expectAll(
    flat("options"),
    OPTION_ROWS.map(([, { meaning, accepts }]) => `${meaning}: ${accepts}`),
  );
  expectAll(flat("options"), OPTION_ROWS.map(([, { modes }]) => `Modes: ${modes.join(", ")}`));
  expectAll(
    flat("environment"),
    OPTION_ROWS.map(([key, row]) => `${environmentOf(key, row)} ${row.meaning}`),
  );
  expectAll(flat("exit-codes"), EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`));
  expectAll(flat("files"), OUT_DIR_FILES.map(([name, meaning]) => `${name} ${meaning}`));
  const families = metricFamilies(emptySnapshot());
  expectAll(flat("metrics"), families.map(({ name, type, help }) => `${name} (${type}) ${help}`));
  expectAll(flat("config"), Object.entries(CONFIG_SWITCHES).flat());
  expectAll(flat("completions"), SHELLS.map((shell) => `orilla completions ${shell}`));
  expectAll(flat("dlq"), MODES.filter((mode) => mode.startsWith("dlq ")));
});

Deno.test("helpText() about configuration says how each secret is given, and shows a file that is taken", () => {
  const text = flat("configuration");
  for (const [key, row] of OPTION_ROWS.filter(([, { isSecret }]) => isSecret)) {
    expectAll(text, [`${environmentOf(key, row)} or ${fileKeyOf(key, row)}`]);
  }
  const [example = ""] = /\{[^}]*\}/.exec(text) ?? [];
  for (const key of Object.keys(JSON.parse(example))) {
    assert.ok(OPTION_ROWS.some(([known]) => known === key), key);
  }
});
