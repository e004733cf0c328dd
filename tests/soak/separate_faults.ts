import type { Random } from "../../src/simulation/random.ts";
import type { Broker } from "../kafka/broker.ts";
import type { Cast } from "./cast.ts";

/** Who something can happen to. */
export interface Stage {
  readonly cast: Cast;
  readonly broker: Broker;
  readonly random: Random;
  /** The consumers' session timeout. */
  readonly sessionMs: number;
}

/**
 * Lets something happen to consumers with a checkpoint each, or to the broker; says what. One that runs alone
 * may be killed; several come and go in good order, or sleep past their eviction. What may stand twice then
 * are the commits that `sleptOver` names, and nothing else (README, Guarantees).
 */
export async function separateFault(stage: Stage): Promise<string> {
  const { cast, random } = stage;
  if (cast.runningCount === 0) await cast.join();
  const join = () => cast.join(), kill = () => cast.kill();
  const actions = [
    ...(cast.runningCount === 1 ? [kill, kill, join] : [() => cast.leave(), () => cast.sleep()]),
    ...(cast.isComplete ? [] : [join]),
    () => killBroker(stage),
    () => pauseBroker(stage),
  ];
  return await (actions[Math.floor(random() * actions.length)] ?? kill)();
}

async function killBroker({ broker, cast }: Stage): Promise<string> {
  const fromMs = Date.now();
  await broker.kill();
  await broker.restart();
  cast.noteCutOff(fromMs);
  return cast.note("broker killed");
}

async function pauseBroker({ broker, cast, sessionMs }: Stage): Promise<string> {
  const isAlone = cast.runningCount === 1;
  const fromMs = Date.now();
  broker.pause();
  const pauseMs = isAlone ? sessionMs * 1.5 : sessionMs / 4;
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
  await broker.resume();
  cast.noteCutOff(fromMs);
  return cast.note(isAlone ? "broker paused past the session" : "broker paused");
}
