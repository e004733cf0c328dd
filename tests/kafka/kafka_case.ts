import { runScriptSync } from "./script.ts";

const external = Deno.env.get("KAFKA_TEST_BOOTSTRAP_SERVERS");
const isCi = Deno.env.get("CI") === "true";

/** Why tests against a real broker cannot run here, in one line; null where they can. */
export const kafkaLeftOut: string | null = external ? null : whyNoBroker();

/** What a test against a real broker may ask for. */
export interface KafkaTestOptions {
  /** It starts its own broker with settings, or kills it: not for KAFKA_TEST_BOOTSTRAP_SERVERS. */
  readonly needsOwnBroker?: boolean;
  /** Whether the test fails where it leaves operations behind; default false, since kafkajs leaves timers. */
  readonly sanitizeOps?: boolean;
  /** As `sanitizeOps`, for timers and open files. */
  readonly sanitizeResources?: boolean;
}

/**
 * Registers a test against a real broker. Where it cannot run it is ignored, and the reason is said once;
 * with CI=true it fails instead.
 */
export function kafkaTest(
  name: string,
  fn: (context: Deno.TestContext) => void | Promise<void>,
  { needsOwnBroker = false, sanitizeOps = false, sanitizeResources = false }: KafkaTestOptions = {},
): void {
  const notOurs = external && needsOwnBroker
    ? "KAFKA_TEST_BOOTSTRAP_SERVERS names a broker that tests must not change"
    : null;
  const reason = kafkaLeftOut ?? notOurs;
  if (reason === null) {
    Deno.test({ name, fn, sanitizeOps, sanitizeResources });
  } else if (isCi) {
    Deno.test(name, () => {
      throw new Error(`In CI the Kafka tests must run: ${reason}`);
    });
  } else {
    sayOnce(`Kafka tests left out: ${reason}`);
    Deno.test({ name, fn, ignore: true });
  }
}

function whyNoBroker(): string | null {
  try {
    runScriptSync("kafka-broker.sh", ["check"]);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Each test file is a module graph of its own, so what was said is remembered in the environment. */
function sayOnce(line: string): void {
  if (Deno.env.get("ORILLA_KAFKA_LEFT_OUT") === line) return;
  Deno.env.set("ORILLA_KAFKA_LEFT_OUT", line);
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}
