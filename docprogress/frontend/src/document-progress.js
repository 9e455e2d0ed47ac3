/**
 * Follow documents over HTTP, in a browser.
 *
 * `watch` reports the state of each document until all have ended. It listens to one
 * stream of Server-Sent Events. Where no stream comes through it polls, and returns to
 * streaming as soon as that works. Events are absolute: repeated, late and reordered
 * ones are dropped.
 */

import { attemptOf, isNewer } from "./client/order.js";
import { createPolling } from "./client/polling.js";
import { delay, Refused, request } from "./client/request.js";
import { createStream } from "./client/stream.js";
import { createTickets } from "./client/tickets.js";
import { isFinal } from "./shared/status.js";

/** @typedef {"queued" | "processing" | "completed" | "failed" | "cancelled"} Status */

/**
 * The state of a document.
 *
 * @typedef {object} ProgressEvent
 * @property {string} document_id
 * @property {Status} status
 * @property {string} step
 * @property {number} progress 0–100, of the whole document
 * @property {string} message for a person
 * @property {string} timestamp ISO 8601, UTC
 * @property {string} [error] for a person; only when failed
 * @property {string} [id] `attempt-number`
 * @property {string} [run_id]
 * @property {string} [case_id]
 * @property {string} [name]
 * @property {number} [attempt]
 * @property {number} [current] counted inside of the step
 * @property {number} [total]
 * @property {string} [unit]
 * @property {number} [ocr_current] recognised pages of this step
 * @property {number} [ocr_total]
 * @property {number | null} [size] bytes
 * @property {number | null} [work] in pages of text, once it is known
 * @property {number | null} [ocr_pages] recognised pages in all, once they are known
 * @property {string} [waiting_until] when a queued document may go on, in ISO 8601
 * @property {string} [worker]
 * @property {string} [parent_id] the document that contains this one
 */

/**
 * A sign of life of a document that makes no progress, or the lack of one.
 *
 * @typedef {object} Sign
 * @property {"heartbeat" | "stalled"} type
 * @property {string} document_id
 * @property {string} timestamp
 * @property {number} [silent_seconds] if it is stalled
 */

/**
 * How the documents are followed. `lost` is retried; `ended` and `refused` are final.
 *
 * @typedef {"connecting" | "streaming" | "polling" | "lost" | "ended" | "refused"} Connection
 */

/**
 * @typedef {object} WatchOptions
 * @property {(event: ProgressEvent) => void} [onChange] called with each new state
 * @property {(error: Error) => void} [onError] called once when the server cannot be
 *   reached, or refuses, until it answers again
 * @property {(connection: Connection) => void} [onConnection]
 * @property {(sign: Sign) => void} [onSign] called while streaming only
 * @property {boolean} [follow] keep following when all documents have ended, because they
 *   may be retried
 * @property {string} [url] where the server is, without a slash at the end
 * @property {string} [token] the server's token, for pages that may know it
 * @property {(documentIds: string[]) => string | Promise<string>} [ticket] obtains a
 *   ticket from whoever knows the token; called again when a ticket has expired
 */

/** The most documents of one connection: their ids have to fit into a URL. */
const MAX_DOCUMENTS = 500;

/** Milliseconds until the next attempt at a stream; doubled each time, up to a limit. */
const FIRST_RETRY = 4000;
const LONGEST_RETRY = 60_000;

/** Seconds that the server may wait with a status until there is a new one. */
const LONG_POLL = 10;

/** Milliseconds of silence after which a stream is compared with a document's status. */
const SILENCE = 20_000;

/** Milliseconds for an event to arrive by the stream that the status shows already. */
const GRACE = 2000;

/** Milliseconds between two checks, and the gap that shows that the machine slept. */
const CHECK_INTERVAL = 5000;
const SLEEP = 15_000;

/**
 * Follow documents until all of them have ended, or until it is stopped.
 *
 * @param {string | string[]} documentIds
 * @param {WatchOptions} [options]
 * @returns {() => void} stops; no callback is called any more
 * @throws {RangeError} if there are more documents than one connection can name
 */
export function watch(documentIds, options = {}) {
  const ids = [...new Set([documentIds].flat())];
  if (ids.length > MAX_DOCUMENTS) {
    throw new RangeError(
      `${ids.length} documents: watch ${MAX_DOCUMENTS} at most over one connection`,
    );
  }
  const { url = "", follow = false, token, ticket: makeTicket } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const pending = new Set(ids);
  /** @type {Map<string, ProgressEvent>} */
  const known = new Map();
  /** @type {Connection | null} */
  let connection = null;
  let errorReported = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retryTimer;
  let retryDelay = FIRST_RETRY;
  let lastActivity = Date.now();
  let lastCheck = Date.now();
  let verifying = false;

  const tickets = createTickets({ url, ids, token, makeTicket, signal });
  const stream = createStream({
    query: tickets.query,
    address: streamAddress,
    onGreeting: streamOpened,
    onEvent: apply,
    onSign: (sign) => call(options.onSign, sign),
    onActivity() {
      lastActivity = Date.now();
    },
    onInterrupted: reconnecting,
    onFail: streamFailed,
  });
  const polling = createPolling({
    documentIds: () => (follow ? ids : [...pending]),
    fetchStatus(id, query, polled, few) {
      // A few can be waited for; more would keep the others waiting.
      return fetchStatus(id, query, connection === "polling" && few ? LONG_POLL : 0, polled);
    },
    tickets,
    onStatus: statusReceived,
    onLost: lose,
    onRefused: refuse,
  });

  const clock = setInterval(check, CHECK_INTERVAL);
  addEventListener("online", openStream, { signal });
  addEventListener("offline", verify, { signal });
  addEventListener("pageshow", check, { signal });
  document.addEventListener("visibilitychange", check, { signal });

  // No callback is called before the caller has the function that stops it.
  queueMicrotask(pending.size ? openStream : finish);
  return stop;

  function stop() {
    closing.abort();
    clearInterval(clock);
    clearTimeout(retryTimer);
    stream.close();
    polling.stop();
  }

  function finish() {
    if (signal.aborted) return;
    stop();
    setConnection("ended");
  }

  /** @param {Error} error */
  function refuse(error) {
    if (signal.aborted) return;
    stop();
    setConnection("refused");
    call(options.onError, error);
  }

  /** @param {Error} error */
  function lose(error) {
    setConnection("lost");
    if (errorReported || signal.aborted) return;
    errorReported = true;
    call(options.onError, error);
  }

  /** @param {Connection} next */
  function setConnection(next) {
    if (next === "streaming" || next === "polling") errorReported = false;
    if (connection === next) return;
    connection = next;
    call(options.onConnection, next);
  }

  /** Open a new stream. Polling goes on until it greets. */
  function openStream() {
    if (signal.aborted) return;
    clearTimeout(retryTimer);
    stream.close();
    if (connection !== "polling" && connection !== "lost") setConnection("connecting");
    stream.open();
  }

  /** @param {URLSearchParams} query */
  function streamAddress(query) {
    let path = `${url}/progress/stream`;
    if (ids.length === 1 && !follow) path = `${documentPath(ids[0])}/stream`;
    else for (const id of ids) query.append("document_id", id);
    if (follow) query.set("follow", "true");
    return `${path}?${query}`;
  }

  function streamOpened() {
    retryDelay = FIRST_RETRY;
    polling.stop();
    setConnection("streaming");
  }

  function reconnecting() {
    if (connection === "streaming") setConnection("connecting");
  }

  /**
   * Poll instead, and try a stream again later.
   *
   * @param {Error} [error]
   */
  function streamFailed(error) {
    if (signal.aborted) return;
    if (error instanceof Refused) {
      refuse(error);
      return;
    }
    stream.close();
    reconnecting();
    tickets.discard(); // it may have expired
    clearTimeout(retryTimer);
    retryTimer = setTimeout(openStream, retryDelay * (0.75 + Math.random() / 2));
    retryDelay = Math.min(retryDelay * 2, LONGEST_RETRY);
    polling.start();
  }

  /** @param {ProgressEvent | null} event null if the server does not know the document */
  function statusReceived(event) {
    const back = connection === "lost";
    setConnection("polling");
    if (event) apply(event);
    if (back) {
      retryDelay = FIRST_RETRY;
      openStream();
    }
  }

  /**
   * @param {string} id
   * @param {URLSearchParams} authorization
   * @param {number} seconds that the server may wait
   * @param {AbortSignal} requested
   * @returns {Promise<ProgressEvent | null>} null if the server does not know it yet
   */
  async function fetchStatus(id, authorization, seconds, requested) {
    const query = new URLSearchParams(authorization);
    const since = known.get(id)?.id;
    if (seconds) query.set("wait", String(seconds));
    if (seconds && since) query.set("since", since);
    const path = `${documentPath(id)}/status?${query}`;
    const response = await request(path, { cache: "no-store" }, seconds * 1000, requested);
    if (response.status === 404) return null;
    const { error_message: _, ...event } = await response.json();
    return event;
  }

  /** @param {string} id */
  function documentPath(id) {
    return `${url}/progress/documents/${encodeURIComponent(id)}`;
  }

  /** @param {ProgressEvent} event */
  function apply(event) {
    const id = event.document_id;
    const before = known.get(id);
    if (!ids.includes(id) || !isNewer(event, before)) return;
    const sameAttempt =
      before && !isFinal(before.status) && attemptOf(before) === attemptOf(event);
    const state = sameAttempt
      ? { ...event, progress: Math.max(event.progress, before.progress) }
      : event;
    known.set(id, state);
    if (isFinal(state.status)) pending.delete(id);
    else pending.add(id);
    call(options.onChange, state);
    if (!pending.size && !follow) finish();
  }

  function check() {
    const now = Date.now();
    const slept = now - lastCheck > SLEEP;
    lastCheck = now;
    if (slept) openStream();
    else if (now - lastActivity > SILENCE) verify();
  }

  /** Compare the stream with the status of a document: a connection can die silently. */
  async function verify() {
    if (verifying || connection !== "streaming") return;
    verifying = true;
    const { generation } = stream;
    const [id] = pending.size ? pending : ids;
    try {
      const event = await fetchStatus(id, await tickets.query(), 0, signal);
      lastActivity = Date.now();
      // Another document is compared next time.
      if (pending.delete(id)) pending.add(id);
      if (event && isNewer(event, known.get(id))) {
        await delay(GRACE, signal);
        if (generation === stream.generation && isNewer(event, known.get(id))) streamFailed();
      }
    } catch {
      // Polling finds the reason, and reports it.
      if (generation === stream.generation) streamFailed();
    } finally {
      verifying = false;
    }
  }

  /**
   * @template T
   * @param {((value: T) => void) | undefined} callback
   * @param {T} value
   */
  function call(callback, value) {
    try {
      callback?.(value);
    } catch (error) {
      // An error of one callback must not keep others from being called.
      reportError(error);
    }
  }
}
