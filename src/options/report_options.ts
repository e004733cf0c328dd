import { option } from "./option.ts";
import { textParser } from "./option_parsers.ts";

/** Readers of the lake pass over names that begin with an underscore. */
const REPORT_FILE = "_report.html";

/** A file of OUT_DIR; null is stdout. */
function output(text: string): string | null | undefined {
  if (text === "-") return null;
  return /^\w[\w.-]{0,200}\.html$/.test(text) ? text : undefined;
}

/** Where a report goes. */
export const reportOptions = {
  reportOut: option(
    textParser("a file name without folders that ends in .html, or - for stdout", output),
    {
      default: REPORT_FILE,
      modes: ["report"],
      flag: "--out",
      environment: "REPORT_OUT",
      meaning: "File of the report in OUT_DIR, the one folder that orilla writes to",
    },
  ),
} as const;
