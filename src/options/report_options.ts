import { option } from "./option.ts";
import { maybe, textParser } from "./option_parsers.ts";

/** Readers of the lake pass over names that begin with an underscore. */
const REPORT_FILE = "_report.html";

const FILE_NAME = "^[A-Za-z0-9_][A-Za-z0-9_.\\-]{0,200}\\.html$";

const fileName = textParser(
  "a file name without folders that ends in .html",
  (text) => new RegExp(FILE_NAME).test(text) ? text : undefined,
  { type: "string", pattern: FILE_NAME },
);

/** Where a report goes. */
export const reportOptions = {
  reportOut: option(maybe("-", fileName), {
    default: REPORT_FILE,
    modes: ["report"],
    flag: "--out",
    environment: "REPORT_OUT",
    meaning: "File of the report in OUT_DIR, the one folder that orilla writes to; - is stdout",
  }),
} as const;
