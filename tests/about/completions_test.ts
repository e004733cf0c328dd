import assert from "node:assert/strict";
import { HELP_WORDS, MODE_WORDS, partsOf } from "../../src/about/completed.ts";
import { SHELLS } from "../../src/about/subjects.ts";
import { MODE_GROUPS } from "../../src/cli.ts";
import { flagOf, OPTION_ROWS } from "../../src/config.ts";
import { type Mode, MODES } from "../../src/options/option.ts";
import { wordsOf } from "../../src/options/value_schema.ts";
import { temporaryFolder } from "../runtime/temporary_folder.ts";
import { type Completer, completer, whyNot } from "./shells.ts";

function flagsIn(mode: Mode): string[] {
  return OPTION_ROWS.filter(([, row]) => row.modes.includes(mode) && !row.isSecret)
    .map(([key]) => flagOf(key));
}

const first = (words: readonly (readonly [string, string])[]) => words.map(([word]) => word);

/** What is offered for some lines, in any order. */
async function expectOffered(
  complete: Completer,
  expected: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  for (const [line, words] of Object.entries(expected)) {
    assert.deepEqual([...new Set(await complete(line))].sort(), [...new Set(words)].sort(), line);
  }
}

for (const shell of SHELLS) {
  const why = whyNot(shell);
  const leftOut = why === null ? "" : ` (left out: ${why})`;
  const test = (name: string, fn: (complete: Completer, folder: string) => Promise<void>) =>
    Deno.test({
      name: `${shell} completes ${name}${leftOut}`,
      ignore: why !== null,
      fn: async () => {
        await using folder = await temporaryFolder();
        await fn(await completer(shell, folder.path), folder.path);
      },
    });

  test("modes, commands and topics", async (complete) => {
    await expectOffered(complete, {
      "orilla con": ["consumer", "config"],
      "orilla simulat": ["simulate"],
      "orilla dlq ": first(partsOf("dlq")),
      "orilla dlq p": ["purge"],
      "orilla config ": [
        ...first(MODE_WORDS),
        // fish offers flags once a hyphen is typed.
        ...(shell === "fish" ? [] : [...flagsIn("consumer"), "--help", "--json", "--json-schema"]),
      ],
      "orilla config dlq s": ["show"],
      "orilla completions ": ["bash", "zsh", "fish"],
      "orilla help e": ["environment", "exit-codes"],
      "orilla help dlq r": ["replay"],
    });
    const offered = await complete("orilla ");
    for (const mode of MODES) assert.ok(offered.includes(mode.split(" ")[0] ?? ""), mode);
    for (const word of first(HELP_WORDS)) {
      assert.ok((await complete(`orilla help ${word}`)).includes(word), word);
    }
  });

  test("the flags of every mode, also after orilla config", async (complete) => {
    for (const mode of MODES) {
      const flags = [...flagsIn(mode), "--help"];
      await expectOffered(complete, {
        [`orilla ${mode} --`]: flags,
        [`orilla config ${mode} --`]: [...flags, "--json", "--json-schema"],
      });
    }
    await expectOffered(complete, { "orilla config --unt": ["--until-end"] });
  });

  test("a flag once", async (complete) => {
    await expectOffered(complete, {
      "orilla consumer --topic t --to": [],
      "orilla consumer --topic=t --to": [],
      "orilla consumer --until-end --until": [],
      "orilla consumer --topic t --out": ["--out-dir"],
    });
  });

  test("the values of enumerated options", async (complete) => {
    for (const [key, row] of OPTION_ROWS) {
      const words = wordsOf(row.schema);
      const [mode] = row.modes;
      if (words.length < 2 || row.schema.type === "boolean" || mode === undefined) continue;
      await expectOffered(complete, { [`orilla ${mode} ${flagOf(key)} `]: words });
    }
    await expectOffered(complete, {
      "orilla producer --event-id u": ["uuid"],
      "orilla dlq list --event-id ": ["any"],
      "orilla config dlq export --log-level w": ["warning"],
      "orilla consumer --max-events ": [],
    });
  });

  test("paths of files and folders", async (complete, folder) => {
    await Deno.mkdir(`${folder}/wide`);
    await Deno.writeTextFile(`${folder}/wide.json`, "{}");
    const shown = async (line: string) =>
      new Set((await complete(line)).map((word) => word.replace(/^.*=/, "").replace(/\/$/, "")));
    assert.deepEqual(await shown("orilla consumer --out-dir wi"), new Set(["wide"]));
    assert.deepEqual(
      await shown("orilla consumer --config wi"),
      new Set(["wide", "wide.json"]),
    );
  });
}

Deno.test("there is a mode of two words to complete", () => {
  assert.deepEqual(MODE_GROUPS, ["dlq"]);
});
