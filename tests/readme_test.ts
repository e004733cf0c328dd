import assert from "node:assert/strict";
import { EVENT_COLUMNS } from "../src/core/event_fields.ts";
import { exportedFamilies } from "./ops/exported_series.ts";
import { BENCH_OPTIONS } from "./bench/bench_options.ts";
import { SHARED_SOAK_OPTIONS } from "./soak/shared_options.ts";
import { effectiveTable } from "../src/about/effective_config.ts";
import { CONFIG_SWITCHES, SELF_COMMANDS, TOPICS } from "../src/about/subjects.ts";
import { parseCommandLine } from "../src/cli.ts";
import { defaultOf, environmentOf, flagOf, OPTION_ROWS } from "../src/config.ts";
import { EXIT_CODES } from "../src/core/errors.ts";
import { OUT_DIR_FILES } from "../src/core/lake_path.ts";
import { givenSources } from "./given_sources.ts";
import { MODES } from "../src/options/option.ts";
import { MEASURED, STORES } from "./sizing/measured.ts";
import { sizingText, WANTED } from "./sizing/sizing_text.ts";
import project from "../deno.json" with { type: "json" };

const root = new URL("../", import.meta.url);
const readmeUrl = new URL("README.md", root);

/** What stands between two markers of the README, made from the code. `ORILLA_UPDATE_README=1` writes it. */
async function generated(name: string, expected: string): Promise<void> {
  const readme = await Deno.readTextFile(readmeUrl);
  const [before, rest = ""] = readme.split(`<!-- ${name}:start -->\n`);
  const [actual, after] = rest.split(`<!-- ${name}:end -->`);
  if (Deno.env.get("ORILLA_UPDATE_README") === "1" && actual !== expected) {
    const markers = [`<!-- ${name}:start -->\n`, `<!-- ${name}:end -->`];
    await Deno.writeTextFile(readmeUrl, [before, markers[0], expected, markers[1], after].join(""));
    return;
  }
  assert.equal(
    actual,
    expected,
    `README's ${name} are not the code's; ORILLA_UPDATE_README=1 writes them`,
  );
}

function optionTable(): string {
  const rows = OPTION_ROWS.map(([key, row]) => {
    const defaults = [...new Set(row.modes.map((mode) => defaultOf(row, mode)))].join(" / ");
    const unit = row.unit === "" ? "" : ` ${row.unit}`;
    const accepts = row.accepts.split(" with a label of")[0]?.replaceAll("|", "\\|");
    const flag = row.isSecret ? "(secret: no flag)" : `\`${flagOf(key)}\``;
    const cells = [flag, `\`${environmentOf(key, row)}\``, `${defaults}${unit}`];
    return `| ${[...cells, row.modes.join(", "), `${row.meaning}: ${accepts}`].join(" | ")} |\n`;
  });
  return "| flag | environment | default | modes | meaning: accepted |\n|---|---|---|---|---|\n" +
    rows.join("");
}

Deno.test("README's option table is the code's", async () => {
  await generated("options", optionTable());
});

Deno.test("README's columns are the code's", async () => {
  const rows = EVENT_COLUMNS.map(([name, type, meaning]) => `| ${name} | ${type} | ${meaning} |\n`);
  await generated("columns", `| column | type | meaning |\n|---|---|---|\n${rows.join("")}`);
});

Deno.test("README's files of OUT_DIR are the code's", async () => {
  await generated(
    "files",
    tableOf(
      "in OUT_DIR",
      OUT_DIR_FILES.map(([name, meaning]) => [
        `\`${name}\``,
        meaning,
      ]),
    ),
  );
});

Deno.test("README's exit codes are the code's", async () => {
  await generated("exit-codes", tableOf("code", EXIT_CODES));
});

Deno.test("README's topics of help are the code's", async () => {
  const rows = Object.entries(TOPICS).map(([topic, meaning]) =>
    [`\`orilla help ${topic}\``, meaning] as const
  );
  await generated("topics", tableOf("topic", rows));
});

Deno.test("README's sizing is the arithmetic of what was measured", async () => {
  const text = sizingText({ wanted: WANTED, measured: MEASURED, stores: STORES });
  await generated("sizing", `\n${text}\n`);
});

function tableOf(title: string, rows: readonly (readonly [string | number, string])[]): string {
  const lines = rows.map(([name, meaning]) => `| ${name} | ${meaning} |\n`);
  return `| ${title} | meaning |\n|---|---|\n${lines.join("")}`;
}

/** The README's configuration file. */
const CONFIG_FILE = JSON.stringify(
  {
    bootstrapServers: ["kafka1.example:9093", "kafka2.example:9093"],
    securityProtocol: "SSL",
    topic: "events",
    outDir: "/data/lake",
    batchMaxEvents: 100_000,
  },
  null,
  2,
);

function codeBlock(text: string): string {
  return `\n${
    text.trimEnd().split("\n").map((line) => line === "" ? line : `    ${line}`).join("\n")
  }\n\n`;
}

Deno.test("README's configuration file is taken, and orilla config says of it what README says", async () => {
  await generated("config-file", codeBlock(CONFIG_FILE));
  const line = "config consumer --config orilla.json --until-end";
  const command = parseCommandLine(
    line.split(" "),
    givenSources({
      environment: { KAFKA_GROUP_ID: "reports" },
      files: { "orilla.json": CONFIG_FILE },
    }),
  );
  assert.ok(command.kind === "config");
  const lines = effectiveTable(command.configuration).trimEnd().split("\n");
  // The first lines of it, and those that are no defaults.
  const shown = lines.filter((text, at) => at < 6 || !text.endsWith("  default"));
  await generated("config-table", codeBlock([`$ orilla ${line}`, ...shown, "  …"].join("\n")));
});

Deno.test("README's metrics are the code's", async () => {
  const rows = exportedFamilies().map(({ name, type, samples, help }) => {
    const labels = Object.keys(samples[0]?.labels ?? {}).filter((label) => label !== "le");
    const shown = labels.length === 0 ? name : `${name}{${labels.join(",")}}`;
    return `| \`${shown}\` | ${type} | ${help} |\n`;
  });
  await generated("metrics", `| metric | type | meaning |\n|---|---|---|\n${rows.join("")}`);
});

Deno.test("README's alerts are those of ops/prometheus/alerts.yml", async () => {
  const readme = await Deno.readTextFile(readmeUrl);
  const rules = await Deno.readTextFile(new URL("ops/prometheus/alerts.yml", root));
  const inRules = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const inReadme = [...readme.matchAll(/^\| (Orilla\w+) \|/gm)].map(([, name]) => name);
  assert.deepEqual(inReadme, inRules);
});

Deno.test("README's file map is the tree's, each file with its purpose", async () => {
  const readme = await Deno.readTextFile(readmeUrl);
  const rows = [...readme.matchAll(/^\| ((?:src\/|main)\S+) \| (.{3,}) \|$/gm)];
  assert.deepEqual(
    rows.map(([, path]) => path).sort(),
    ["main.ts", ...await sourceFiles("src")].sort(),
  );
});

async function sourceFiles(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
    const path = `${folder}/${name}`;
    if (isDirectory) paths.push(...await sourceFiles(path));
    else if (/\.(ts|js|html|css|svg)$/.test(name) && !name.endsWith(".d.ts")) paths.push(path);
  }
  return paths.sort();
}

Deno.test("README's commands are tasks, modes and options that exist", async () => {
  const readme = await Deno.readTextFile(readmeUrl);
  for (const [, task = ""] of readme.matchAll(/\btask ([a-z\d:]+)/g)) {
    assert.ok(Object.hasOwn(project.tasks, task), `there is a task ${task}`);
  }
  for (const [, mode = ""] of readme.matchAll(/`orilla ([a-z]+)/g)) {
    const known = [...MODES.map((name) => name.split(" ")[0]), ...Object.keys(SELF_COMMANDS)];
    assert.ok(known.includes(mode), `there is a mode ${mode}`);
  }
  const flags = new Set(
    [
      ...OPTION_ROWS.map(([key]) => flagOf(key)),
      ...Object.keys({ ...BENCH_OPTIONS, ...SHARED_SOAK_OPTIONS }).map((name) => `--${name}`),
      ...Object.keys(CONFIG_SWITCHES),
      ...["--help", "--allow-ffi", "--allow-sys", "--minutes", "--seed", "--records"],
    ],
  );
  for (const [flag] of readme.matchAll(/(?<![\w-])--[a-z][a-z-]+/g)) {
    assert.ok(flags.has(flag), `there is an option ${flag}`);
  }
});

Deno.test("README's library table has the versions of deno.json", async () => {
  const readme = await Deno.readTextFile(readmeUrl);
  for (const [own, specifier] of Object.entries(project.imports)) {
    if (own.startsWith("orilla/")) continue;
    const [, name = "", version = ""] = /^npm:\/?(@?[^@]+)@([^/]+)/.exec(specifier) ?? [];
    const row = readme.split("\n").find((line) =>
      line.startsWith("|") && line.includes(name) && line.includes(version)
    );
    assert.ok(row !== undefined, `${name} ${version} is in the table`);
  }
});

Deno.test("every task has a description", () => {
  for (const [name, task] of Object.entries(project.tasks)) {
    assert.ok(task.description.length > 10, name);
    if (/deno (run|test|check|compile)/.test(task.command)) {
      assert.ok(
        task.command.includes("DENO_TLS_CA_STORE=system,mozilla"),
        `${name} works behind a company's certificate`,
      );
    }
  }
});
