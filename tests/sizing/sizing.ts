import { parseArgs } from "node:util";
import { say } from "../bench/report.ts";
import { MEASURED, STORES } from "./measured.ts";
import { sizingText, WANTED } from "./sizing_text.ts";

/**
 * README's tables of "Sizing" for other numbers: `deno task sizing rate=250000 recordBytes=900`. The names are those of
 * `Wanted` and `Measured` in load.ts.
 */
function inputOf(args: readonly string[]) {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  const given = Object.fromEntries(positionals.map((text) => {
    const [name = "", number = ""] = text.split("="), value = Number(number.replaceAll("_", ""));
    if ((Object.hasOwn(WANTED, name) || Object.hasOwn(MEASURED, name)) && value >= 0) {
      return [name, value];
    }
    const names = Object.keys({ ...WANTED, ...MEASURED }).join(", ");
    throw new Error(`Cannot read "${text}": expected NAME=NUMBER, the name one of ${names}`);
  }));
  const of = <T extends object>(defaults: T): T => ({
    ...defaults,
    ...Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(defaults, name))),
  });
  return { wanted: of(WANTED), measured: of(MEASURED), stores: STORES };
}

say(sizingText(inputOf(Deno.args)));
