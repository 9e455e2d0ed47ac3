/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

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
var FINAL = /* @__PURE__ */ new Set(["completed", "failed", "cancelled"]);
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
  const { url = "", follow: follow2 = false } = options;
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
  function connect(next2) {
    if (next2 === "streaming" || next2 === "polling") troubled = false;
    if (connection === next2) return;
    connection = next2;
    call(options.onConnection, next2);
  }
  function lose2(error) {
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
      const query = await access2();
      if (mine !== opening || signal.aborted) return;
      listen2(query);
    } catch (error) {
      if (mine !== opening || signal.aborted) return;
      if (error instanceof Refusal) refuse(error);
      else fail();
    }
  }
  function listen2(query) {
    let path = `${url}/progress/stream`;
    if (ids.length === 1 && !follow2) path = `${pathOf(ids[0])}/stream`;
    else for (const id of ids) query.append("document_id", id);
    if (follow2) query.set("follow", "true");
    const stream = new EventSource(`${path}?${query}`);
    source = stream;
    stream.onmessage = ({ data }) => {
      const told = read(data);
      if (!told) return;
      if (told.document_id !== void 0) take2(
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
          lose2(error);
          pause += Math.random() * SCATTER;
          if (error instanceof Unavailable) pause = Math.max(pause, error.after);
        }
      }
      await delay(pause, mine.signal);
    }
  }
  function asked() {
    return follow2 ? ids : [...pending];
  }
  async function askAll(asking) {
    const query = await access2();
    const waiting = [...asked()];
    const seconds = connection === "polling" && waiting.length <= LANES ? WAIT : 0;
    const lane = async () => {
      for (let id = waiting.shift(); id !== void 0; id = waiting.shift()) {
        const event = await ask2(id, query, seconds, asking);
        if (asking.aborted) return;
        const back = connection === "lost";
        connect("polling");
        if (event) take2(event);
        if (back) {
          wait = RETRY;
          open();
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }
  async function ask2(id, access3, seconds, asking) {
    const query = new URLSearchParams(access3);
    const since = known.get(id)?.id;
    if (seconds) query.set("wait", String(seconds));
    if (seconds && since) query.set("since", since);
    const path = `${pathOf(id)}/status?${query}`;
    const answer = await request(path, { cache: "no-store" }, seconds * 1e3, asking);
    if (answer.status === 404) return null;
    const { error_message: _, ...event } = await answer.json();
    return event;
  }
  async function access2() {
    if (ticket === null) {
      if (options.ticket) ticket = await options.ticket(ids);
      else if (options.token !== void 0) {
        ticket = await makeTicket(options.token);
      }
    }
    return new URLSearchParams(ticket === null ? {} : { ticket });
  }
  async function makeTicket(token2) {
    const headers = { Authorization: `Bearer ${token2}`, "Content-Type": "application/json" };
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
  function take2(event) {
    const id = event.document_id;
    const before = known.get(id);
    if (!ids.includes(id) || !isNews(event, before)) return;
    const told = before && !FINAL.has(before.status) && attemptOf(before) === attemptOf(event) ? { ...event, progress: Math.max(event.progress, before.progress) } : event;
    known.set(id, told);
    if (FINAL.has(told.status)) pending.delete(id);
    else pending.add(id);
    call(options.onChange, told);
    if (!pending.size && !follow2) finish();
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
      const event = await ask2(id, await access2(), 0, signal);
      heardAt = Date.now();
      if (pending.delete(id)) pending.add(id);
      if (event && isNews(event, known.get(id))) {
        await delay(GRACE, signal);
        if (mine === opening && isNews(event, known.get(id))) fail();
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
  const { detail: detail2 } = await answer.json().catch(() => ({}));
  const message = detail2 ?? `the server answered ${answer.status}`;
  if (answer.status === 401) throw new Unauthorized(message);
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) {
    throw new Unavailable(message, 1e3 * Number(answer.headers.get("Retry-After") ?? 0) || 0);
  }
  throw new Refusal(message);
}
function isNews(event, known) {
  if (!known) return true;
  const attempt = attemptOf(event);
  const before = attemptOf(known);
  const later = Date.parse(event.timestamp) > Date.parse(known.timestamp);
  if (attempt !== null && before !== null && attempt !== before) return attempt > before;
  if (FINAL.has(known.status)) {
    return (attempt === null || before === null) && !FINAL.has(event.status) && later;
  }
  if (event.id !== void 0 && known.id !== void 0) {
    return numberOf(event.id) > numberOf(known.id) || later;
  }
  return event.timestamp !== known.timestamp || event.message !== known.message;
}
function attemptOf({ id, attempt }) {
  return id === void 0 ? attempt ?? null : Number(id.split("-")[0]);
}
function numberOf(id) {
  return BigInt(id.split("-")[1]);
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

// src/progress-view/shares.js
function sharesOfWork(documents) {
  const work2 = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  let total = 0;
  for (const { status, progress } of documents) {
    work2[status] += status === "completed" ? 100 : progress;
    total += 100;
  }
  const done = Object.values(work2).reduce((sum, each) => sum + each, 0);
  const shares = { ...work2 };
  for (
    const status of
    /** @type {Status[]} */
    Object.keys(work2)
  ) {
    shares[status] = total ? work2[status] / total : 0;
  }
  return { fraction: total ? done / total : 0, shares };
}
function sharesByState({ counts, shares, stalled }) {
  const { processing, ...rest } = shares;
  const allStalled = stalled > 0 && stalled >= counts.processing;
  return { ...rest, [allStalled ? "stalled" : "processing"]: processing };
}

// src/shared/dom.js
var CLASS_PREFIX = "dp-";
function createElement(tag, classNames = "", ...children) {
  const element = document.createElement(tag);
  for (const name of classNames.split(" ").filter(Boolean)) toggleClass(element, name, true);
  element.append(...children);
  return element;
}
function createButton(label, signal, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  toggleClass(button, "button", true);
  button.textContent = label;
  suppressShortcuts(button);
  button.addEventListener("click", () => onClick(), { signal });
  return button;
}
function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}
function suppressShortcuts(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
}
function setText(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}
function setScrollableText(element, text) {
  if (setText(element, text)) {
    element.tabIndex = element.scrollHeight > element.clientHeight ? 0 : -1;
  }
}
function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}
function setAttribute(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}
function toggleClass(element, name, present) {
  const className = `${CLASS_PREFIX}${name}`;
  if (element.classList.contains(className) !== present) {
    element.classList.toggle(className, present);
  }
}
function setStyle(element, property, value) {
  if (element.style.getPropertyValue(property) !== value) {
    element.style.setProperty(property, value);
  }
}
function setHidden(element, hidden) {
  if (element.hidden === hidden) return;
  const focused = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (focused) element.closest(".docprogress")?.focus();
}
function setProgress(bar, percent, text) {
  setAttribute(bar, "aria-valuenow", Math.floor(clamp(percent, 0, 100)));
  setAttribute(bar, "aria-valuetext", text);
}
function rounded(value) {
  return Number(value.toFixed(2));
}
function clamp(value, minimum, maximum) {
  return Math.max(minimum, Math.min(value, maximum));
}

// src/shared/text.js
var MAX_TITLE = 6e3;
var MAX_CELL = 300;
var NAME_TAIL = 9;
function singleLine(text) {
  return replaceInvisible(text.slice(0, MAX_TITLE)).replace(/\s+/gu, " ").trim();
}
function replaceInvisible(text) {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "�").replace(/[^\P{Cc}\t\n\v\f\r]|\p{Cs}/gu, "�");
}
function truncate(text, length) {
  if (text.length <= length) return text;
  return `${text.slice(0, length).replace(/[\ud800-\udbff]$/, "").trimEnd()}…`;
}
function setName(element, name) {
  if (element.title === name) return;
  element.title = name;
  const splits = name.length > 2 * NAME_TAIL && /^[\x20-\x7e]+$/.test(name);
  const parts = splits ? [name.slice(0, MAX_CELL - NAME_TAIL).slice(0, -NAME_TAIL), name.slice(-NAME_TAIL)] : [truncate(name, MAX_CELL)];
  const spans = parts.map((part) => createElement("span", "", part));
  for (const span of spans) span.dir = "auto";
  element.replaceChildren(...spans);
}

// src/progress-view/status.js
var STATES = ["failed", "stalled", "processing", "queued", "cancelled", "completed"];
function stateOf(row) {
  return row.status === "processing" && row.stalled ? "stalled" : row.status;
}
function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}
function isRetryable(status) {
  return status === "failed" || status === "cancelled";
}
function nameOf(row) {
  return singleLine(row.name) || "(no name)";
}
function percentOf({ progress, status }) {
  return `${status === "completed" ? 100 : Math.floor(clamp(progress, 0, 99.9))} %`;
}
function runState({ counts, finished, stalled }) {
  if (!finished) {
    if (stalled && stalled >= counts.processing) return "stalled";
    return counts.processing || counts.completed ? "processing" : "queued";
  }
  if (counts.failed) return "failed";
  return counts.cancelled ? "cancelled" : "completed";
}

// src/progress-view/actions.js
var SLOW_ANSWER = 3e3;
var NOTICE_DURATION = 8e3;
function createActions({ store, sender, isLost, onAction, onChange }) {
  const pending = /* @__PURE__ */ new Map();
  let retried = /* @__PURE__ */ new Map();
  let timer = 0;
  function notify(text, bad = false, milliseconds = NOTICE_DURATION) {
    clearTimeout(timer);
    actions.notice = { text, bad };
    retried = /* @__PURE__ */ new Map();
    if (Number.isFinite(milliseconds)) {
      timer = Number(setTimeout(() => notify("", false, Infinity), milliseconds));
    }
    onChange();
  }
  function retryTargets(ids) {
    const targets = /* @__PURE__ */ new Map();
    for (const { index, id, status, attempt } of store.rows.values()) {
      if (isRetryable(status) && (ids === null || ids.includes(id))) {
        targets.set(id, { index, attempt, started: false });
      }
    }
    return targets;
  }
  function updateTarget(target) {
    const row = store.rows.get(target.index);
    if (!row) return;
    const newAttempt = (row.attempt ?? 0) > (target.attempt ?? 0);
    if (newAttempt || !isFinal(row.status)) target.started = true;
  }
  function hasEnded({ index, started }) {
    const row = store.rows.get(index);
    return !row || started && isFinal(row.status);
  }
  const actions = {
    /** @type {Notice} */
    notice: { text: "", bad: false },
    /**
     * @param {Action} action
     * @param {string[] | null} ids all documents if null
     */
    request(action, ids) {
      const request2 = onAction?.(action, ids) ?? -1;
      if (request2 < 0) {
        notify(`the ${sender} cannot be reached: nothing was done`, true);
        return;
      }
      const label = action === "cancel" ? "cancelling" : "retrying";
      const slow = setTimeout(() => {
        const gone = isLost() ? " or gone" : "";
        notify(`${label}: waiting for the ${sender}, which is busy${gone}`, false, Infinity);
      }, SLOW_ANSWER);
      const targets = action === "retry" ? retryTargets(ids) : /* @__PURE__ */ new Map();
      pending.set(request2, { timer: Number(slow), targets });
      notify(`${label} …`, false, Infinity);
    },
    /** @param {ActionResult} result */
    showResult({ request: request2, ok, text }) {
      const found = pending.get(request2);
      if (!found) return;
      clearTimeout(found.timer);
      pending.delete(request2);
      notify(text, !ok);
      if (ok) retried = found.targets;
      actions.rowsChanged();
    },
    /** Hide the notice of a retry when all its documents have ended again. */
    rowsChanged() {
      for (const { targets } of pending.values()) targets.forEach(updateTarget);
      if (!retried.size) return;
      retried.forEach(updateTarget);
      if ([...retried.values()].every(hasEnded)) notify("", false, Infinity);
    },
    close() {
      clearTimeout(timer);
      for (const each of pending.values()) clearTimeout(each.timer);
      pending.clear();
    }
  };
  return actions;
}

// src/progress-view/arrangement.js
var VISIBLE_ROWS = 14;
function arrange(sorted, filter, query) {
  const fits = sorted.length <= VISIBLE_ROWS;
  const groups = STATES.map(() => []);
  for (const row of sorted) {
    const state = stateOf(row);
    if (filter !== "all" && state !== filter && row.status !== filter) continue;
    if (query && !row.name.toLocaleLowerCase().includes(query)) continue;
    groups[fits && state !== "failed" ? 1 : STATES.indexOf(state)].push(row);
  }
  return groups.flat();
}

// src/shared/icons.js
var STATE_PATHS = {
  queued: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2Z",
  processing: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm0 1.5a5 5 0 1 1 0 10A5 5 0 0 1 8 3Zm0 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  stalled: "M8 1.2c.35 0 .66.19.83.5l6.2 11.4a.95.95 0 0 1-.83 1.4H1.8a.95.95 0 0 1-.83-1.4L7.17 1.7c.17-.31.48-.5.83-.5ZM7.2 5.6l.2 4.4h1.2l.2-4.4Zm.8 5.3a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z",
  completed: "M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Zm3.1 3.9 1.1 1-4.9 5.5-3-2.8 1-1.1 1.9 1.7Z",
  failed: "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2ZM5.7 4.6 4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9Z",
  cancelled: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM4.9 7.25h6.2v1.5H4.9Z"
};
var CLOSE_PATH = "M3.7 2.6 8 6.9l4.3-4.3 1.1 1.1L9.1 8l4.3 4.3-1.1 1.1L8 9.1l-4.3 4.3-1.1-1.1L6.9 8 2.6 3.7Z";
function createSvg(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill-rule", "evenodd");
  svg.append(shape);
  return svg;
}
function createIcon(state = "queued") {
  const icon = createElement("span", "icon", createSvg(STATE_PATHS[state]));
  icon.dataset.state = state;
  return icon;
}
function setIcon(icon, state) {
  if (icon.dataset.state === state) return;
  icon.dataset.state = state;
  icon.querySelector("path")?.setAttribute("d", STATE_PATHS[state]);
}

// src/shared/format.js
var NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
function formatNumber(value) {
  return NUMBERS.format(value);
}
function plural(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}
function percentage(fraction) {
  return fraction >= 1 ? 100 : Math.max(0, Math.min(Math.floor(fraction * 100 + 1e-9), 99));
}
function stopwatch(seconds) {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${twoDigits(minutes)}:${twoDigits(whole % 60)}` : `${minutes}:${twoDigits(whole % 60)}`;
}
function duration(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const units = [
    [86400, "d", 3600, "h"],
    [3600, "h", 60, "min"],
    [60, "min", 1, "s"]
  ];
  for (const [unit, name, smaller, smallName] of units) {
    if (whole < unit) continue;
    const rest = Math.floor(whole % unit / smaller);
    const count = `${Math.floor(whole / unit)} ${name}`;
    return rest ? `${count} ${rest} ${smallName}` : count;
  }
  return `${whole} s`;
}
function remaining(seconds) {
  if (seconds === null) return "time left unknown";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  const shown = minutes >= 10 ? Math.round(minutes / 5) * 5 : Math.max(minutes, 1);
  return `about ${duration(shown * 60)} left`;
}
function rate(perSecond, noun) {
  let value = perSecond;
  let unit = "s";
  for (const longer of ["min", "h"]) {
    if (value >= 0.95) break;
    value *= 60;
    unit = longer;
  }
  return `${value >= 9.95 ? formatNumber(value) : value.toFixed(1)} ${noun}/${unit}`;
}
function timeOfDay(time) {
  if (!Number.isFinite(time)) return "an unknown time";
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}
function twoDigits(number) {
  return String(number).padStart(2, "0");
}

// src/progress-view/details-sections.js
function createTimeline({ steps }) {
  if (steps.every((step) => step.seconds === null)) return [];
  const total = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0) || 1;
  let start = 0;
  return steps.map((step) => {
    const seconds = step.seconds ?? 0;
    const span = createElement("div", "span");
    span.hidden = !seconds;
    span.style.marginInlineStart = `${rounded(start / total * 100)}%`;
    span.style.width = `${rounded(seconds / total * 100)}%`;
    start += seconds;
    const facts = step.seconds === null ? [] : [duration(step.seconds)];
    if (step.pages) facts.push(plural(step.pages, "page"));
    if (step.attempt && step.attempt > 1) facts.push(`attempt ${step.attempt}`);
    return createElement(
      "div",
      "timed",
      createElement("span", "step", singleLine(step.name)),
      createElement("div", "lane", span),
      createElement("span", "took", facts.join(" · "))
    );
  });
}
function createHistoryTable({ history: history2 }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["time", "attempt", "state", "step", "%", "message"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const event of [...history2].reverse()) {
    const row = body.insertRow();
    row.dataset.state = event.status;
    for (const text of [
      timeOfDay(Date.parse(event.timestamp)),
      event.attempt === null ? "" : String(event.attempt),
      event.status,
      truncate(singleLine(event.step), 60),
      String(Math.floor(event.progress))
    ]) {
      row.insertCell().textContent = text;
    }
    const message = row.insertCell();
    message.dir = "auto";
    message.textContent = truncate(singleLine(event.error || event.message), 1e3);
  }
  return table;
}

// src/progress-view/row-text.js
function detailOf(row, now) {
  const state = stateOf(row);
  const message = messageOf(row);
  if (state === "stalled") {
    const silent = Math.max(now - (row.silentSince ?? now), 0) / 1e3;
    const since = row.silentSince === void 0 ? "" : ` for ${stopwatch(silent)}`;
    return `stalled${since}${message ? `, after “${message}”` : ""}`;
  }
  if (state === "failed") return message || "no reason was given";
  const lowerCase = message.toLocaleLowerCase();
  if (lowerCase !== state && lowerCase !== row.step.toLocaleLowerCase()) return message;
  if (state === "processing" && row.current !== null && row.total) {
    return `${singleLine(row.unit ?? "")} ${row.current} of ${row.total}`.trim();
  }
  return "";
}
function messageOf(row) {
  let text = singleLine(row.status === "failed" && row.error || row.message || "");
  for (const prefix of [`${singleLine(row.name)}:`, `${row.status}:`]) {
    const start = text.slice(0, prefix.length).toLocaleLowerCase();
    if (start === prefix.toLocaleLowerCase()) text = text.slice(prefix.length).trimStart();
  }
  return text;
}
function attemptOf2({ attempt, attempts, status }) {
  if (attempt === null || attempt <= 1 || status === "completed") return "";
  return attempts ? `${attempt} of ${attempts}` : String(attempt);
}
function timeOf(row, now) {
  if (row.status === "queued" || row.elapsed === null) return "";
  const seconds = secondsOf(row, now);
  return isFinal(row.status) && seconds < 59.95 ? duration(seconds) : stopwatch(seconds);
}
function secondsOf(row, now) {
  if (row.status !== "processing" || row.startedAt === void 0) return row.elapsed ?? 0;
  return Math.max(now - row.startedAt, 0) / 1e3;
}
function factsOf(row, now) {
  const facts = [row.status, percentOf(row)];
  if (row.step) facts.push(truncate(singleLine(row.step), MAX_CELL));
  if (row.attempt !== null) {
    facts.push(
      row.attempts ? `attempt ${row.attempt} of ${row.attempts}` : `attempt ${row.attempt}`
    );
  }
  if (row.elapsed !== null) facts.push(duration(secondsOf(row, now)));
  for (const text of [row.worker, row.id]) {
    if (text) facts.push(truncate(singleLine(text), MAX_CELL));
  }
  return facts;
}

// src/progress-view/details-panel.js
var SLOW_ANSWER2 = 3e3;
var REQUEST_INTERVAL = 1e3;
function createDetailsPanel({ signal, onAction, onDismiss, sender }) {
  const icon = createIcon();
  const name = createElement("h3", "name");
  name.dir = "auto";
  suppressShortcuts(name);
  const cancel = createButton("Cancel", signal, () => onAction("cancel", [panel.openedId]));
  const retry = createButton("Retry", signal, () => onAction("retry", [panel.openedId]));
  const close = createButton("", signal, onDismiss);
  toggleClass(close, "close", true);
  close.setAttribute("aria-label", "close the details");
  close.append(createSvg(CLOSE_PATH));
  const head = createElement("div", "head", icon, name, retry, cancel, close);
  const facts = createElement("p", "facts");
  const message = createElement("p", "words");
  message.dir = "auto";
  suppressShortcuts(message);
  const error = createError(signal);
  const timeline = createElement("div", "timeline");
  const history2 = withRole(createElement("div", "history"), "group");
  history2.tabIndex = 0;
  history2.setAttribute("aria-label", "history");
  suppressShortcuts(history2);
  const note = createElement("p", "waiting");
  const sections = [head, facts, message, error.element, note, timeline, history2];
  const element = withRole(createElement("div", "panel", ...sections), "group");
  element.hidden = true;
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") onDismiss();
    },
    { signal }
  );
  let details = null;
  let requestedAt = 0;
  let pending = false;
  let requestedState = "";
  function changeKey({ status, step, attempt }) {
    return `${status} ${step} ${attempt}`;
  }
  function openedRow(store) {
    return store.sorted().find(({ id }) => id === panel.openedId);
  }
  const panel = {
    element,
    openedId: "",
    /** @param {string} id */
    open(id) {
      panel.openedId = id;
      details = null;
      requestedState = "";
      timeline.replaceChildren();
      history2.replaceChildren();
    },
    markRequested() {
      requestedAt = performance.now();
      pending = true;
    },
    /**
     * Whether the document has changed since its details were requested.
     *
     * @param {RowStore} store
     */
    isOutdated(store) {
      if (!panel.openedId || performance.now() - requestedAt < REQUEST_INTERVAL) return false;
      const row = openedRow(store);
      if (!row || changeKey(row) === requestedState) return false;
      requestedState = changeKey(row);
      return true;
    },
    /** @param {Details} received */
    show(received) {
      if (received.id !== panel.openedId) return;
      details = received;
      pending = false;
      requestedState ||= changeKey(received.row);
      timeline.replaceChildren(...createTimeline(received));
      history2.replaceChildren(createHistoryTable(received));
    },
    /** @param {ViewState} state */
    draw({ store, summary, now }) {
      const row = panel.openedId ? openedRow(store) : void 0;
      setHidden(element, !row);
      if (!row) return;
      requestedState ||= changeKey(row);
      const state = stateOf(row);
      setAttribute(element, "data-state", state);
      setAttribute(element, "aria-label", `details of ${truncate(nameOf(row), 80)}`);
      setIcon(icon, state);
      const full = details?.row;
      const completed = {
        ...row,
        name: untruncated(row.name, full?.name),
        message: untruncated(row.message, full?.message)
      };
      setScrollableText(name, nameOf(completed));
      setScrollableText(message, row.status === "failed" ? "" : detailOf(completed, now));
      setHidden(message, !message.textContent);
      setHidden(cancel, !summary?.actions || isFinal(row.status));
      setHidden(retry, !summary?.actions || !isRetryable(row.status));
      setText(facts, factsOf(row, now).join(" · "));
      const fullError = full?.attempt === row.attempt ? full.error : null;
      error.draw(row.error ? fullError ?? row.error : "");
      const slow = pending && performance.now() - requestedAt > SLOW_ANSWER2;
      const busy = `waiting for the ${sender}, which is busy`;
      const noteText = slow ? busy : details?.problem ?? "";
      setText(note, noteText || (details ? "" : "…"));
      setHidden(note, !note.textContent);
      setHidden(timeline, !timeline.childElementCount);
      setHidden(history2, !details?.history.length);
    },
    close() {
      error.close();
      panel.openedId = "";
      details = null;
      setHidden(element, true);
    }
  };
  return panel;
}
function createError(signal) {
  const reason = withRole(createElement("div", "reason"), "group");
  reason.dir = "auto";
  reason.tabIndex = 0;
  reason.setAttribute("aria-label", "error");
  suppressShortcuts(reason);
  const copy = createButton("Copy", signal, copyText);
  const element = createElement("div", "error", reason, copy);
  let text = "";
  let timer = 0;
  async function copyText() {
    const copied = await copyToClipboard(text, reason);
    if (signal.aborted) return;
    clearTimeout(timer);
    setText(copy, copied ? "Copied" : "Select it and press Ctrl+C");
    timer = Number(setTimeout(() => setText(copy, "Copy"), 2e3));
  }
  return {
    element,
    /** @param {string} error */
    draw(error) {
      text = error;
      setText(reason, replaceInvisible(text));
      setHidden(element, !text);
    },
    close() {
      clearTimeout(timer);
    }
  };
}
async function copyToClipboard(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(shown);
    return document.execCommand("copy");
  }
}
function untruncated(text, full) {
  return full?.startsWith(text.replace(/…$/, "")) ? full : text;
}

// src/progress-view/grid-row.js
var ROW_HEIGHT = 28;
function createGridRow(id) {
  const icon = createIcon();
  const state = withRole(createElement("div", "state", icon), "gridcell");
  const name = withRole(createElement("div", "name"), "gridcell");
  const fill = createElement("div", "fill");
  const bar = withRole(createElement("div", "bar segmented", fill), "progressbar");
  const percent = createElement("span", "percent");
  const progress = withRole(createElement("div", "progress", bar, percent), "gridcell");
  const step = withRole(createElement("div", "step"), "gridcell");
  const number = createElement("span");
  const word = createElement("span", "word", "attempt ");
  const attempt = createElement("span", "attempt", word, number);
  const text = createElement("span", "said");
  text.dir = "auto";
  const message = withRole(createElement("div", "message", attempt, text), "gridcell");
  const worker = withRole(createElement("div", "worker"), "gridcell");
  const time = withRole(createElement("div", "time"), "gridcell");
  const cells = [state, name, progress, step, message, worker, time];
  const element = withRole(createElement("div", "row", ...cells), "row");
  element.id = id;
  const gridRow = {
    element,
    /** @type {Row | null} */
    row: null,
    /**
     * @param {Row} row
     * @param {number} position
     * @param {number} now
     */
    draw(row, position, now) {
      gridRow.row = row;
      const rowState = stateOf(row);
      setStyle(element, "transform", `translateY(${position * ROW_HEIGHT}px)`);
      setAttribute(element, "aria-rowindex", position + 2);
      setAttribute(element, "data-state", rowState);
      setIcon(icon, rowState);
      setAttribute(state, "aria-label", rowState);
      setName(name, nameOf(row));
      const share = clamp(row.progress, 0, 100);
      setStyle(fill, "transform", `translateX(${rounded(share - 100)}%)`);
      setText(percent, rowState === "queued" ? "" : percentOf(row));
      setProgress(bar, share, `${rowState}, ${percentOf(row)}`);
      setAttribute(bar, "aria-label", truncate(nameOf(row), 80));
      const detail2 = detailOf(row, now);
      setText(text, truncate(detail2, MAX_CELL));
      setTitle(message, rowState === "failed" ? messageOf(row) : detail2);
      setText(number, attemptOf2(row));
      setHidden(attempt, !number.textContent);
      const hasStep = row.status === "processing" || row.status === "failed";
      setText(step, hasStep ? truncate(singleLine(row.step), 60) : "");
      setText(worker, truncate(singleLine(row.worker ?? ""), 60));
      setText(time, timeOf(row, now));
    }
  };
  return gridRow;
}

// src/progress-view/summary-text.js
function headlineOf(summary, row) {
  if (row) return isFinal(row.status) ? row.status : percentOf(row);
  const { counts, finished, fraction, total } = summary;
  if (!total) return "no documents";
  if (!finished) return `${percentage(fraction)} %`;
  const all = plural(total, "document");
  if (counts.failed) return `${formatNumber(counts.failed)} of ${all} failed`;
  if (counts.cancelled) return `${formatNumber(counts.cancelled)} of ${all} cancelled`;
  return total === 1 ? "completed" : `all ${formatNumber(total)} documents completed`;
}
function outlookOf(summary, now) {
  if (summary.loading) {
    const listed2 = formatNumber(summary.rows);
    return `${listed2} of ${formatNumber(summary.total)} listed so far`;
  }
  const { counts, finished, stalled, remaining: seconds, total, sending: sending2, waiting } = summary;
  if (finished || !total) return "";
  if (sending2) {
    const [sent2, all] = [formatNumber(sending2.sent), formatNumber(sending2.total)];
    return sending2.total === 1 ? "sending the file" : `sending files: ${sent2} of ${all} sent`;
  }
  if (!counts.processing) return waiting ?? "waiting for a worker";
  if (stalled >= counts.processing) return "stalled";
  if (seconds === null) return remaining(null);
  return remaining(Math.max(seconds - secondsSince(summary, now), 0));
}
function pagesOf({ finished, pages, pages_per_second }, problem2) {
  if (finished) return pages ? plural(pages, "page") : "";
  return problem2 ? "" : rateOf(pages_per_second, "pages");
}
function rateOf(perSecond, noun) {
  return perSecond ? rate(perSecond, noun) : "";
}
function elapsedOf(summary, now) {
  const { elapsed, finished } = summary;
  if (elapsed === null) return "";
  return stopwatch(elapsed + (finished ? 0 : Math.max(secondsSince(summary, now), 0)));
}
function secondsSince({ receivedAt }, now) {
  return (now - (receivedAt ?? now)) / 1e3;
}
function countOf({ counts, stalled, total }, filter) {
  if (filter === "all") return total;
  return filter === "stalled" ? stalled : counts[filter];
}
function retryLabel({ failed, cancelled }) {
  if (failed && cancelled) return `Retry ${formatNumber(failed + cancelled)}`;
  return failed ? `Retry ${formatNumber(failed)} failed` : `Retry ${formatNumber(cancelled)} cancelled`;
}
function emptyText({ store, filter, query }) {
  if (!store.rows.size) return "no documents yet";
  const noun = filter === "all" ? "document" : `${filter} document`;
  return query ? `no ${noun} with “${query}” in its name` : `no ${noun}`;
}

// src/progress-view/grid.js
var OVERSCAN = 4;
var HOLD = 15e3;
var COLUMNS = ["state", "document", "progress", "step", "message", "worker", "time"];
function createGrid({ signal, idPrefix, onOpen, onDismiss, scheduleDraw }) {
  const headers = COLUMNS.map((title) => {
    return withRole(createElement("span", "", title), "columnheader");
  });
  const heading = withRole(createElement("div", "hidden-text", ...headers), "row");
  heading.setAttribute("aria-rowindex", "1");
  const body = withRole(createElement("div", "rows", heading), "rowgroup");
  const empty2 = createElement("p", "nothing");
  const element = withRole(createElement("div", "grid", body, empty2), "grid");
  element.setAttribute("aria-label", "documents");
  element.tabIndex = 0;
  suppressShortcuts(element);
  let pool = [];
  let order = [];
  let orderKey = "";
  let revision = -1;
  let scrollTop = 0;
  let height = 0;
  let heldUntil = 0;
  let active = null;
  function listen2(type, listener) {
    element.addEventListener(type, listener, { signal, passive: true });
  }
  function hold() {
    heldUntil = performance.now() + HOLD;
  }
  function release() {
    heldUntil = 0;
    scheduleDraw();
  }
  listen2("scroll", () => {
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  for (const type of ["pointermove", "pointerdown", "keydown", "wheel"]) listen2(type, hold);
  for (const type of ["pointerleave", "focusout"]) listen2(type, release);
  listen2("focusin", scheduleDraw);
  element.addEventListener("click", openClicked, { signal });
  element.addEventListener("keydown", handleKey, { signal });
  const observer = new ResizeObserver(() => {
    height = element.clientHeight;
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  observer.observe(element);
  function openClicked(event) {
    const target = (
      /** @type {Node} */
      event.target
    );
    const row = pool.find((each) => each.element.contains(target))?.row;
    if (!row) return;
    active = row;
    onOpen(row);
  }
  function handleKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(height / ROW_HEIGHT) - 1, 1);
    const position = active ? order.indexOf(active) : -1;
    const moves = {
      ArrowDown: position + 1,
      ArrowUp: Math.max(position, 1) - 1,
      PageDown: position + page,
      PageUp: position - page,
      Home: 0,
      End: order.length - 1
    };
    if (event.key in moves) moveTo(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && active) onOpen(active);
    else if (event.key === "Escape") onDismiss();
    else return;
    event.preventDefault();
  }
  function moveTo(wanted) {
    const position = clamp(wanted, 0, order.length - 1);
    active = order[position] ?? null;
    const above = position * ROW_HEIGHT;
    const below = above + ROW_HEIGHT;
    if (above < scrollTop) element.scrollTop = above;
    else if (below > scrollTop + height) element.scrollTop = below - height;
    scrollTop = element.scrollTop;
    scheduleDraw();
  }
  function updateOrder({ store, filter, query }) {
    const key = `${filter} ${query}`;
    const sorted = store.sorted();
    const unchanged = key === orderKey && order.length > 0;
    if (unchanged && revision === store.revision) return;
    const current = unchanged && store.rows.get(order[0].index) === order[0];
    if (current && performance.now() < heldUntil) return;
    if (key !== orderKey) element.scrollTop = scrollTop = 0;
    orderKey = key;
    revision = store.revision;
    order = arrange(sorted, filter, query);
    if (active) active = store.rows.get(active.index) ?? null;
  }
  function resizePool(size) {
    while (pool.length < size) {
      const row = createGridRow(`${idPrefix}-${pool.length}`);
      pool.push(row);
      body.append(row.element);
    }
    for (const row of pool.splice(size)) row.element.remove();
  }
  function draw2(state, openedId) {
    setHidden(element, state.store.single || !state.summary);
    if (element.hidden) return;
    updateOrder(state);
    const long = order.length > VISIBLE_ROWS;
    toggleClass(element, "long", long);
    setStyle(element, "max-height", long ? `${order.length * ROW_HEIGHT}px` : "none");
    setStyle(body, "height", `${order.length * ROW_HEIGHT}px`);
    setAttribute(element, "aria-rowcount", order.length + 1);
    setText(empty2, order.length ? "" : emptyText(state));
    setHidden(empty2, order.length > 0);
    const visible = Math.ceil((height || VISIBLE_ROWS * ROW_HEIGHT) / ROW_HEIGHT) + 1;
    const size = Math.min(visible + 2 * OVERSCAN, order.length);
    resizePool(size);
    const top = Math.floor(scrollTop / ROW_HEIGHT) - OVERSCAN;
    const first = clamp(top, 0, order.length - size);
    let activeId = "";
    for (let position = first; position < first + size; position += 1) {
      const row = order[position];
      const { element: drawn, draw: drawRow } = pool[position % size];
      drawRow(row, position, state.now);
      toggleClass(drawn, "active", row === active);
      setAttribute(drawn, "aria-selected", row.id === openedId);
      if (row === active) activeId = drawn.id;
    }
    if (activeId) setAttribute(element, "aria-activedescendant", activeId);
    else element.removeAttribute("aria-activedescendant");
  }
  return {
    element,
    draw: draw2,
    /** Let the next drawing move rows, even under a pointer. */
    releaseRows() {
      heldUntil = 0;
    },
    close() {
      observer.disconnect();
      pool = [];
      order = [];
    }
  };
}

// src/progress-view/filters.js
var FILTERS = ["all", ...STATES];
var ALWAYS_SHOWN = /* @__PURE__ */ new Set(["all", "failed", "completed"]);
var SHOWN_UNTIL_FINISHED = /* @__PURE__ */ new Set(["processing", "queued"]);
function createFilters({ signal, onFilter, onQuery }) {
  const chips = FILTERS.map((filter) => {
    const count = createElement("b", "count");
    const chip = createButton("", signal, () => onFilter(filter));
    toggleClass(chip, "chip", true);
    toggleClass(chip, filter, true);
    if (filter !== "all") chip.append(createIcon(filter));
    chip.append(count, createElement("span", "", filter));
    return { filter, chip, count };
  });
  const search = document.createElement("input");
  search.type = "search";
  toggleClass(search, "search", true);
  search.placeholder = "Filter names";
  search.setAttribute("aria-label", "filter documents by name");
  search.autocomplete = "off";
  search.spellcheck = false;
  suppressShortcuts(search);
  search.addEventListener("input", () => onQuery(search.value), { signal });
  const group = withRole(createElement("div", "filters", ...chips.map(({ chip }) => chip)), "group");
  group.setAttribute("aria-label", "filter documents by state");
  const element = createElement("div", "tools", group, search);
  function draw2({ store, summary, filter: selected }) {
    setHidden(element, store.single || !summary);
    if (!summary) return;
    for (const { filter, chip, count } of chips) {
      const documents = countOf(summary, filter);
      setText(count, formatNumber(documents));
      setAttribute(chip, "aria-pressed", filter === selected);
      toggleClass(chip, "none", !documents);
      const kept2 = ALWAYS_SHOWN.has(filter) || SHOWN_UNTIL_FINISHED.has(filter) && !summary.finished;
      setHidden(chip, !documents && !kept2 && filter !== selected);
    }
  }
  return { element, draw: draw2 };
}

// src/progress-view/header.js
var RATE_INTERVAL = 1e3;
function createHeader({ signal, onAction, onFilter, onQuery, onDetails }) {
  const icon = createIcon();
  const name = createElement("span", "name");
  const percent = createElement("strong", "percent");
  const outlook = createElement("span", "left");
  const title = createElement("span", "title");
  const cancel = createButton("Cancel", signal, () => onAction("cancel", null));
  const retry = createButton("Retry", signal, () => onAction("retry", null));
  const rates = createRates();
  const headline = createElement(
    "div",
    "headline",
    icon,
    name,
    percent,
    outlook,
    title,
    rates.element,
    retry,
    cancel
  );
  const bar = createRunBar();
  const steps = createStepScale();
  const message = createElement("span", "message");
  const details = createButton("Details", signal, onDetails);
  const current = createElement("div", "present", message, details);
  const problemText = createElement("span");
  const problem2 = createElement("p", "problem", createIcon("stalled"), problemText);
  const notice = createElement("p", "notice");
  const filters = createFilters({ signal, onFilter, onQuery });
  function draw2(state) {
    const { store, summary, now } = state;
    const row = store.single ? store.sorted()[0] : null;
    setText(problemText, state.problem);
    setHidden(problem2, !state.problem);
    setText(notice, state.notice.text);
    setHidden(notice, !state.notice.text);
    toggleClass(notice, "bad", state.notice.bad);
    setHidden(current, !row);
    setHidden(steps.element, !row);
    setHidden(bar.element, !summary);
    setHidden(name, !row);
    filters.draw(state);
    if (!summary) {
      setIcon(icon, "queued");
      setText(percent, state.lost ? "" : "connecting …");
      setHidden(cancel, true);
      setHidden(retry, true);
      return;
    }
    const mask = steps.setSegments(summary.steps ?? []);
    if (mask) element.parentElement?.style.setProperty("--docprogress-segments", mask);
    const headlineState = row ? stateOf(row) : runState(summary);
    const outlookText = outlookOf(summary, now);
    setIcon(icon, headlineState);
    setAttribute(headline, "data-state", headlineState);
    setText(percent, headlineOf(summary, row));
    setText(outlook, state.problem ? "" : outlookText);
    setText(title, row ? "" : singleLine(summary.title));
    if (row) setName(name, nameOf(row));
    rates.draw(state, summary, row);
    bar.draw(summary, row, outlookText);
    setHidden(cancel, !summary.actions || summary.finished || !summary.total);
    const retryable = summary.counts.failed + summary.counts.cancelled;
    setHidden(retry, !summary.actions || !retryable);
    setText(retry, row ? "Retry" : retryLabel(summary.counts));
    if (!row) return;
    const step = row.step && !isFinal(row.status) ? singleLine(row.step) : "";
    const text = [step, detailOf(row, now)].filter(Boolean).join(" · ");
    setText(message, truncate(text, MAX_CELL));
    setAttribute(current, "data-state", stateOf(row));
    steps.draw(row);
  }
  const element = createElement(
    "div",
    "header",
    headline,
    bar.element,
    steps.element,
    current,
    problem2,
    notice,
    filters.element
  );
  return { element, draw: draw2 };
}
function createRates() {
  const elapsed = createElement("span", "elapsed");
  const pages = createElement("span", "pages");
  const documents = createElement("span", "documents");
  const element = createElement("span", "pace", elapsed, pages, documents);
  let nextUpdate = -Infinity;
  let shownKey = "";
  function draw2({ now, problem: problem2 }, summary, row) {
    setText(elapsed, elapsedOf(summary, now));
    const key = `${summary.finished} ${problem2}`;
    if (performance.now() < nextUpdate && key === shownKey) return;
    nextUpdate = performance.now() + RATE_INTERVAL;
    shownKey = key;
    setText(pages, pagesOf(summary, problem2));
    const rate2 = row || problem2 ? "" : rateOf(summary.documents_per_second, "documents");
    setText(documents, rate2);
  }
  return { element, draw: draw2 };
}
function createRunBar() {
  const parts = {
    completed: createElement("div", "part completed"),
    failed: createElement("div", "part failed"),
    cancelled: createElement("div", "part cancelled"),
    stalled: createElement("div", "part stalled"),
    processing: createElement("div", "part processing"),
    queued: createElement("div", "part queued")
  };
  const bar = createElement("div", "bar total", ...Object.values(parts));
  const element = withRole(bar, "progressbar");
  element.setAttribute("aria-label", "all documents");
  function draw2(summary, row, outlook) {
    const shares = row ? { [stateOf(row)]: row.progress / 100 } : sharesByState(summary);
    for (const [key, part] of Object.entries(parts)) {
      const state = (
        /** @type {State} */
        key
      );
      const share = shares[state] ?? 0;
      setStyle(part, "width", `${rounded(clamp(share, 0, 1) * 100)}%`);
      const ended = !row && (state === "failed" || state === "cancelled") && summary.counts[state] > 0;
      setHidden(part, share === 0 && !ended);
    }
    toggleClass(element, "segmented", row !== null);
    const percent = row ? row.progress : percentage(summary.fraction);
    setProgress(element, percent, [headlineOf(summary, row), outlook].filter(Boolean).join(", "));
  }
  return { element, draw: draw2 };
}
function createStepScale() {
  const element = createElement("div", "scale");
  element.setAttribute("aria-hidden", "true");
  let shownKey = "";
  return {
    element,
    /**
     * @param {Segment[]} segments
     * @returns {string} the new mask of segmented bars; empty if nothing has changed
     */
    setSegments(segments) {
      const key = JSON.stringify(segments);
      if (key === shownKey) return "";
      shownKey = key;
      element.replaceChildren(
        ...segments.map(({ name, from, to }) => {
          const label = createElement("span", "segment", singleLine(name));
          label.style.left = `${from}%`;
          label.style.width = `${to - from}%`;
          return label;
        })
      );
      return maskOf(segments);
    },
    /** @param {Row} row */
    draw(row) {
      const step = row.status === "completed" ? null : singleLine(row.step);
      for (const label of element.children) toggleClass(label, "now", label.textContent === step);
    }
  };
}
function maskOf(segments) {
  if (segments.length < 2) return "none";
  const gaps = segments.slice(1).map(({ from }) => `#000 calc(${from}% - 1px), transparent 0 calc(${from}% + 1px), #000 0`);
  return `linear-gradient(to right, ${gaps.join(", ")})`;
}

// src/progress-view/heartbeat.js
var TIMEOUT = 6e3;
function createHeartbeat() {
  let lastBeat = performance.now();
  let lastBeatWall = Date.now();
  let lastUpdate = null;
  let disconnected = false;
  let frozenAt = null;
  const heartbeat = {
    beat(time = Date.now()) {
      lastBeat = performance.now();
      lastBeatWall = Date.now();
      lastUpdate = time;
      disconnected = false;
    },
    disconnect() {
      disconnected = true;
    },
    isLost() {
      return disconnected || performance.now() - lastBeat > TIMEOUT || Date.now() - lastBeatWall > TIMEOUT;
    },
    /**
     * The page's clock, which stops while nothing is known.
     *
     * @param {Summary | null} summary
     */
    now(summary) {
      if (heartbeat.isLost()) return lastBeat;
      if (summary?.connected === false) frozenAt ??= performance.now();
      else frozenAt = null;
      return frozenAt ?? performance.now();
    },
    /**
     * What is wrong with the connection, in words. Empty if nothing is, or if the run
     * has finished and what is shown cannot become outdated.
     *
     * @param {Summary | null} summary
     */
    problem(summary) {
      if (summary?.finished) return "";
      if (heartbeat.isLost()) {
        return lastUpdate === null ? "disconnected, nothing was heard yet" : `disconnected, last update ${timeOfDay(lastUpdate)}`;
      }
      if (summary?.connected === false) {
        const since = summary.lost_at ? ` since ${timeOfDay(Date.parse(summary.lost_at))}` : "";
        return `Redis is away${since}; the view is as of then`;
      }
      return "";
    }
  };
  return heartbeat;
}

// src/progress-view/row-store.js
var DEFAULTS = {
  step: "",
  progress: 0,
  message: "",
  error: null,
  attempt: null,
  attempts: null,
  current: null,
  total: null,
  unit: null,
  worker: null,
  elapsed: null,
  stalled: false,
  silent: null
};
var CLOCK_TOLERANCE = 1e3;
function createRowStore() {
  const rows = /* @__PURE__ */ new Map();
  let sorted = null;
  const store = {
    /** @type {Summary | null} */
    summary: null,
    /** Increases whenever the position of a row may change. */
    revision: 0,
    rows,
    /** The rows in the order in which they were submitted. */
    sorted() {
      sorted ??= [...rows.values()].sort((one, other) => one.index - other.index);
      return sorted;
    },
    get single() {
      return rows.size === 1 && (store.summary?.total ?? 0) <= 1;
    },
    /** @param {Delta} delta */
    update({ summary, rows: changes }) {
      const now = performance.now();
      store.summary = { ...summary, receivedAt: summary.receivedAt ?? now };
      for (const change of changes) {
        const known = rows.get(change.index);
        if (!known && !isComplete(change)) continue;
        const before = known && stateOf(known);
        const row = known ?? /** @type {Row} */
        { ...DEFAULTS, ...change };
        if (known) Object.assign(known, change);
        else {
          rows.set(row.index, row);
          sorted = null;
        }
        startClocks(row, change, now);
        if (before !== stateOf(row)) store.revision += 1;
      }
    },
    /** @param {Snapshot} snapshot */
    replace(snapshot) {
      rows.clear();
      sorted = null;
      store.revision += 1;
      store.update(snapshot);
    }
  };
  return store;
}
function isComplete(change) {
  return change.id !== void 0 && change.name !== void 0 && change.status !== void 0;
}
function startClocks(row, change, now) {
  if (typeof change.elapsed === "number" && change.startedAt === void 0) {
    const startedAt = now - change.elapsed * 1e3;
    const moved = Math.abs((row.startedAt ?? -Infinity) - startedAt);
    if (moved > CLOCK_TOLERANCE) row.startedAt = startedAt;
  }
  if (typeof change.silent === "number" && change.silentSince === void 0) {
    row.silentSince = now - change.silent * 1e3;
  }
}

// src/progress-view/view.js
var ANNOUNCEMENT_INTERVAL = 1e4;
function createProgressView(element, options = {}) {
  const { sender = "kernel" } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const store = createRowStore();
  const heartbeat = createHeartbeat();
  let frame2 = 0;
  let filter = "all";
  let query = "";
  const actions = createActions({
    store,
    sender,
    isLost: heartbeat.isLost,
    onAction: options.onAction,
    onChange: scheduleDraw
  });
  const header = createHeader({
    signal,
    onAction: actions.request,
    onFilter: toggleFilter,
    onQuery: setQuery,
    onDetails: () => openDetails(store.sorted()[0])
  });
  const grid = createGrid({
    signal,
    idPrefix: `docprogress-${Math.random().toString(36).slice(2)}`,
    onOpen: openDetails,
    onDismiss: closeDetails,
    scheduleDraw
  });
  const panel = createDetailsPanel({
    signal,
    onAction: actions.request,
    onDismiss: closeDetails,
    sender
  });
  const announcer = createAnnouncer();
  const children = [header.element, grid.element, panel.element, announcer.element];
  const root = withRole(createElement("div", "", ...children), "group");
  root.className = "docprogress";
  root.dir = "ltr";
  root.tabIndex = -1;
  suppressShortcuts(root);
  root.style.setProperty("--docprogress-row", `${ROW_HEIGHT}px`);
  root.style.setProperty("--docprogress-rows", String(VISIBLE_ROWS));
  element.append(root);
  const clock = setInterval(() => {
    if (!document.hidden) scheduleDraw();
  }, 1e3);
  document.addEventListener("visibilitychange", scheduleDraw, { signal });
  function scheduleDraw() {
    if (!frame2 && !signal.aborted) frame2 = requestAnimationFrame(draw2);
  }
  function draw2() {
    frame2 = 0;
    const { summary } = store;
    const state = {
      store,
      summary,
      lost: heartbeat.isLost(),
      problem: heartbeat.problem(summary),
      now: heartbeat.now(summary),
      filter,
      query,
      notice: actions.notice
    };
    toggleClass(root, "single", store.single);
    toggleClass(root, "stale", state.problem !== "");
    setAttribute(root, "aria-label", singleLine(summary?.title ?? "") || "documents");
    header.draw(state);
    grid.draw(state, panel.openedId);
    panel.draw(state);
    announcer.announce(state);
  }
  function toggleFilter(selected) {
    filter = filter === selected ? "all" : selected;
    grid.releaseRows();
    scheduleDraw();
  }
  function setQuery(text) {
    query = text.trim().toLocaleLowerCase();
    grid.releaseRows();
    scheduleDraw();
  }
  function openDetails(row) {
    if (!row) return;
    if (panel.openedId === row.id) {
      closeDetails();
      return;
    }
    panel.open(row.id);
    requestDetails();
    scheduleDraw();
  }
  function requestDetails() {
    panel.markRequested();
    options.onDetails?.(panel.openedId);
  }
  function closeDetails() {
    if (!panel.openedId) return;
    const focused = panel.element.contains(document.activeElement);
    panel.close();
    if (focused) (store.single ? root : grid.element).focus();
    scheduleDraw();
  }
  function rowsChanged() {
    actions.rowsChanged();
    heartbeat.beat();
    if (panel.isOutdated(store)) requestDetails();
    scheduleDraw();
  }
  return {
    update(delta) {
      store.update(delta);
      rowsChanged();
    },
    replace(snapshot) {
      store.replace(snapshot);
      rowsChanged();
    },
    showDetails(details) {
      panel.show(details);
      scheduleDraw();
    },
    showResult: actions.showResult,
    beat(time) {
      heartbeat.beat(time);
      scheduleDraw();
    },
    disconnect() {
      heartbeat.disconnect();
      scheduleDraw();
    },
    close() {
      closing.abort();
      clearInterval(clock);
      cancelAnimationFrame(frame2);
      actions.close();
      grid.close();
      panel.close();
      root.remove();
    }
  };
}
function createAnnouncer() {
  const element = withRole(createElement("div", "hidden-text"), "status");
  let announced = { text: "", urgent: "", at: -Infinity };
  function announce({ summary, problem: problem2, notice }) {
    if (!summary) return;
    const text = [problem2, notice.text, summary.text].filter(Boolean).join(". ");
    const urgent = [problem2, notice.text, summary.finished, summary.counts.failed > 0].join();
    const due = performance.now() - announced.at > ANNOUNCEMENT_INTERVAL;
    if (text === announced.text || !due && urgent === announced.urgent) return;
    announced = { text, urgent, at: performance.now() };
    setText(element, text);
  }
  return { element, announce };
}

// src/page.js
var LISTED = 500;
var KEPT = 1e3;
var FOLLOWED = 500;
var STREAMS = 2;
var LOOK = 5e3;
var GATHER = 150;
var GATHER_EACH = 5;
var BEAT = 2e3;
var LANES2 = 3;
var LONGEST = 300;
var REMEMBERED = 100;
var FINAL2 = /* @__PURE__ */ new Set(["completed", "failed", "cancelled"]);
var base = new URL(".", location.href).pathname.slice(0, -1);
var KEY = `docprogress ${base}`;
var REFUSED = `docprogress refused ${base}`;
var access = (
  /** @type {HTMLFormElement} */
  find("access")
);
var tokenField = (
  /** @type {HTMLInputElement} */
  find("token")
);
var work = find("work");
var caseField = (
  /** @type {HTMLInputElement} */
  find("case")
);
var drop = find("drop");
var picker = (
  /** @type {HTMLInputElement} */
  find("files")
);
var problem = find("problem");
var place = find("view");
var empty = find("empty");
var older = (
  /** @type {HTMLButtonElement} */
  find("more")
);
var entries = /* @__PURE__ */ new Map();
var queue = [];
var changed = /* @__PURE__ */ new Set();
var sending = 0;
var toSend = 0;
var sent = 0;
var indexes = 0;
var oldIndexes = 0;
var requests = 0;
var token = "";
var caseId = new URLSearchParams(location.search).get("case") ?? "";
var listed = false;
var more = false;
var kept = KEPT;
var next = null;
var firstNext = null;
var paged = false;
var trimmed = false;
var followed = /* @__PURE__ */ new Set();
var streams = [];
var gathering = 0;
var frame = 0;
var look = 0;
var heard = false;
var view = createProgressView(place, { onAction: act, onDetails: detail, sender: "server" });
begin();
function begin() {
  const given = tokenOf(location.hash);
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  token = sessionStorage.getItem(KEY) ?? "";
  caseField.value = caseId;
  for (const { name, caseId: belongs, error, at } of refusals()) {
    if (caseId && belongs !== caseId) continue;
    const id = `upload ${indexes}`;
    const event = { ...local(id, name, "failed", "", error), timestamp: at };
    create(id, event, { file: null, caseId: belongs, sending: null });
  }
  access.addEventListener("submit", (event) => {
    event.preventDefault();
    token = tokenField.value.trim();
    tokenField.value = "";
    sessionStorage.setItem(KEY, token);
    refresh();
  });
  caseField.addEventListener("change", () => choose(caseField.value.trim()));
  picker.addEventListener("change", () => {
    add(picker.files ?? []);
    picker.value = "";
  });
  older.addEventListener("click", showOlder);
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (!work.hidden) add(event.dataTransfer?.files ?? []);
  });
  addEventListener("beforeunload", (event) => {
    if ([...entries.values()].some(({ upload, event: { status } }) => upload && !FINAL2.has(status)))
      event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  setInterval(() => {
    if (heard) view.beat();
  }, BEAT);
  refresh();
}
function tokenOf(hash) {
  const [, given = ""] = /[#&]token=([^&]*)/.exec(hash) ?? [];
  try {
    return decodeURIComponent(given);
  } catch {
    return given;
  }
}
async function ask(path, init = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    answer = await fetch(base + path, { ...init, headers, cache: "no-store" });
  } catch {
    throw new Error("the server cannot be reached");
  }
  if (answer.status === 401) askForToken();
  if (answer.ok) return answer.json();
  const { detail: reason } = await answer.json().catch(() => ({}));
  throw new Error(reason ?? `the server answered ${answer.status}`);
}
function askForToken() {
  leave();
  if (token) find("asked").textContent = "This is not the server's token";
  access.hidden = false;
  work.hidden = true;
  tokenField.focus();
}
async function refresh() {
  clearTimeout(look);
  const asked = caseId;
  const query = new URLSearchParams({ limit: String(LISTED) });
  if (asked) query.set("case_id", asked);
  try {
    const newest = await ask(`/documents?${query}`);
    query.set("status", "processing");
    const processing = newest.more ? await ask(`/documents?${query}`) : { documents: [] };
    if (asked !== caseId) return;
    hear();
    access.hidden = true;
    work.hidden = false;
    for (const document2 of processing.documents.reverse()) list(document2);
    for (const document2 of newest.documents.reverse()) list(document2);
    firstNext = newest.next;
    if (!paged) next = firstNext;
    more = next !== null || trimmed;
    listed = true;
    trim();
    schedule();
    follow();
  } catch (error) {
    lose(
      /** @type {Error} */
      error
    );
  }
  clearTimeout(look);
  if (access.hidden) look = Number(setTimeout(() => !document.hidden && refresh(), LOOK));
}
async function showOlder() {
  const asked = caseId;
  const query = new URLSearchParams({ limit: String(LISTED) });
  if (asked) query.set("case_id", asked);
  const before = entries.size;
  older.disabled = true;
  try {
    while (next !== null && entries.size === before) {
      query.set("after", next);
      const { documents, next: following } = await ask(`/documents?${query}`);
      if (asked !== caseId) return;
      hear();
      for (const document2 of documents) list(document2, true);
      next = following;
      paged = true;
    }
    kept = Math.max(kept, entries.size + LISTED);
    more = next !== null;
    trimmed = false;
    schedule();
    follow();
  } catch (error) {
    lose(
      /** @type {Error} */
      error
    );
  } finally {
    older.disabled = false;
  }
}
function hear() {
  heard = true;
  say("");
}
function lose({ message }) {
  heard = false;
  view.disconnect();
  say(access.hidden ? message : "");
}
function list(told, last = false) {
  const known = entries.get(told.id);
  const event = {
    document_id: told.id,
    status: told.status,
    step: told.step,
    progress: told.progress,
    message: told.message,
    timestamp: told.updated_at,
    attempt: told.attempt,
    name: told.filename,
    ...told.error_message === null ? {} : { error: told.error_message }
  };
  const entry = known ?? create(told.id, event, null, last);
  if (!known || !followed.has(told.id) && isNews2(told, entry)) take(entry, event);
  if (attemptOf3(entry.event) !== told.attempt) return;
  if (entry.pages !== told.pages) changed.add(entry.index);
  entry.pages = told.pages;
  entry.startedAt = told.started_at && Date.parse(told.started_at);
  entry.finishedAt = told.finished_at && Date.parse(told.finished_at);
}
function isNews2(told, { event }) {
  if (told.attempt !== attemptOf3(event)) return told.attempt > (attemptOf3(event) ?? 0);
  return !FINAL2.has(event.status) && Date.parse(told.updated_at) > Date.parse(event.timestamp);
}
function create(id, event, upload = null, last = false) {
  const entry = {
    index: last ? oldIndexes += 1 : indexes -= 1,
    id,
    event,
    upload,
    startedAt: null,
    finishedAt: null,
    silent: null,
    pages: 0
  };
  entries.set(id, entry);
  changed.add(entry.index);
  schedule();
  return entry;
}
function take(entry, event) {
  const before = entry.event;
  entry.event = { ...event, name: event.name ?? before.name };
  entry.silent = null;
  if (event.status === "processing" && before.status !== "processing") {
    entry.startedAt ??= Date.parse(event.timestamp);
  }
  if (event.status === "queued") entry.startedAt = entry.finishedAt = null;
  if (FINAL2.has(event.status)) entry.finishedAt ??= Date.parse(event.timestamp);
  changed.add(entry.index);
  schedule();
}
function trim() {
  let excess = entries.size - kept;
  if (excess <= 0) return;
  const oldest = [...entries.values()].sort((one, other) => other.index - one.index);
  for (const { id, event, upload } of oldest) {
    if (excess <= 0) break;
    if (upload || !FINAL2.has(event.status)) continue;
    entries.delete(id);
    excess -= 1;
    trimmed = more = true;
  }
  paged = false;
  next = firstNext;
  replace();
}
function unfinished() {
  return [...entries.values()].filter(({ upload, event }) => !upload && !FINAL2.has(event.status));
}
function follow() {
  const waiting = unfinished();
  const missing = waiting.filter(({ id }) => !followed.has(id));
  const room = waiting.length - missing.length <= STREAMS * FOLLOWED / 2;
  const all = waiting.length <= STREAMS * FOLLOWED;
  if (gathering || !missing.length || !(room || all)) return;
  gathering = Number(
    setTimeout(
      () => {
        gathering = 0;
        followNow();
      },
      GATHER + GATHER_EACH * followed.size
    )
  );
}
function followNow() {
  leave();
  const ids = unfinished().map(({ id }) => id);
  for (let from = 0; from < ids.length && streams.length < STREAMS; from += FOLLOWED) {
    const some = ids.slice(from, from + FOLLOWED);
    for (const id of some) followed.add(id);
    streams.push(listen(some));
  }
}
function leave() {
  for (const stop of streams) stop();
  streams = [];
  followed.clear();
}
function listen(ids) {
  return watch(ids, {
    url: base,
    ...token ? { token } : {},
    onChange(event) {
      const entry = entries.get(event.document_id);
      if (!entry) return;
      take(entry, event);
      if (FINAL2.has(event.status)) {
        followed.delete(entry.id);
        follow();
      }
    },
    onSign({ type, document_id, silent_seconds }) {
      const entry = entries.get(document_id);
      if (!entry) return;
      entry.silent = type === "stalled" ? silent_seconds ?? 0 : null;
      changed.add(entry.index);
      schedule();
    },
    onConnection(connection) {
      if (connection === "streaming" || connection === "polling") hear();
      if (connection === "ended" || connection === "refused") {
        for (const id of ids) followed.delete(id);
      }
    },
    onError: lose
  });
}
function choose(chosen) {
  if (chosen === caseId) return;
  caseId = chosen;
  const address = new URL(location.href);
  if (chosen) address.searchParams.set("case", chosen);
  else address.searchParams.delete("case");
  history.replaceState(null, "", address);
  leave();
  for (const [id, { upload }] of entries) if (!upload) entries.delete(id);
  listed = more = paged = trimmed = false;
  next = firstNext = null;
  kept = KEPT;
  replace();
  refresh();
}
function refusals() {
  const kept2 = parse(sessionStorage.getItem(REFUSED) ?? "[]");
  return Array.isArray(kept2) ? kept2 : [];
}
function remember() {
  const refused = [...entries.values()].filter(({ upload, event }) => upload && event.status === "failed").map(({ upload, event }) => ({
    name: event.name,
    caseId: upload?.caseId,
    error: event.error,
    at: event.timestamp
  }));
  sessionStorage.setItem(REFUSED, JSON.stringify(refused.slice(-REMEMBERED)));
}
function forget(name) {
  for (const [id, { upload, event }] of entries) {
    if (upload?.file === null && event.name === name) entries.delete(id);
  }
}
function add(files) {
  const before = entries.size;
  for (const file of files) forget(file.name);
  if (entries.size !== before) replace();
  for (const file of files) {
    expect();
    const id = `upload ${indexes}`;
    const event = local(id, file.name, "queued", "Waiting to be sent");
    queue.push(create(id, event, { file, caseId, sending: null }));
  }
  sendNext();
}
function local(id, name, status, message, error) {
  const timestamp = (/* @__PURE__ */ new Date()).toISOString();
  const event = { document_id: id, name, status, step: "", progress: 0, message, timestamp };
  return error === void 0 ? event : { ...event, error };
}
function expect() {
  if (sent === toSend) sent = toSend = 0;
  toSend += 1;
}
function sendNext() {
  while (sending < LANES2 && queue.length) {
    sending += 1;
    send(
      /** @type {Entry} */
      queue.shift()
    );
  }
}
function send(entry) {
  const { file, caseId: belongs } = (
    /** @type {Upload & {file: File}} */
    entry.upload
  );
  const form = new FormData();
  if (belongs) form.append("case_id", belongs);
  form.append("file", file, file.name);
  const request2 = new XMLHttpRequest();
  entry.upload.sending = request2;
  const stand = (status, message, error) => take(entry, local(entry.id, file.name, status, message, error));
  request2.open("POST", `${base}/documents/upload`);
  if (token) request2.setRequestHeader("Authorization", `Bearer ${token}`);
  request2.upload.onprogress = ({ loaded, total }) => stand("queued", `Sending: ${Math.floor(loaded / Math.max(total, 1) * 100)} %`);
  request2.onload = () => {
    const answer = parse(request2.responseText);
    if (request2.status === 401) askForToken();
    if (request2.status === 201) adopt(entry, answer);
    else stand("failed", "", answer.detail ?? `the server answered ${request2.status}`);
  };
  request2.onerror = () => stand("failed", "", "the file could not be sent");
  request2.onabort = () => stand("cancelled", "Not sent");
  request2.onloadend = () => {
    sending -= 1;
    sent += 1;
    remember();
    sendNext();
    schedule();
  };
  stand("queued", "Sending");
  request2.send(form);
}
function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
function adopt(entry, told) {
  entries.delete(entry.id);
  entry.upload = null;
  entry.id = told.id;
  const known = entries.get(told.id);
  if (!known) entries.set(told.id, entry);
  const elsewhere = caseId !== "" && told.case_id !== caseId;
  if (elsewhere) entries.delete(told.id);
  if (known || elsewhere) replace();
  else {
    const event = local(told.id, told.filename, "queued", "Waiting for a worker");
    take(entry, { ...event, timestamp: told.created_at, attempt: 1 });
  }
  follow();
}
function act(action, ids) {
  requests += 1;
  perform(requests, action, ids);
  return requests;
}
async function perform(request2, action, ids) {
  const again = action === "retry";
  const targets = [...entries.values()].filter(
    ({ id, event: { status } }) => (ids === null || ids.includes(id)) && (again ? status === "failed" || status === "cancelled" : !FINAL2.has(status))
  );
  let done = 0;
  const errors = [];
  const lane = async () => {
    for (let entry = targets.shift(); entry; entry = targets.shift()) {
      try {
        const path = `/documents/${encodeURIComponent(entry.id)}/${action}`;
        const count2 = entry.upload ? actOnUpload(entry, again) : (await ask(path, { method: "POST" })).documents;
        done += count2;
      } catch (error) {
        errors.push(
          /** @type {Error} */
          error.message
        );
      }
    }
  };
  await Promise.all(Array.from({ length: LANES2 }, lane));
  const count = `${done} ${done === 1 ? "document is" : "documents are"}`;
  const text = `${count} ${again ? "tried again" : "cancelled"}`;
  const failed = errors.length ? `; ${errors.length} could not be: ${errors[0]}` : "";
  view.showResult({ request: request2, ok: !errors.length, text: text + failed });
  refresh();
}
function actOnUpload(entry, again) {
  const upload = (
    /** @type {Upload} */
    entry.upload
  );
  if (!upload.file) throw new Error("the file has to be chosen again");
  const { name } = upload.file;
  if (again) {
    take(entry, local(entry.id, name, "queued", "Waiting to be sent"));
    expect();
    queue.push(entry);
    sendNext();
  } else if (upload.sending?.readyState && upload.sending.readyState < XMLHttpRequest.DONE) {
    upload.sending.abort();
  } else {
    const place2 = queue.indexOf(entry);
    if (place2 < 0) return 0;
    queue.splice(place2, 1);
    sent += 1;
    take(entry, local(entry.id, name, "cancelled", "Not sent"));
  }
  return 1;
}
async function detail(id) {
  const entry = entries.get(id);
  if (!entry) return;
  let told = { events: [entry.event], steps: [] };
  let reason = null;
  try {
    if (!entry.upload) told = await ask(`/progress/documents/${encodeURIComponent(id)}/history`);
  } catch (error) {
    reason = /** @type {Error} */
    error.message;
  }
  view.showDetails({
    id,
    row: { ...rowOf(entry), error: entry.event.error ?? null },
    // The newest attempt that did a step comes last.
    steps: [...new Map(told.steps.map((step) => [step.name, step])).values()],
    history: told.events.map((event) => ({
      ...event,
      attempt: attemptOf3(event),
      error: event.error ?? null
    })),
    problem: reason
  });
}
function attemptOf3({ id, attempt }) {
  return attempt ?? (id === void 0 ? null : Number(id.split("-")[0]));
}
function rowOf({ index, id, event, startedAt, finishedAt, silent }) {
  const end = FINAL2.has(event.status) ? finishedAt : Date.parse(event.timestamp);
  const elapsed = startedAt === null || end === null ? null : (end - startedAt) / 1e3;
  return {
    index,
    id,
    name: event.name ?? id,
    status: event.status,
    step: event.step,
    progress: event.progress,
    message: event.message,
    error: event.error?.slice(0, LONGEST) ?? null,
    attempt: attemptOf3(event),
    attempts: null,
    current: event.current ?? null,
    total: event.total ?? null,
    unit: event.unit ?? null,
    worker: event.worker ?? null,
    elapsed: elapsed === null || event.status === "queued" ? null : Math.max(elapsed, 0),
    stalled: silent !== null,
    silent
  };
}
function waitingFor(events) {
  const found = events.find(
    ({ status, message }) => status === "queued" && /^Waiting for (?!a worker$)/.test(message)
  );
  return found ? { waiting: `w${found.message.slice(1)}` } : {};
}
function summarize() {
  const counts = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  let [stalled, pages] = [0, 0];
  for (const { event, silent, pages: read } of entries.values()) {
    counts[event.status] += 1;
    stalled += Number(silent !== null);
    pages += read;
  }
  const total = entries.size;
  const documents = `${total} document${total === 1 ? "" : "s"}`;
  const said = Object.entries(counts).filter(([, count]) => count);
  return {
    title: (caseId ? `case ${caseId}` : documents) + (more ? ", older ones not shown" : ""),
    text: said.map(([status, count]) => `${count} ${status}`).join(", "),
    total,
    counts,
    stalled,
    ...sharesOfWork([...entries.values()].map(({ event }) => event)),
    sending: sent < toSend ? { sent, total: toSend } : null,
    ...counts.processing ? {} : waitingFor([...entries.values()].map(({ event }) => event)),
    elapsed: null,
    remaining: null,
    documents_per_second: null,
    pages_per_second: null,
    pages,
    steps: [],
    finished: total > 0 && counts.queued + counts.processing === 0,
    connected: true,
    lost_at: null,
    actions: true,
    rows: total
  };
}
function schedule() {
  if (!frame) frame = requestAnimationFrame(draw);
}
function draw() {
  frame = 0;
  arrange2();
  const rows = [...entries.values()].filter(({ index }) => changed.has(index)).map(rowOf);
  changed.clear();
  view.update({ summary: summarize(), rows });
  if (!heard) view.disconnect();
}
function replace() {
  arrange2();
  changed.clear();
  view.replace({ summary: summarize(), rows: [...entries.values()].map(rowOf) });
  if (!heard) view.disconnect();
}
function arrange2() {
  place.hidden = !entries.size;
  empty.hidden = entries.size > 0 || !listed;
  older.hidden = next === null;
}
function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
}
function find(id) {
  return (
    /** @type {HTMLElement} */
    document.getElementById(id)
  );
}
