/** Request the status of each document again and again. */

import { delay, Refused, Unauthorized, Unavailable } from "./request.js";

/** @typedef {import("../document-progress.js").ProgressEvent} ProgressEvent */
/** @typedef {ReturnType<typeof import("./tickets.js").createTickets>} Tickets */

/** Milliseconds between two rounds, and for each of many documents. */
const INTERVAL = 1000;
const INTERVAL_EACH = 20;

/** The most random milliseconds after an error, so that clients do not return at once. */
const JITTER = 3000;

/** Requests at a time: a browser opens six connections to a server. */
const CONCURRENCY = 3;

/**
 * @param {object} options
 * @param {() => string[]} options.documentIds those that may still change
 * @param {(id: string, query: URLSearchParams, signal: AbortSignal, few: boolean) => Promise<ProgressEvent | null>} options.fetchStatus
 * @param {Tickets} options.tickets
 * @param {(event: ProgressEvent | null) => void} options.onStatus
 * @param {(error: Error) => void} options.onLost
 * @param {(error: Error) => void} options.onRefused
 */
export function createPolling({ documentIds, fetchStatus, tickets, onStatus, onLost, onRefused }) {
  /** @type {AbortController | null} */
  let active = null;

  /** @param {AbortSignal} signal */
  async function pollAll(signal) {
    const query = await tickets.query();
    const waiting = [...documentIds()];
    const few = waiting.length <= CONCURRENCY;
    const pollSome = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const event = await fetchStatus(id, query, signal, few);
        if (signal.aborted) return;
        onStatus(event);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, pollSome));
  }

  return {
    async start() {
      if (active) return;
      const { signal } = (active = new AbortController());
      let renewed = false;
      while (!signal.aborted) {
        let pause = Math.max(INTERVAL, documentIds().length * INTERVAL_EACH);
        try {
          await pollAll(signal);
          renewed = false;
        } catch (thrown) {
          if (signal.aborted) return;
          const error = /** @type {Error} */ (thrown);
          if (error instanceof Unauthorized && tickets.exists && !renewed) {
            tickets.discard();
            renewed = true;
          } else if (error instanceof Refused || error instanceof Unauthorized) {
            onRefused(error);
            return;
          } else {
            onLost(error);
            pause += Math.random() * JITTER;
            if (error instanceof Unavailable) pause = Math.max(pause, error.retryAfter);
          }
        }
        await delay(pause, signal);
      }
    },
    stop() {
      active?.abort();
      active = null;
    },
  };
}
