import type { SelfCommand } from "../cli.ts";
import { jsonText } from "../commands/json.ts";
import { completions } from "./completions.ts";
import { configSchema } from "./config_schema.ts";
import { effectiveJson, effectiveTable } from "./effective_config.ts";
import { helpText } from "./help.ts";

/** What orilla answers to a question about itself. */
export function answer(command: SelfCommand, version: string): string {
  switch (command.kind) {
    case "help":
      return helpText(command.topic, version);
    case "version":
      return `orilla ${version}\n`;
    case "completions":
      return completions(command.shell);
    case "config":
      return (command.isJson ? effectiveJson : effectiveTable)(command.configuration);
    case "schema":
      return jsonText(configSchema());
    default:
      return command satisfies never;
  }
}
