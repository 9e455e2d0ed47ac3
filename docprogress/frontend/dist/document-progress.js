/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

// src/shared/status.js
function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}

// src/client/order.js
function isNewer(event, known) {
  if (!known) return true;
  const attempt = attemptOf(event);
  const knownAttempt = attemptOf(known);
  const later = Date.parse(event.timestamp) > Date.parse(known.timestamp);
  if (attempt !== null && knownAttempt !== null && attempt !== knownAttempt) {
    return attempt > knownAttempt;
  }
  if (isFinal(known.status)) {
    return (attempt === null || knownAttempt === null) && !isFinal(event.status) && later;
  }
  if (event.id !== void 0 && known.id !== void 0) {
    return sequenceOf(event.id) > sequenceOf(known.id) || later;
  }
  return event.timestamp !== known.timestamp || event.message !== known.message;
}
function attemptOf({ id, attempt }) {
  return id === void 0 ? attempt ?? null : Number(id.split("-")[0]);
}
function sequenceOf(id) {
  return BigInt(id.split("-")[1]);
}

// src/client/request.js
var TIMEOUT = 1e4;
var Refused = class extends Error {
};
var Unavailable = class extends Error {
  /**
   * @param {string} message
   * @param {number} [retryAfter] milliseconds
   */
  constructor(message, retryAfter = 0) {
    super(message);
    this.retryAfter = retryAfter;
  }
};
var Unauthorized = class extends Error {
};
async function request(url, init, milliseconds, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT + milliseconds);
  let response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    throw new Unavailable(`the server cannot be reached (${/** @type {Error} */
    error.message})`);
  }
  if (response.ok || response.status === 404) return response;
  const { detail } = await response.json().catch(() => ({}));
  const message = detail ?? `the server answered ${response.status}`;
  if (response.status === 401) throw new Unauthorized(message);
  if (response.status === 408 || response.status === 429 || response.status >= 500) {
    const seconds = Number(response.headers.get("Retry-After") ?? 0) || 0;
    throw new Unavailable(message, 1e3 * seconds);
  }
  throw new Refused(message);
}
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

// src/client/polling.js
var INTERVAL = 1e3;
var INTERVAL_EACH = 20;
var JITTER = 3e3;
var CONCURRENCY = 3;
function createPolling({ documentIds, fetchStatus, tickets, onStatus, onLost, onRefused }) {
  let active = null;
  async function pollAll(signal) {
    const query = await tickets.query();
    const waiting = [...documentIds()];
    const few = waiting.length <= CONCURRENCY;
    const pollSome = async () => {
      for (let id = waiting.shift(); id !== void 0; id = waiting.shift()) {
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
      const { signal } = active = new AbortController();
      let renewed = false;
      while (!signal.aborted) {
        let pause = Math.max(INTERVAL, documentIds().length * INTERVAL_EACH);
        try {
          await pollAll(signal);
          renewed = false;
        } catch (thrown) {
          if (signal.aborted) return;
          const error = (
            /** @type {Error} */
            thrown
          );
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
    }
  };
}

// src/client/stream.js
var GREETING_TIMEOUT = 5e3;
var RECONNECT_TIMEOUT = 1e4;
function createStream(options) {
  let source = null;
  let timer;
  function connect(address) {
    const opened = new EventSource(address);
    source = opened;
    opened.onmessage = ({ data }) => {
      const message = parse(data);
      if (!message) return;
      if (message.document_id !== void 0) {
        options.onEvent(
          /** @type {ProgressEvent} */
          message
        );
      } else if (message.status === "connected") {
        clearTimeout(timer);
        options.onGreeting();
      }
    };
    for (
      const type of
      /** @type {const} */
      ["heartbeat", "stalled"]
    ) {
      opened.addEventListener(type, ({ data }) => {
        const message = parse(data);
        if (message) options.onSign(
          /** @type {Sign} */
          { ...message, type }
        );
      });
    }
    opened.addEventListener("end", () => options.onFail());
    opened.onerror = () => {
      if (opened.readyState === EventSource.CLOSED) {
        options.onFail();
        return;
      }
      options.onInterrupted();
      clearTimeout(timer);
      timer = setTimeout(options.onFail, RECONNECT_TIMEOUT);
    };
  }
  function parse(data) {
    options.onActivity();
    try {
      return JSON.parse(data);
    } catch {
      options.onFail();
      return null;
    }
  }
  const stream = {
    /** Changes whenever the stream is opened or closed. */
    generation: 0,
    async open() {
      stream.close();
      const { generation } = stream;
      timer = setTimeout(options.onFail, GREETING_TIMEOUT);
      try {
        const query = await options.query();
        if (generation === stream.generation) connect(options.address(query));
      } catch (error) {
        if (generation === stream.generation) options.onFail(
          /** @type {Error} */
          error
        );
      }
    },
    close() {
      stream.generation += 1;
      clearTimeout(timer);
      source?.close();
      source = null;
    }
  };
  return stream;
}

// src/client/tickets.js
var LIFETIME = 3600;
function createTickets({ url, ids, token, makeTicket, signal }) {
  let ticket = null;
  async function requestTicket(token2) {
    const headers = { Authorization: `Bearer ${token2}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ documents: ids, seconds: LIFETIME });
    try {
      const init = { method: "POST", headers, body };
      const response = await request(`${url}/tickets`, init, 0, signal);
      if (!response.ok) throw new Refused("there is no server of docprogress at this address");
      return (
        /** @type {string} */
        (await response.json()).ticket
      );
    } catch (error) {
      throw error instanceof Unauthorized ? new Refused(error.message) : error;
    }
  }
  return {
    get exists() {
      return ticket !== null;
    },
    discard() {
      ticket = null;
    },
    /** The query that authorizes a request. */
    async query() {
      if (ticket === null) {
        if (makeTicket) ticket = await makeTicket(ids);
        else if (token !== void 0) ticket = await requestTicket(token);
      }
      return new URLSearchParams(ticket === null ? {} : { ticket });
    }
  };
}

// src/document-progress.js
var MAX_DOCUMENTS = 500;
var FIRST_RETRY = 4e3;
var LONGEST_RETRY = 6e4;
var LONG_POLL = 10;
var SILENCE = 2e4;
var GRACE = 2e3;
var CHECK_INTERVAL = 5e3;
var SLEEP = 15e3;
function watch(documentIds, options = {}) {
  const ids = [...new Set([documentIds].flat())];
  if (ids.length > MAX_DOCUMENTS) {
    throw new RangeError(
      `${ids.length} documents: watch ${MAX_DOCUMENTS} at most over one connection`
    );
  }
  const { url = "", follow = false, token, ticket: makeTicket } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const pending = new Set(ids);
  const known = /* @__PURE__ */ new Map();
  let connection = null;
  let errorReported = false;
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
    onFail: streamFailed
  });
  const polling = createPolling({
    documentIds: () => follow ? ids : [...pending],
    fetchStatus(id, query, polled, few) {
      return fetchStatus(id, query, connection === "polling" && few ? LONG_POLL : 0, polled);
    },
    tickets,
    onStatus: statusReceived,
    onLost: lose,
    onRefused: refuse
  });
  const clock = setInterval(check, CHECK_INTERVAL);
  addEventListener("online", openStream, { signal });
  addEventListener("offline", verify, { signal });
  addEventListener("pageshow", check, { signal });
  document.addEventListener("visibilitychange", check, { signal });
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
  function refuse(error) {
    if (signal.aborted) return;
    stop();
    setConnection("refused");
    call(options.onError, error);
  }
  function lose(error) {
    setConnection("lost");
    if (errorReported || signal.aborted) return;
    errorReported = true;
    call(options.onError, error);
  }
  function setConnection(next) {
    if (next === "streaming" || next === "polling") errorReported = false;
    if (connection === next) return;
    connection = next;
    call(options.onConnection, next);
  }
  function openStream() {
    if (signal.aborted) return;
    clearTimeout(retryTimer);
    stream.close();
    if (connection !== "polling" && connection !== "lost") setConnection("connecting");
    stream.open();
  }
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
  function streamFailed(error) {
    if (signal.aborted) return;
    if (error instanceof Refused) {
      refuse(error);
      return;
    }
    stream.close();
    reconnecting();
    tickets.discard();
    clearTimeout(retryTimer);
    retryTimer = setTimeout(openStream, retryDelay * (0.75 + Math.random() / 2));
    retryDelay = Math.min(retryDelay * 2, LONGEST_RETRY);
    polling.start();
  }
  function statusReceived(event) {
    const back = connection === "lost";
    setConnection("polling");
    if (event) apply(event);
    if (back) {
      retryDelay = FIRST_RETRY;
      openStream();
    }
  }
  async function fetchStatus(id, authorization, seconds, requested) {
    const query = new URLSearchParams(authorization);
    const since = known.get(id)?.id;
    if (seconds) query.set("wait", String(seconds));
    if (seconds && since) query.set("since", since);
    const path = `${documentPath(id)}/status?${query}`;
    const response = await request(path, { cache: "no-store" }, seconds * 1e3, requested);
    if (response.status === 404) return null;
    const { error_message: _, ...event } = await response.json();
    return event;
  }
  function documentPath(id) {
    return `${url}/progress/documents/${encodeURIComponent(id)}`;
  }
  function apply(event) {
    const id = event.document_id;
    const before = known.get(id);
    if (!ids.includes(id) || !isNewer(event, before)) return;
    const sameAttempt = before && !isFinal(before.status) && attemptOf(before) === attemptOf(event);
    const state = sameAttempt ? { ...event, progress: Math.max(event.progress, before.progress) } : event;
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
  async function verify() {
    if (verifying || connection !== "streaming") return;
    verifying = true;
    const { generation } = stream;
    const [id] = pending.size ? pending : ids;
    try {
      const event = await fetchStatus(id, await tickets.query(), 0, signal);
      lastActivity = Date.now();
      if (pending.delete(id)) pending.add(id);
      if (event && isNewer(event, known.get(id))) {
        await delay(GRACE, signal);
        if (generation === stream.generation && isNewer(event, known.get(id))) streamFailed();
      }
    } catch {
      if (generation === stream.generation) streamFailed();
    } finally {
      verifying = false;
    }
  }
  function call(callback, value) {
    try {
      callback?.(value);
    } catch (error) {
      reportError(error);
    }
  }
}
export {
  watch
};
