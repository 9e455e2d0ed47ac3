/**
 * Follows documents over HTTP, in a browser.
 *
 * `watch` says where each document stands until all have ended.  It listens to one
 * stream of Server-Sent Events; where none comes through it asks again and again,
 * and goes back to streaming as soon as that works.  Events are absolute: what is
 * told twice, late or out of order is told to nobody.
 */

import { attemptOf, isNewer } from "./client/order.js";
import { isFinal } from "./shared/status.js";

/** @typedef {"queued" | "processing" | "completed" | "failed" | "cancelled"} Status */

/**
 * Where a document stands.
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
 * @property {string} [worker]
 */

/**
 * Something about a document that is no progress: that it shows a sign of life, or
 * that it has shown none for a while.
 *
 * @typedef {object} Sign
 * @property {"heartbeat" | "stalled"} type
 * @property {string} document_id
 * @property {string} timestamp
 * @property {number} [silent_seconds] if it is stalled
 */

/**
 * How the documents are followed: `lost` is tried again, `ended` and `refused` are not.
 *
 * @typedef {"connecting" | "streaming" | "polling" | "lost" | "ended" | "refused"} Connection
 */

/**
 * @typedef {object} WatchOptions
 * @property {(event: ProgressEvent) => void} [onChange] a document stands elsewhere
 * @property {(error: Error) => void} [onError] nothing can be heard for now, or at all;
 *   once, until something was heard again
 * @property {(connection: Connection) => void} [onConnection]
 * @property {(sign: Sign) => void} [onSign] only while streaming
 * @property {boolean} [follow] go on when all have ended, for what is tried again
 * @property {string} [url] where the server is, without a slash at the end
 * @property {string} [token] the server's token, for pages that may know it
 * @property {(documentIds: string[]) => string | Promise<string>} [ticket] has a ticket
 *   made, by whoever knows the token; asked again when one has expired
 */

/** The most documents over one connection: their ids have to fit into a URL. */
const MOST = 500;

/** Milliseconds that a stream has to greet in; it is buffered somewhere if it does not. */
const GREETING = 5000;

/** Milliseconds that a browser has to connect again in by itself: it waits up to 4 s. */
const RECONNECTION = 10_000;

/** Milliseconds until a stream is tried again: at first, and at most. */
const RETRY = 4000;
const RETRY_MOST = 60_000;

/** Milliseconds between two questions about a document, and for each of many. */
const PAUSE = 1000;
const PAUSE_EACH = 20;

/** Milliseconds that nobody waits longer than, so that many do not ask at once. */
const SCATTER = 3000;

/** Questions at a time: a browser opens six connections to a server. */
const LANES = 3;

/** Seconds that a server may wait with its answer until there is news. */
const WAIT = 10;

/** Milliseconds that an answer may take beside that. */
const ANSWER = 10_000;

/** Milliseconds of silence after which a stream is compared with what is so. */
const SILENCE = 20_000;

/** Milliseconds that news may take to come by the stream as well. */
const GRACE = 2000;

/** Milliseconds between two looks at the clock, and what tells that the machine slept. */
const TICK = 5000;
const SLEPT = 15_000;

/** Seconds that a ticket is asked for. */
const TICKET = 3600;

/** What no repetition will change. */
class Refusal extends Error {}

/** What comes to pass when tried again; `after` is in milliseconds. */
class Unavailable extends Error {
  /**
   * @param {string} message
   * @param {number} [after]
   */
  constructor(message, after = 0) {
    super(message);
    this.after = after;
  }
}

/** A ticket that is not, or no more, good. */
class Unauthorized extends Error {}

/**
 * Follow documents until all of them have ended, or until it is stopped.
 *
 * @param {string | string[]} documentIds
 * @param {WatchOptions} [options]
 * @returns {() => void} stops, and calls nothing back any more
 * @throws {RangeError} there are more documents than one connection can name
 */
export function watch(documentIds, options = {}) {
  const ids = [...new Set([documentIds].flat())];
  if (ids.length > MOST) {
    throw new RangeError(`${ids.length} documents: watch ${MOST} at most over one connection`);
  }
  const { url = "", follow = false } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const pending = new Set(ids);
  /** @type {Map<string, ProgressEvent>} */
  const known = new Map();
  /** @type {Connection | null} */
  let connection = null;
  let troubled = false;

  /** @type {EventSource | null} */
  let source = null;
  /** @type {AbortController | null} */
  let polling = null;
  /** @type {string | null} */
  let ticket = null;
  let opening = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let patience;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;
  let wait = RETRY;
  let heardAt = Date.now();
  let tickedAt = Date.now();
  let doubting = false;

  const clock = setInterval(tick, TICK);
  addEventListener("online", open, { signal });
  addEventListener("offline", doubt, { signal });
  addEventListener("pageshow", tick, { signal });
  document.addEventListener("visibilitychange", tick, { signal });

  // Nothing is called back before the caller has what stops it.
  queueMicrotask(pending.size ? open : finish);
  return stop;

  function stop() {
    closing.abort();
    clearInterval(clock);
    clearTimeout(retry);
    hangUp();
    polling?.abort();
  }

  function finish() {
    if (signal.aborted) return;
    stop();
    connect("ended");
  }

  /** @param {Error} error */
  function refuse(error) {
    if (signal.aborted) return;
    stop();
    connect("refused");
    call(options.onError, error);
  }

  /** @param {Connection} next */
  function connect(next) {
    if (next === "streaming" || next === "polling") troubled = false;
    if (connection === next) return;
    connection = next;
    call(options.onConnection, next);
  }

  /** @param {Error} error */
  function lose(error) {
    connect("lost");
    if (troubled || signal.aborted) return;
    troubled = true;
    call(options.onError, error);
  }

  /** Listen to a new stream; what is asked meanwhile goes on until it greets. */
  async function open() {
    if (signal.aborted) return;
    clearTimeout(retry);
    hangUp();
    if (connection !== "polling" && connection !== "lost") connect("connecting");
    opening += 1;
    const mine = opening;
    patience = setTimeout(fail, GREETING);
    try {
      const query = await access();
      if (mine !== opening || signal.aborted) return;
      listen(query);
    } catch (error) {
      if (mine !== opening || signal.aborted) return;
      if (error instanceof Refusal) refuse(error);
      else fail();
    }
  }

  /** @param {URLSearchParams} query */
  function listen(query) {
    let path = `${url}/progress/stream`;
    if (ids.length === 1 && !follow) path = `${pathOf(ids[0])}/stream`;
    else for (const id of ids) query.append("document_id", id);
    if (follow) query.set("follow", "true");
    const stream = new EventSource(`${path}?${query}`);
    source = stream;
    stream.onmessage = ({ data }) => {
      const told = read(data);
      if (!told) return;
      if (told.document_id !== undefined) take(/** @type {ProgressEvent} */ (told));
      else if (told.status === "connected") greet();
    };
    for (const type of /** @type {const} */ (["heartbeat", "stalled"])) {
      stream.addEventListener(type, ({ data }) => {
        const told = read(data);
        if (told) call(options.onSign, /** @type {Sign} */ ({ ...told, type }));
      });
    }
    // All have ended, and each end was told before: what is missing has to be asked for.
    stream.addEventListener("end", fail);
    stream.onerror = () => {
      if (stream.readyState === EventSource.CLOSED) {
        fail();
        return;
      }
      if (connection === "streaming") connect("connecting");
      clearTimeout(patience);
      patience = setTimeout(fail, RECONNECTION);
    };
  }

  /**
   * @param {string} data
   * @returns {Record<string, any> | null}
   */
  function read(data) {
    heardAt = Date.now();
    try {
      return JSON.parse(data);
    } catch {
      fail(); // this is no stream of ours
      return null;
    }
  }

  function greet() {
    clearTimeout(patience);
    wait = RETRY;
    polling?.abort();
    polling = null;
    connect("streaming");
  }

  /** No stream comes through: ask instead, and try it again later. */
  function fail() {
    if (signal.aborted) return;
    hangUp();
    if (connection === "streaming") connect("connecting");
    ticket = null; // it may have expired
    clearTimeout(retry);
    retry = setTimeout(open, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, RETRY_MOST);
    poll();
  }

  function hangUp() {
    opening += 1;
    clearTimeout(patience);
    source?.close();
    source = null;
  }

  async function poll() {
    if (polling) return;
    const mine = new AbortController();
    polling = mine;
    let renewed = false;
    while (!mine.signal.aborted) {
      let pause = Math.max(PAUSE, asked().length * PAUSE_EACH);
      try {
        await askAll(mine.signal);
        renewed = false;
      } catch (thrown) {
        if (mine.signal.aborted) return;
        const error = /** @type {Error} */ (thrown);
        if (error instanceof Unauthorized && ticket !== null && !renewed) {
          ticket = null;
          renewed = true;
        } else if (error instanceof Refusal || error instanceof Unauthorized) {
          refuse(error);
          return;
        } else {
          lose(error);
          // Not all at once where a server comes back.
          pause += Math.random() * SCATTER;
          if (error instanceof Unavailable) pause = Math.max(pause, error.after);
        }
      }
      await delay(pause, mine.signal);
    }
  }

  /** What may still change. */
  function asked() {
    return follow ? ids : [...pending];
  }

  /**
   * Ask about every document that may still change.
   *
   * @param {AbortSignal} asking
   */
  async function askAll(asking) {
    const query = await access();
    const waiting = [...asked()];
    // A few can be waited for; more would keep the others waiting.
    const seconds = connection === "polling" && waiting.length <= LANES ? WAIT : 0;
    const lane = async () => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        const event = await ask(id, query, seconds, asking);
        if (asking.aborted) return;
        const back = connection === "lost";
        connect("polling");
        if (event) take(event);
        if (back) {
          wait = RETRY;
          open();
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  /**
   * @param {string} id
   * @param {URLSearchParams} access
   * @param {number} seconds
   * @param {AbortSignal} asking
   * @returns {Promise<ProgressEvent | null>} null: nobody knows of it, yet
   */
  async function ask(id, access, seconds, asking) {
    const query = new URLSearchParams(access);
    const since = known.get(id)?.id;
    if (seconds) query.set("wait", String(seconds));
    if (seconds && since) query.set("since", since);
    const path = `${pathOf(id)}/status?${query}`;
    const answer = await request(path, { cache: "no-store" }, seconds * 1000, asking);
    if (answer.status === 404) return null;
    const { error_message: _, ...event } = await answer.json();
    return event;
  }

  /** What goes into a query so that it is answered. */
  async function access() {
    if (ticket === null) {
      if (options.ticket) ticket = await options.ticket(ids);
      else if (options.token !== undefined) {
        ticket = await makeTicket(options.token);
      }
    }
    return new URLSearchParams(ticket === null ? {} : { ticket });
  }

  /** @param {string} token */
  async function makeTicket(token) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ documents: ids, seconds: TICKET });
    try {
      const init = { method: "POST", headers, body };
      const answer = await request(`${url}/tickets`, init, 0, signal);
      if (!answer.ok) throw new Refusal("there is no server of docprogress at this address");
      return /** @type {string} */ ((await answer.json()).ticket);
    } catch (error) {
      // Another ticket can be had, but no other token.
      throw error instanceof Unauthorized ? new Refusal(error.message) : error;
    }
  }

  /** @param {string} id */
  function pathOf(id) {
    return `${url}/progress/documents/${encodeURIComponent(id)}`;
  }

  /** @param {ProgressEvent} event */
  function take(event) {
    const id = event.document_id;
    const before = known.get(id);
    if (!ids.includes(id) || !isNewer(event, before)) return;
    const told = before && !isFinal(before.status) && attemptOf(before) === attemptOf(event)
      ? { ...event, progress: Math.max(event.progress, before.progress) }
      : event;
    known.set(id, told);
    if (isFinal(told.status)) pending.delete(id);
    else pending.add(id);
    call(options.onChange, told);
    if (!pending.size && !follow) finish();
  }

  function tick() {
    const now = Date.now();
    const slept = now - tickedAt > SLEPT;
    tickedAt = now;
    if (slept) open();
    else if (now - heardAt > SILENCE) doubt();
  }

  /** Ask whether what the stream told last is so still: a line can be dead in silence. */
  async function doubt() {
    if (doubting || connection !== "streaming") return;
    doubting = true;
    const mine = opening;
    const [id] = pending.size ? pending : ids;
    try {
      const event = await ask(id, await access(), 0, signal);
      heardAt = Date.now();
      // Others have their turn next time.
      if (pending.delete(id)) pending.add(id);
      if (event && isNewer(event, known.get(id))) {
        await delay(GRACE, signal);
        if (mine === opening && isNewer(event, known.get(id))) fail();
      }
    } catch {
      // Polling finds out why, and says so.
      if (mine === opening) fail();
    } finally {
      doubting = false;
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
      // The fault of whoever is told is not to keep others from being told.
      reportError(error);
    }
  }
}

/**
 * Ask a server.
 *
 * @param {string} url
 * @param {RequestInit} init
 * @param {number} milliseconds that it may take longer than others
 * @param {AbortSignal} signal
 * @returns {Promise<Response>} a good answer, or that there is no such thing
 */
async function request(url, init, milliseconds, signal) {
  const late = AbortSignal.timeout(ANSWER + milliseconds);
  let answer;
  try {
    answer = await fetch(url, { ...init, signal: AbortSignal.any([signal, late]) });
  } catch (error) {
    throw new Unavailable(`the server cannot be reached (${/** @type {Error} */ (error).message})`);
  }
  if (answer.ok || answer.status === 404) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  const message = detail ?? `the server answered ${answer.status}`;
  if (answer.status === 401) throw new Unauthorized(message);
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) {
    throw new Unavailable(message, 1000 * Number(answer.headers.get("Retry-After") ?? 0) || 0);
  }
  throw new Refusal(message);
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function delay(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
