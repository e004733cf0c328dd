/** What V8 gives a thread with its flag --expose-gc, which deno.json's tasks and the executable have. */
interface Collecting {
  readonly gc?: (options: { readonly type: "minor" }) => void;
}

/**
 * Collects what a thread made of late and needs no more; does nothing without --expose-gc. V8 itself waits until
 * tens of megabytes of array buffers have piled up in a thread that makes little else.
 */
export function collectYoung(thread: Collecting = globalThis as Collecting): void {
  thread.gc?.({ type: "minor" });
}
