import type { Sources } from "../src/configure.ts";

/** What a test gives a mode to be configured by: flags by option key, environment names, files by their path. */
export function givenSources(
  { flags = {}, environment = {}, files = {} }: {
    readonly flags?: Readonly<Record<string, string>>;
    readonly environment?: Readonly<Record<string, string>>;
    readonly files?: Readonly<Record<string, string>>;
  },
): Sources {
  return {
    flags: new Map(Object.entries(flags)),
    environment: (name) => environment[name],
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`The test gives no file ${path}`);
      return text;
    },
  };
}
