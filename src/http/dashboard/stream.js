/**
 * Server-sent events read with fetch, which, unlike EventSource, can bring a token. It connects again for as
 * long as the page is open.
 */

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 5_000;
/** The server sends something each second. */
const SILENT_MS = 6_000;

/** Splits a stream of text into events: `{ name, data }` for each that is whole. */
export class EventParser {
  #rest = "";

  /** @returns the events that a further piece of text completes */
  push(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const name = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      return name === undefined || data === undefined ? [] : [{ name, data: JSON.parse(data) }];
    });
  }
}

/**
 * Reads `/events` for ever.
 *
 * @param token tells the token of now, null where there is none
 * @param onEvent told of each event
 * @param onState told `live`, `disconnected`, or `token` where the server asks for one (another one)
 * @returns what connects anew, at once
 */
export function follow({ token, onEvent, onState }) {
  let current = new AbortController();
  const restart = () => current.abort();
  const run = async () => {
    for (let waitMs = FIRST_WAIT_MS;; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      current = new AbortController();
      const { signal } = current;
      const state = await readOnce({ token: token(), onEvent, onState, abort: current });
      if (state === "ended") waitMs = FIRST_WAIT_MS;
      onState(state === "token" ? "token" : "disconnected");
      await waitUnlessRestarted(state === "token" ? Infinity : waitMs, signal);
    }
  };
  run();
  return restart;
}

/** @returns `ended` after a stream that began, `failed` where none did, `token` where a token is asked for */
async function readOnce({ token, onEvent, onState, abort }) {
  let watchdog = setTimeout(() => abort.abort(), SILENT_MS);
  let state = "failed";
  try {
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
    const response = await fetch("/events", { headers, signal: abort.signal });
    if (response.status === 401) return "token";
    if (!response.ok || response.body === null) return state;
    state = "ended";
    const parser = new EventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return state;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENT_MS);
      onState("live");
      for (const event of parser.push(value)) onEvent(event);
    }
  } catch (error) {
    // Refused, cut off, silent for too long, or restarted: whichever it was, the next try will tell.
    if (error instanceof TypeError || error.name === "AbortError") return state;
    throw error;
  } finally {
    clearTimeout(watchdog);
  }
}

function waitUnlessRestarted(ms, signal) {
  if (signal.aborted) return wait(ms === Infinity ? 0 : Math.min(ms, FIRST_WAIT_MS));
  return new Promise((resolve) => {
    if (ms !== Infinity) setTimeout(resolve, ms);
    signal.addEventListener("abort", resolve, { once: true });
  });
}

function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
