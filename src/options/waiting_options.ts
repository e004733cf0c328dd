import { option, WRITERS } from "./option.ts";
import { integer } from "./option_parsers.ts";

/** How long what fails outside, or a signal, is waited for. */
export const waitingOptions = {
  shutdownTimeoutMs: option(integer(0, 3_600_000), {
    default: "20000",
    modes: WRITERS,
    unit: "ms",
    meaning: "How long a signal waits for the buffered records to be committed",
  }),
  retryBudgetMs: option(integer(0, 86_400_000), {
    default: "300000",
    modes: ["simulate", "producer", "consumer", "dlq replay"],
    unit: "ms",
    meaning: "How long a full disk or a lost broker is waited for before exit 1",
  }),
} as const;
