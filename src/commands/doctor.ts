import { type Check, tally } from "../core/check.ts";
import { counted } from "../core/count_text.ts";
import { operatingError } from "../core/errors.ts";
import type { CommandContext } from "./context.ts";
import { examineKafka } from "./doctor_kafka.ts";
import { examineLake } from "./doctor_lake.ts";
import { Examination } from "./examination.ts";
import { jsonText } from "./json.ts";

/**
 * Looks at everything that a consumer depends on, and prints what was found. Writes nothing but a small file in
 * OUT_DIR that it removes (and in a bucket one that stays), and runs beside a consumer.
 *
 * @throws OrillaError with exit code 1 where a check failed, or with --strict gave a warning, or a signal came first
 */
export async function diagnose(context: CommandContext): Promise<void> {
  const { config: { json, strict, checkTimeoutMs }, reporter, stop, version } = context;
  const examination = new Examination({
    limitMs: checkTimeoutMs,
    stop,
    onCheck: (check) => {
      if (!json) reporter.print(checkText(check));
    },
  });
  await examineLake(context, examination);
  await examineKafka(context, examination);
  const { checks } = examination;
  const counts = tally(checks);
  const isHealthy = counts.failure === 0 && !(strict && counts.warning > 0) && !stop.aborted;
  reporter.print(
    json
      ? jsonText({ isHealthy, version, counts, checks: checks.map(jsonOf) })
      : `\n  ${countsText(checks)}\n`,
  );
  if (!isHealthy) throw operatingError(`${countsText(checks)}; see what was printed`);
}

/** The lines for people are left out: facts say the same. */
function jsonOf({ name, state, text, advice, facts }: Check) {
  return { name, state, text, advice, facts };
}

const NAME_WIDTH = 10, STATE_WIDTH = 7;

/** A check for people: its line, further ones, and what to do. */
export function checkText({ name, state, text, advice, lines }: Check): string {
  const indent = " ".repeat(4 + STATE_WIDTH + NAME_WIDTH + 2);
  return [
    `  ${state.padEnd(STATE_WIDTH)}  ${name.padEnd(NAME_WIDTH)}  ${text}`,
    ...lines.map((line) => `${indent}${line}`),
    ...(advice === null ? [] : [`${indent}→ ${advice}`]),
    "",
  ].join("\n");
}

function countsText(checks: readonly Check[]): string {
  const { ok, warning, failure, skipped } = tally(checks);
  return [
    `${ok} ok`,
    counted(warning, "warning"),
    counted(failure, "failure"),
    ...(skipped === 0 ? [] : [`${skipped} skipped`]),
  ].join(", ");
}
