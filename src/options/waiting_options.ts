import { type Mode, option, WRITERS } from "./option.ts";
import { integer } from "./option_parsers.ts";

/** Modes with operations that are tried again. */
const RETRYING: readonly Mode[] = ["simulate", "producer", "consumer", "dlq replay"];

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
    modes: RETRYING,
    unit: "ms",
    meaning: "How long a full disk, a lost broker or checkpoint server is waited for before exit 1",
  }),
  retryAttempts: option(integer(1, 1_000_000), {
    default: "1000",
    modes: RETRYING,
    unit: "tries",
    meaning: "The most tries of an operation within that time; 1 is no second try",
  }),
  retryBaseMs: option(integer(1, 600_000), {
    default: "100",
    modes: RETRYING,
    unit: "ms",
    meaning: "Wait before the second try; it doubles with each further one",
  }),
  retryCapMs: option(integer(1, 600_000), {
    default: "10000",
    modes: RETRYING,
    unit: "ms",
    meaning: "The longest wait between two tries",
  }),
} as const;
