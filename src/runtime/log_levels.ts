/** How log lines look: `json` for machines, `text` for people; `auto` is text on a terminal. */
export const LOG_FORMATS = ["auto", "json", "text"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
