const HEARTBEAT_PUMP_MS = 500;

/** Sends heartbeats while a handler runs; kafkajs itself sends them only between handlers. */
export function heartbeatPump(
  heartbeat: () => Promise<void>,
): Disposable & { readonly error: unknown } {
  let error: unknown = null;
  const timer = setInterval(() => {
    heartbeat().catch((cause) => error ??= cause);
  }, HEARTBEAT_PUMP_MS);
  return {
    get error() {
      return error;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
