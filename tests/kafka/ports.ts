/** Ports of this machine that nothing else uses, for as long as the block is held. */
export interface PortBlock extends Disposable {
  /** The first port: a multiple of 10. */
  readonly first: number;
}

/** Ports are taken ten at a time, as kafka-broker.sh wants them; the last of ten is never a broker's. */
const TEN = 10;
/** Below the ports that the kernel gives to outgoing connections, usually 32768 and up. */
const LOWEST = 20_000, HIGHEST = 32_000;
const MAX_ATTEMPTS = 200;

/**
 * Takes free ports on 127.0.0.1. The last of each ten is listened on until the block is disposed, so two
 * test processes never take the same ones.
 *
 * @param tens how many blocks of ten, one after the other
 * @throws Error where no free block was found
 */
export function takePortBlock(tens = 1): PortBlock {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const first = LOWEST + TEN * Math.floor(Math.random() * ((HIGHEST - LOWEST) / TEN - tens));
    const held = holdBlock(first, tens);
    if (held !== null) return { first, [Symbol.dispose]: () => close(held) };
  }
  throw new Error(`No ${tens * TEN} free ports in a row between ${LOWEST} and ${HIGHEST}`);
}

/**
 * Whether nothing answers on that port of 127.0.0.1. It is asked by connecting: for a minute after a
 * broker's end its old connections would still refuse a listener.
 */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return true;
    throw error;
  }
}

/** The listeners that hold the block, null where it is not free. */
function holdBlock(first: number, tens: number): Deno.Listener[] | null {
  const held: Deno.Listener[] = [];
  for (let port = first; port < first + tens * TEN; port++) {
    const listener = listen(port);
    if (listener === null) {
      close(held);
      return null;
    }
    if (port % TEN === TEN - 1) held.push(listener);
    else listener.close();
  }
  return held;
}

function listen(port: number): Deno.Listener | null {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return null;
    throw error;
  }
}

function close(listeners: readonly Deno.Listener[]): void {
  for (const listener of listeners) listener.close();
}
