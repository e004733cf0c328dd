/** What orilla says of itself: it needs neither lake nor broker, and runs without the sandbox. */
export const SELF_COMMANDS = {
  config: "print what a mode would run with, and where each value comes from",
  completions: "print what bash, zsh or fish need to complete command lines",
  help: "explain a mode or a topic",
} as const;

/** The switches of `orilla config`; it takes the flags of the mode that is asked for, too. */
export const CONFIG_SWITCHES = {
  "--json": "Print it as JSON, for machines",
  "--json-schema": "Print the JSON Schema (2020-12) of configuration files instead",
} as const;

/** What `orilla help` explains beside modes and commands. */
export const TOPICS = {
  options: "every option, with the modes that have it",
  configuration: "the configuration file, and which source goes before which",
  environment: "every environment name",
  "exit-codes": "what the exit code says",
  files: "what lies in OUT_DIR",
  metrics: "every metric family of metrics.txt",
} as const;
export type Topic = keyof typeof TOPICS;

export function isTopic(text: string): text is Topic {
  return Object.hasOwn(TOPICS, text);
}

/** The shells that completions are made for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];
