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

// src/document-progress.js
var MOST = 500;
var GREETING = 5e3;
var RECONNECTION = 1e4;
var RETRY = 4e3;
var RETRY_MOST = 6e4;
var PAUSE = 1e3;
var PAUSE_EACH = 20;
var SCATTER = 3e3;
var LANES = 3;
var WAIT = 10;
var ANSWER = 1e4;
var SILENCE = 2e4;
var GRACE = 2e3;
var TICK = 5e3;
var SLEPT = 15e3;
var TICKET = 3600;
var Refusal = class extends Error {
};
var Unavailable = class extends Error {
  /**
   * @param {string} message
   * @param {number} [after]
   */
  constructor(message, after = 0) {
    super(message);
    this.after = after;
  }
};
var Unauthorized = class extends Error {
};
function watch(documentIds, options = {}) {
  const ids = [...new Set([documentIds].flat())];
  if (ids.length > MOST) {
    throw new RangeError(`${ids.length} documents: watch ${MOST} at most over one connection`);
  }
  const { url = "", follow = false } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const pending = new Set(ids);
  const known = /* @__PURE__ */ new Map();
  let connection = null;
  let troubled = false;
  let source = null;
  let polling = null;
  let ticket = null;
  let opening = 0;
  let patience;
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
  function refuse(error) {
    if (signal.aborted) return;
    stop();
    connect("refused");
    call(options.onError, error);
  }
  function connect(next) {
    if (next === "streaming" || next === "polling") troubled = false;
    if (connection === next) return;
    connection = next;
    call(options.onConnection, next);
  }
  function lose(error) {
    connect("lost");
    if (troubled || signal.aborted) return;
    troubled = true;
    call(options.onError, error);
  }
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
      if (told.document_id !== void 0) take(
        /** @type {ProgressEvent} */
        told
      );
      else if (told.status === "connected") greet();
    };
    for (
      const type of
      /** @type {const} */
      ["heartbeat", "stalled"]
    ) {
      stream.addEventListener(type, ({ data }) => {
        const told = read(data);
        if (told) call(
          options.onSign,
          /** @type {Sign} */
          { ...told, type }
        );
      });
    }
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
  function read(data) {
    heardAt = Date.now();
    try {
      return JSON.parse(data);
    } catch {
      fail();
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
  function fail() {
    if (signal.aborted) return;
    hangUp();
    if (connection === "streaming") connect("connecting");
    ticket = null;
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
        const error = (
          /** @type {Error} */
          thrown
        );
        if (error instanceof Unauthorized && ticket !== null && !renewed) {
          ticket = null;
          renewed = true;
        } else if (error instanceof Refusal || error instanceof Unauthorized) {
          refuse(error);
          return;
        } else {
          lose(error);
          pause += Math.random() * SCATTER;
          if (error instanceof Unavailable) pause = Math.max(pause, error.after);
        }
      }
      await delay(pause, mine.signal);
    }
  }
  function asked() {
    return follow ? ids : [...pending];
  }
  async function askAll(asking) {
    const query = await access();
    const waiting = [...asked()];
    const seconds = connection === "polling" && waiting.length <= LANES ? WAIT : 0;
    const lane = async () => {
      for (let id = waiting.shift(); id !== void 0; id = waiting.shift()) {
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
  async function ask(id, access2, seconds, asking) {
    const query = new URLSearchParams(access2);
    const since = known.get(id)?.id;
    if (seconds) query.set("wait", String(seconds));
    if (seconds && since) query.set("since", since);
    const path = `${pathOf(id)}/status?${query}`;
    const answer = await request(path, { cache: "no-store" }, seconds * 1e3, asking);
    if (answer.status === 404) return null;
    const { error_message: _, ...event } = await answer.json();
    return event;
  }
  async function access() {
    if (ticket === null) {
      if (options.ticket) ticket = await options.ticket(ids);
      else if (options.token !== void 0) {
        ticket = await makeTicket(options.token);
      }
    }
    return new URLSearchParams(ticket === null ? {} : { ticket });
  }
  async function makeTicket(token) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ documents: ids, seconds: TICKET });
    try {
      const init = { method: "POST", headers, body };
      const answer = await request(`${url}/tickets`, init, 0, signal);
      if (!answer.ok) throw new Refusal("there is no server of docprogress at this address");
      return (
        /** @type {string} */
        (await answer.json()).ticket
      );
    } catch (error) {
      throw error instanceof Unauthorized ? new Refusal(error.message) : error;
    }
  }
  function pathOf(id) {
    return `${url}/progress/documents/${encodeURIComponent(id)}`;
  }
  function take(event) {
    const id = event.document_id;
    const before = known.get(id);
    if (!ids.includes(id) || !isNewer(event, before)) return;
    const told = before && !isFinal(before.status) && attemptOf(before) === attemptOf(event) ? { ...event, progress: Math.max(event.progress, before.progress) } : event;
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
  async function doubt() {
    if (doubting || connection !== "streaming") return;
    doubting = true;
    const mine = opening;
    const [id] = pending.size ? pending : ids;
    try {
      const event = await ask(id, await access(), 0, signal);
      heardAt = Date.now();
      if (pending.delete(id)) pending.add(id);
      if (event && isNewer(event, known.get(id))) {
        await delay(GRACE, signal);
        if (mine === opening && isNewer(event, known.get(id))) fail();
      }
    } catch {
      if (mine === opening) fail();
    } finally {
      doubting = false;
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
async function request(url, init, milliseconds, signal) {
  const late = AbortSignal.timeout(ANSWER + milliseconds);
  let answer;
  try {
    answer = await fetch(url, { ...init, signal: AbortSignal.any([signal, late]) });
  } catch (error) {
    throw new Unavailable(`the server cannot be reached (${/** @type {Error} */
    error.message})`);
  }
  if (answer.ok || answer.status === 404) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  const message = detail ?? `the server answered ${answer.status}`;
  if (answer.status === 401) throw new Unauthorized(message);
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) {
    throw new Unavailable(message, 1e3 * Number(answer.headers.get("Retry-After") ?? 0) || 0);
  }
  throw new Refusal(message);
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
export {
  watch
};
