import type { Random } from "../../src/simulation/random.ts";
import type { StoreServer } from "../stores/store_server.ts";
import type { Cast } from "./cast.ts";

/** A share of the kills has something else beside it. */
const OTHER_RATIO = 0.25;
const MAX_AWAY_MS = 8_000;

/**
 * Kills consumers at random until a moment of Date.now(), one each `everyMs`; from time to time another one
 * sleeps past its eviction, or leaves and comes back some seconds later.
 */
export async function sharedFaults(
  { cast, random }: { readonly cast: Cast; readonly random: Random },
  { everyMs, endMs }: { readonly everyMs: number; readonly endMs: number },
): Promise<void> {
  let other: Promise<void> | null = null;
  for (let atMs = Date.now() + everyMs; atMs < endMs; atMs += everyMs) {
    await until(atMs);
    await cast.kill();
    if (other !== null) continue;
    // One that ended by itself is the verdict's business; the others are not to be fewer for it.
    while (!cast.isComplete) await cast.join();
    if (random() >= OTHER_RATIO) continue;
    const isSleep = random() < 0.5, awayMs = random() * MAX_AWAY_MS;
    other = (isSleep ? sleep(cast) : leaveAndJoin(cast, awayMs)).finally(() => other = null);
  }
  await other;
}

/** Kills the store's server again and again, and starts it at once: what it acknowledged must be there. */
export async function storeFaults(
  { cast, server }: { readonly cast: Cast; readonly server: StoreServer },
  { everyMs, endMs }: { readonly everyMs: number; readonly endMs: number },
): Promise<void> {
  for (let atMs = Date.now() + everyMs; atMs < endMs; atMs += everyMs) {
    await until(atMs);
    await server.kill();
    await server.restart();
    cast.note("store killed");
  }
}

async function sleep(cast: Cast): Promise<void> {
  await cast.sleep();
}

async function leaveAndJoin(cast: Cast, awayMs: number): Promise<void> {
  await cast.leave();
  await until(Date.now() + awayMs);
  await cast.join();
}

function until(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms - Date.now())));
}
