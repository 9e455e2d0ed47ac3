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

// src/progress-view.js
var ROW_HEIGHT = 28;
var ROWS_SHOWN = 14;
var OVERSCAN = 4;
var SILENCE2 = 6e3;
var HOLD = 15e3;
var PATIENCE = 3e3;
var NOTICE = 8e3;
var ANNOUNCEMENTS = 1e4;
var LONGEST_CELL = 300;
var LONGEST_TITLE = 6e3;
var TAIL = 9;
var ORDER = ["failed", "stalled", "processing", "queued", "cancelled", "completed"];
var RATE = 1e3;
var FILTERS = ["all", ...ORDER];
var ALWAYS_SHOWN = /* @__PURE__ */ new Set(["all", "failed", "completed"]);
var SHOWN_MEANWHILE = /* @__PURE__ */ new Set(["processing", "queued"]);
var SHAPES = {
  queued: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2Z",
  processing: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm0 1.5a5 5 0 1 1 0 10A5 5 0 0 1 8 3Zm0 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  stalled: "M8 1.2c.35 0 .66.19.83.5l6.2 11.4a.95.95 0 0 1-.83 1.4H1.8a.95.95 0 0 1-.83-1.4L7.17 1.7c.17-.31.48-.5.83-.5ZM7.2 5.6l.2 4.4h1.2l.2-4.4Zm.8 5.3a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z",
  completed: "M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Zm3.1 3.9 1.1 1-4.9 5.5-3-2.8 1-1.1 1.9 1.7Z",
  failed: "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2ZM5.7 4.6 4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9Z",
  cancelled: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM4.9 7.25h6.2v1.5H4.9Z"
};
var PREFIX = "dp-";
var CLOSE_SHAPE = "M3.7 2.6 8 6.9l4.3-4.3 1.1 1.1L9.1 8l4.3 4.3-1.1 1.1L8 9.1l-4.3 4.3-1.1-1.1L6.9 8 2.6 3.7Z";
var NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
function createProgressView(element, options = {}) {
  const { sender = "kernel" } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const knowledge = createKnowledge();
  const line = createLine();
  const unique = `docprogress-${Math.random().toString(36).slice(2)}`;
  const asked = /* @__PURE__ */ new Map();
  let notice = { text: "", bad: false };
  let noticeTimer = 0;
  let retried = /* @__PURE__ */ new Map();
  let frame2 = 0;
  let filter = "all";
  let query = "";
  let announced = { text: "", urgent: "", at: -Infinity };
  const header = createHeader({ signal, act: act2, show, seek, reveal: open });
  const grid = createGrid({ signal, unique, open, dismiss, schedule: schedule2 });
  const panel = createPanel({ signal, act: act2, dismiss, sender });
  const live = make("div", "hidden-text");
  live.setAttribute("role", "status");
  const root = make("div", "", header.element, grid.element, panel.element, live);
  root.className = "docprogress";
  root.dir = "ltr";
  root.setAttribute("role", "group");
  root.tabIndex = -1;
  suppressShortcuts(root);
  root.style.setProperty("--docprogress-row", `${ROW_HEIGHT}px`);
  root.style.setProperty("--docprogress-rows", String(ROWS_SHOWN));
  element.append(root);
  const clock = setInterval(() => {
    if (!document.hidden) schedule2();
  }, 1e3);
  document.addEventListener("visibilitychange", schedule2, { signal });
  function schedule2() {
    if (!frame2 && !signal.aborted) frame2 = requestAnimationFrame(draw2);
  }
  function draw2() {
    frame2 = 0;
    const { summary } = knowledge;
    const lost = line.lost();
    const now = line.now(summary);
    const picture = { knowledge, summary, lost, now, filter, query, notice, line };
    mark(root, "single", knowledge.single);
    mark(root, "stale", line.problem(summary) !== "");
    tell(root, "aria-label", plain(summary?.title ?? "") || "documents");
    header.draw(picture);
    grid.draw(picture, panel.opened);
    panel.draw(picture);
    announce(summary, line.problem(summary));
  }
  function announce(summary, problem2) {
    if (!summary) return;
    const text = [problem2, notice.text, summary.text].filter(Boolean).join(". ");
    const urgent = [problem2, notice.text, summary.finished, summary.counts.failed > 0].join();
    const due = performance.now() - announced.at > ANNOUNCEMENTS;
    if (text === announced.text || !due && urgent === announced.urgent) return;
    announced = { text, urgent, at: performance.now() };
    put(live, text);
  }
  function act2(action, ids) {
    const request2 = options.onAction?.(action, ids) ?? -1;
    if (request2 < 0) {
      say2(`the ${sender} cannot be reached: nothing was done`, true);
      return;
    }
    const label = action === "cancel" ? "cancelling" : "retrying";
    const timer = setTimeout(() => {
      const gone = line.lost() ? " or gone" : "";
      say2(`${label}: waiting for the ${sender}, which is busy${gone}`, false, Infinity);
    }, PATIENCE);
    const targets = action === "retry" ? toRetry(ids) : /* @__PURE__ */ new Map();
    asked.set(request2, { label, timer: Number(timer), targets });
    say2(`${label} …`, false, Infinity);
  }
  function toRetry(ids) {
    const found = /* @__PURE__ */ new Map();
    for (const { index, id, status, attempt } of knowledge.rows.values()) {
      const again = status === "failed" || status === "cancelled";
      if (again && (ids === null || ids.includes(id))) {
        found.set(id, { index, attempt, begun: false });
      }
    }
    return found;
  }
  function followRetried() {
    for (const { targets } of asked.values()) targets.forEach(look2);
    if (!retried.size) return;
    retried.forEach(look2);
    const rows = [...retried].map(([, { index }]) => knowledge.rows.get(index));
    const ended = [...retried.values()].every(({ begun }, at) => {
      const row = rows[at];
      return !row || begun && isFinal(row.status);
    });
    if (ended) say2("", false, Infinity);
  }
  function look2(target) {
    const row = knowledge.rows.get(target.index);
    if (!row) return;
    const later = (row.attempt ?? 0) > (target.attempt ?? 0);
    if (later || !isFinal(row.status)) target.begun = true;
  }
  function say2(text, bad = false, milliseconds = NOTICE) {
    clearTimeout(noticeTimer);
    notice = { text, bad };
    retried = /* @__PURE__ */ new Map();
    if (Number.isFinite(milliseconds)) {
      noticeTimer = Number(setTimeout(() => say2("", false, Infinity), milliseconds));
    }
    schedule2();
  }
  function show(chosen) {
    filter = filter === chosen ? "all" : chosen;
    grid.rearrange();
    schedule2();
  }
  function seek(text) {
    query = text.trim().toLocaleLowerCase();
    grid.rearrange();
    schedule2();
  }
  function open(row = knowledge.sorted()[0]) {
    if (!row) return;
    if (panel.opened === row.id) {
      dismiss();
      return;
    }
    panel.open(row.id);
    ask2(row.id);
    schedule2();
  }
  function ask2(id) {
    panel.asking();
    options.onDetails?.(id);
  }
  function dismiss() {
    if (!panel.opened) return;
    const focused = panel.element.contains(document.activeElement);
    panel.close();
    if (focused) (knowledge.single ? root : grid.element).focus();
    schedule2();
  }
  return {
    update(delta) {
      knowledge.update(delta);
      followRetried();
      line.beat();
      if (panel.outdated(knowledge)) ask2(panel.opened);
      schedule2();
    },
    replace(whole) {
      knowledge.replace(whole);
      followRetried();
      line.beat();
      if (panel.outdated(knowledge)) ask2(panel.opened);
      schedule2();
    },
    details(details) {
      panel.show(details);
      schedule2();
    },
    acted(answer) {
      const question = asked.get(answer.request);
      if (!question) return;
      clearTimeout(question.timer);
      asked.delete(answer.request);
      say2(answer.text, !answer.ok);
      if (answer.ok) retried = question.targets;
      followRetried();
    },
    beat(wall) {
      line.beat(wall);
      schedule2();
    },
    lose() {
      line.lose();
      schedule2();
    },
    close() {
      closing.abort();
      clearInterval(clock);
      clearTimeout(noticeTimer);
      for (const { timer } of asked.values()) clearTimeout(timer);
      asked.clear();
      cancelAnimationFrame(frame2);
      grid.close();
      panel.close();
      root.remove();
    }
  };
}
var UNKNOWN = {
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
function createKnowledge() {
  const rows = /* @__PURE__ */ new Map();
  let sorted = null;
  const knowledge = {
    /** @type {Summary | null} */
    summary: null,
    /** Grows whenever a row may have to stand elsewhere. */
    revision: 0,
    rows,
    /** The rows in the order in which they were submitted. */
    sorted() {
      sorted ??= [...rows.values()].sort((one, other) => one.index - other.index);
      return sorted;
    },
    get single() {
      return rows.size === 1 && (knowledge.summary?.total ?? 0) <= 1;
    },
    /** @param {Delta} delta */
    update({ summary, rows: changes }) {
      const now = performance.now();
      knowledge.summary = { ...summary, heardAt: summary.heardAt ?? now };
      for (const change of changes) {
        const known = rows.get(change.index);
        if (!known && !isWhole(change)) continue;
        const before = known && stateOf(known);
        const row = known ?? /** @type {Row} */
        { ...UNKNOWN, ...change };
        if (known) Object.assign(known, change);
        else {
          rows.set(row.index, row);
          sorted = null;
        }
        anchor(row, change, now);
        if (before !== stateOf(row)) knowledge.revision += 1;
      }
    },
    /** @param {Whole} whole */
    replace(whole) {
      rows.clear();
      sorted = null;
      knowledge.revision += 1;
      knowledge.update(whole);
    }
  };
  return knowledge;
}
function isWhole(change) {
  return change.id !== void 0 && change.name !== void 0 && change.status !== void 0;
}
function anchor(row, change, now) {
  if (typeof change.elapsed === "number" && change.startedAt === void 0) {
    const started = now - change.elapsed * 1e3;
    if (Math.abs((row.startedAt ?? -Infinity) - started) > 1e3) row.startedAt = started;
  }
  if (typeof change.silent === "number" && change.silentFrom === void 0) {
    row.silentFrom = now - change.silent * 1e3;
  }
}
function createLine() {
  let heard2 = performance.now();
  let heardWall = Date.now();
  let shown = null;
  let gone = false;
  let frozen = null;
  function over(summary) {
    return summary !== null && summary.finished;
  }
  const line = {
    beat(wall = Date.now()) {
      heard2 = performance.now();
      heardWall = Date.now();
      shown = wall;
      gone = false;
    },
    lose() {
      gone = true;
    },
    lost() {
      return gone || performance.now() - heard2 > SILENCE2 || Date.now() - heardWall > SILENCE2;
    },
    /**
     * Where the clocks stand: they stop when nothing is heard.
     *
     * @param {Summary | null} summary
     */
    now(summary) {
      if (line.lost()) return heard2;
      if (summary?.connected === false) frozen ??= performance.now();
      else frozen = null;
      return frozen ?? performance.now();
    },
    /**
     * What is wrong with the line, for a person; empty if it is well, or if what
     * is shown is final and cannot become wrong.
     *
     * @param {Summary | null} summary
     */
    problem(summary) {
      if (over(summary)) return "";
      if (line.lost()) {
        return shown === null ? "disconnected, nothing was heard yet" : `disconnected, last update ${timeOfDay(shown)}`;
      }
      if (summary?.connected === false) {
        const since = summary.lost_at ? ` since ${timeOfDay(Date.parse(summary.lost_at))}` : "";
        return `Redis is away${since}; the view is as of then`;
      }
      return "";
    }
  };
  return line;
}
function createHeader({ signal, act: act2, show, seek, reveal }) {
  const icon = makeIcon();
  const name = make("span", "name");
  const percent = make("strong", "percent");
  const left = make("span", "left");
  const title = make("span", "title");
  const elapsed = make("span", "elapsed");
  const pages = make("span", "pages");
  const documents = make("span", "documents");
  const pace = make("span", "pace", elapsed, pages, documents);
  const cancel = makeButton("Cancel", signal, () => act2("cancel", null));
  const retry = makeButton("Retry", signal, () => act2("retry", null));
  const headline = make(
    "div",
    "headline",
    icon,
    name,
    percent,
    left,
    title,
    pace,
    retry,
    cancel
  );
  const parts = {
    completed: make("div", "part completed"),
    failed: make("div", "part failed"),
    cancelled: make("div", "part cancelled"),
    stalled: make("div", "part stalled"),
    processing: make("div", "part processing"),
    queued: make("div", "part queued")
  };
  const bar = make("div", "bar total", ...Object.values(parts));
  bar.setAttribute("role", "progressbar");
  bar.setAttribute("aria-label", "all documents");
  const scale = make("div", "scale");
  scale.setAttribute("aria-hidden", "true");
  const message = make("span", "message");
  const more2 = makeButton("Details", signal, reveal);
  const present = make("div", "present", message, more2);
  const problem2 = make("p", "problem", makeIcon("stalled"), make("span"));
  const notice = make("p", "notice");
  const chips = FILTERS.map((each) => {
    const count = make("b", "count");
    const chip = makeButton("", signal, () => show(each));
    mark(chip, "chip", true);
    mark(chip, each, true);
    if (each !== "all") chip.append(makeIcon(each));
    chip.append(count, make("span", "", each));
    return { each, chip, count };
  });
  const search = document.createElement("input");
  search.type = "search";
  mark(search, "search", true);
  search.placeholder = "Filter names";
  search.setAttribute("aria-label", "filter documents by name");
  search.autocomplete = "off";
  search.spellcheck = false;
  suppressShortcuts(search);
  search.addEventListener("input", () => seek(search.value), { signal });
  const filters = make("div", "filters", ...chips.map(({ chip }) => chip));
  filters.setAttribute("role", "group");
  filters.setAttribute("aria-label", "filter documents by state");
  const tools = make("div", "tools", filters, search);
  let segments = "";
  let ratesUntil = -Infinity;
  let ratesOf = "";
  function drawScale(steps) {
    const key = JSON.stringify(steps);
    if (key === segments) return;
    segments = key;
    scale.replaceChildren(
      ...steps.map((step) => {
        const label = make("span", "segment", plain(step.name));
        label.style.left = `${step.from}%`;
        label.style.width = `${step.to - step.from}%`;
        return label;
      })
    );
    element.parentElement?.style.setProperty("--docprogress-segments", mask(steps));
  }
  function draw2({ knowledge, summary, lost, now, filter, notice: said, line }) {
    const row = knowledge.single ? knowledge.sorted()[0] : null;
    const trouble = line.problem(summary);
    put(
      /** @type {HTMLElement} */
      problem2.lastChild,
      trouble
    );
    hide(problem2, !trouble);
    put(notice, said.text);
    hide(notice, !said.text);
    mark(notice, "bad", said.bad);
    hide(tools, knowledge.single || !summary);
    hide(present, !row);
    hide(scale, !row);
    hide(bar, !summary);
    hide(name, !row);
    if (!summary) {
      setIcon(icon, "queued");
      put(percent, lost ? "" : "connecting …");
      hide(cancel, true);
      hide(retry, true);
      return;
    }
    drawScale(summary.steps ?? []);
    const { counts } = summary;
    const verdict = row ? stateOf(row) : verdictOf(summary);
    const until = summary.loading ? `${NUMBERS.format(summary.rows)} of ${NUMBERS.format(summary.total)} listed so far` : summary.finished ? "" : untilWhen(summary, now);
    setIcon(icon, verdict);
    tell(headline, "data-state", verdict);
    put(percent, headlineOf(summary, row));
    put(left, trouble ? "" : until);
    put(title, row ? "" : plain(summary.title));
    if (row) setName(name, row);
    put(elapsed, elapsedOf(summary, now));
    const shown = `${summary.finished} ${trouble}`;
    if (performance.now() >= ratesUntil || shown !== ratesOf) {
      ratesUntil = performance.now() + RATE;
      ratesOf = shown;
      put(pages, pagesOf(summary, trouble));
      put(documents, row || trouble ? "" : rateOf(summary.documents_per_second, "documents"));
    }
    const shares = row ? { [stateOf(row)]: row.progress / 100 } : sharesOf(summary);
    for (const [state, part] of Object.entries(parts)) {
      const share = shares[
        /** @type {State} */
        state
      ] ?? 0;
      style(part, "width", `${rounded(clamp(share, 0, 1) * 100)}%`);
      const ended = !row && (state === "failed" || state === "cancelled") && counts[state] > 0;
      hide(part, share === 0 && !ended);
    }
    mark(bar, "segmented", row !== null);
    const whole = row ? row.progress : percentage(summary.fraction);
    describe(bar, whole, [headlineOf(summary, row), until].filter(Boolean).join(", "));
    hide(cancel, !summary.actions || summary.finished || !summary.total);
    const again = counts.failed + counts.cancelled;
    hide(retry, !summary.actions || !again);
    put(retry, row ? "Retry" : retryLabel(counts));
    if (row) drawPresent(row, now);
    for (const { each, chip, count } of chips) {
      const many = countOf(summary, each);
      put(count, NUMBERS.format(many));
      tell(chip, "aria-pressed", each === filter);
      mark(chip, "none", !many);
      const wanted = ALWAYS_SHOWN.has(each) || SHOWN_MEANWHILE.has(each) && !summary.finished;
      hide(chip, !many && !wanted && each !== filter);
    }
  }
  function drawPresent(row, clock) {
    const said = [
      row.step && !isFinal(row.status) ? plain(row.step) : "",
      detailOf(row, clock)
    ];
    put(message, cut(said.filter(Boolean).join(" · "), LONGEST_CELL));
    tell(present, "data-state", stateOf(row));
    for (const label of scale.children) {
      const now = row.status !== "completed" && label.textContent === plain(row.step);
      mark(label, "now", now);
    }
  }
  const element = make("div", "header", headline, bar, scale, present, problem2, notice, tools);
  return { element, draw: draw2 };
}
function createGrid({ signal, unique, open, dismiss, schedule: schedule2 }) {
  const titles = ["state", "document", "progress", "step", "message", "worker", "time"];
  const heading = make(
    "div",
    "hidden-text",
    ...titles.map((title) => withRole(make("span", "", title), "columnheader"))
  );
  heading.setAttribute("role", "row");
  heading.setAttribute("aria-rowindex", "1");
  const body = withRole(make("div", "rows", heading), "rowgroup");
  const nothing = make("p", "nothing");
  const element = make("div", "grid", body, nothing);
  element.setAttribute("role", "grid");
  element.setAttribute("aria-label", "documents");
  element.tabIndex = 0;
  suppressShortcuts(element);
  let slots = [];
  let order = [];
  let arranged = "";
  let revision = -1;
  let top = 0;
  let height = 0;
  let heldUntil = 0;
  let active = null;
  element.addEventListener(
    "scroll",
    () => {
      top = element.scrollTop;
      schedule2();
    },
    { signal, passive: true }
  );
  for (const event of ["pointermove", "pointerdown", "keydown", "wheel"]) {
    const hold = () => {
      heldUntil = performance.now() + HOLD;
    };
    element.addEventListener(event, hold, { signal, passive: true });
  }
  const release = () => {
    heldUntil = 0;
    schedule2();
  };
  element.addEventListener("pointerleave", release, { signal });
  element.addEventListener("focusout", release, { signal });
  element.addEventListener("focusin", schedule2, { signal });
  element.addEventListener(
    "click",
    (event) => {
      const row = slots.find(
        (slot) => slot.element.contains(
          /** @type {Node} */
          event.target
        )
      )?.row;
      if (!row) return;
      active = row;
      open(row);
    },
    { signal }
  );
  element.addEventListener("keydown", pressed, { signal });
  const observer = new ResizeObserver(() => {
    height = element.clientHeight;
    top = element.scrollTop;
    schedule2();
  });
  observer.observe(element);
  function pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(height / ROW_HEIGHT) - 1, 1);
    const at = active ? order.indexOf(active) : -1;
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: Math.max(at, 1) - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: order.length - 1
    };
    if (event.key in moves) move(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && active) open(active);
    else if (event.key === "Escape") dismiss();
    else return;
    event.preventDefault();
  }
  function move(position) {
    const at = clamp(position, 0, order.length - 1);
    active = order[at] ?? null;
    const above = at * ROW_HEIGHT;
    if (above < top) element.scrollTop = above;
    else if (above + ROW_HEIGHT > top + height) element.scrollTop = above + ROW_HEIGHT - height;
    top = element.scrollTop;
    schedule2();
  }
  function arrange2({ knowledge, filter, query }) {
    const wanted = `${filter} ${query}`;
    const sorted = knowledge.sorted();
    const same = wanted === arranged && order.length > 0;
    if (same && revision === knowledge.revision) return;
    const known = same && knowledge.rows.get(order[0].index) === order[0];
    if (known && performance.now() < heldUntil) return;
    if (wanted !== arranged) element.scrollTop = top = 0;
    arranged = wanted;
    revision = knowledge.revision;
    order = arrangement(sorted, filter, query);
    if (active) active = knowledge.rows.get(active.index) ?? null;
  }
  function draw2(picture, opened) {
    const { knowledge, now, summary } = picture;
    hide(element, knowledge.single || !summary);
    if (element.hidden) return;
    arrange2(picture);
    const long = order.length > ROWS_SHOWN;
    mark(element, "long", long);
    style(element, "max-height", long ? `${order.length * ROW_HEIGHT}px` : "none");
    style(body, "height", `${order.length * ROW_HEIGHT}px`);
    tell(element, "aria-rowcount", order.length + 1);
    put(nothing, order.length ? "" : emptiness(picture));
    hide(nothing, order.length > 0);
    const seen = Math.ceil((height || ROWS_SHOWN * ROW_HEIGHT) / ROW_HEIGHT) + 1;
    const size = Math.min(seen + 2 * OVERSCAN, order.length);
    while (slots.length < size) {
      const slot = createSlot(`${unique}-${slots.length}`);
      slots.push(slot);
      body.append(slot.element);
    }
    for (const slot of slots.splice(size)) slot.element.remove();
    const first = clamp(Math.floor(top / ROW_HEIGHT) - OVERSCAN, 0, order.length - size);
    let pointed = "";
    for (let position = first; position < first + size; position += 1) {
      const row = order[position];
      const slot = slots[position % size];
      slot.draw(row, position, now);
      mark(slot.element, "active", row === active);
      tell(slot.element, "aria-selected", row.id === opened);
      if (row === active) pointed = slot.element.id;
    }
    if (pointed) tell(element, "aria-activedescendant", pointed);
    else element.removeAttribute("aria-activedescendant");
  }
  return {
    element,
    draw: draw2,
    rearrange() {
      heldUntil = 0;
    },
    close() {
      observer.disconnect();
      slots = [];
      order = [];
    }
  };
}
function arrangement(sorted, filter, query) {
  const fits = sorted.length <= ROWS_SHOWN;
  const groups = ORDER.map(() => []);
  for (const row of sorted) {
    const state = stateOf(row);
    if (!isWanted(row, state, filter)) continue;
    if (query && !row.name.toLocaleLowerCase().includes(query)) continue;
    groups[fits && state !== "failed" ? 1 : ORDER.indexOf(state)].push(row);
  }
  return groups.flat();
}
function isWanted(row, state, filter) {
  return filter === "all" || state === filter || row.status === filter;
}
function createSlot(id) {
  const icon = makeIcon();
  const state = withRole(make("div", "state", icon), "gridcell");
  const name = withRole(make("div", "name"), "gridcell");
  const fill = make("div", "fill");
  const bar = make("div", "bar segmented", fill);
  bar.setAttribute("role", "progressbar");
  const percent = make("span", "percent");
  const progress = withRole(make("div", "progress", bar, percent), "gridcell");
  const step = withRole(make("div", "step"), "gridcell");
  const number = make("span");
  const attempt = make("span", "attempt", make("span", "word", "attempt "), number);
  const said = make("span", "said");
  said.dir = "auto";
  const message = withRole(make("div", "message", attempt, said), "gridcell");
  const worker = withRole(make("div", "worker"), "gridcell");
  const time = withRole(make("div", "time"), "gridcell");
  const element = make("div", "row", state, name, progress, step, message, worker, time);
  element.setAttribute("role", "row");
  element.id = id;
  const slot = {
    element,
    /** @type {Row | null} */
    row: null,
    /**
     * @param {Row} row
     * @param {number} position
     * @param {number} now
     */
    draw(row, position, now) {
      const what = stateOf(row);
      slot.row = row;
      style(element, "transform", `translateY(${position * ROW_HEIGHT}px)`);
      tell(element, "aria-rowindex", position + 2);
      tell(element, "data-state", what);
      setIcon(icon, what);
      tell(state, "aria-label", what);
      setName(name, row);
      const share = clamp(row.progress, 0, 100);
      style(fill, "transform", `translateX(${rounded(share - 100)}%)`);
      const shown = what === "queued" ? "" : percentOf(row);
      put(percent, shown);
      describe(bar, share, `${what}, ${percentOf(row)}`);
      tell(bar, "aria-label", cut(nameOf(row), 80));
      const text = detailOf(row, now);
      put(said, cut(text, LONGEST_CELL));
      hover(message, what === "failed" ? wordsOf(row) : text);
      put(number, attemptOf2(row));
      hide(attempt, !number.textContent);
      const named = row.status === "processing" || row.status === "failed";
      put(step, named ? cut(plain(row.step), 60) : "");
      put(worker, cut(plain(row.worker ?? ""), 60));
      put(time, timeOf(row, now));
    }
  };
  return slot;
}
function createPanel({ signal, act: act2, dismiss, sender }) {
  const icon = makeIcon();
  const name = make("h3", "name");
  name.dir = "auto";
  suppressShortcuts(name);
  const cancel = makeButton("Cancel", signal, () => act2("cancel", [panel.opened]));
  const retry = makeButton("Retry", signal, () => act2("retry", [panel.opened]));
  const close = makeButton("", signal, dismiss);
  mark(close, "close", true);
  close.setAttribute("aria-label", "close the details");
  close.append(makeSvg(CLOSE_SHAPE));
  const head = make("div", "head", icon, name, retry, cancel, close);
  const facts = make("p", "facts");
  const words = make("p", "words");
  words.dir = "auto";
  suppressShortcuts(words);
  const reason = make("div", "reason");
  reason.dir = "auto";
  reason.tabIndex = 0;
  reason.setAttribute("role", "group");
  reason.setAttribute("aria-label", "error");
  suppressShortcuts(reason);
  const copy = makeButton("Copy", signal, copyReason);
  const error = make("div", "error", reason, copy);
  const timeline = make("div", "timeline");
  const history2 = make("div", "history");
  history2.tabIndex = 0;
  history2.setAttribute("role", "group");
  history2.setAttribute("aria-label", "history");
  suppressShortcuts(history2);
  const waiting = make("p", "waiting");
  const element = make("div", "panel", head, facts, words, error, waiting, timeline, history2);
  element.setAttribute("role", "group");
  element.hidden = true;
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") dismiss();
    },
    { signal }
  );
  let details = null;
  let askedAt = 0;
  let pending = false;
  let asOf = "";
  let whole = "";
  let copyTimer = 0;
  async function copyReason() {
    const copied = await copyText(whole, reason);
    if (signal.aborted) return;
    clearTimeout(copyTimer);
    put(copy, copied ? "Copied" : "Select it and press Ctrl+C");
    copyTimer = Number(setTimeout(() => put(copy, "Copy"), 2e3));
  }
  function momentOf(row) {
    return `${row.status} ${row.step} ${row.attempt}`;
  }
  function find2(knowledge) {
    return knowledge.sorted().find((row) => row.id === panel.opened);
  }
  const panel = {
    element,
    opened: "",
    /** @param {string} id */
    open(id) {
      panel.opened = id;
      details = null;
      asOf = "";
      timeline.replaceChildren();
      history2.replaceChildren();
    },
    asking() {
      askedAt = performance.now();
      pending = true;
    },
    /**
     * Whether the document has moved on since its details were asked for.
     *
     * @param {Knowledge} knowledge
     */
    outdated(knowledge) {
      if (!panel.opened || performance.now() - askedAt < 1e3) return false;
      const row = find2(knowledge);
      if (!row || momentOf(row) === asOf) return false;
      asOf = momentOf(row);
      return true;
    },
    /** @param {Details} told */
    show(told) {
      if (told.id !== panel.opened) return;
      details = told;
      pending = false;
      asOf ||= momentOf(told.row);
      timeline.replaceChildren(...timelineOf(told));
      history2.replaceChildren(historyOf(told));
    },
    /** @param {Picture} picture */
    draw({ knowledge, summary, now }) {
      const row = panel.opened ? find2(knowledge) : void 0;
      hide(element, !row);
      if (!row) return;
      const state = stateOf(row);
      asOf ||= momentOf(row);
      tell(element, "data-state", state);
      tell(element, "aria-label", `details of ${cut(nameOf(row), 80)}`);
      setIcon(icon, state);
      const told = details?.row;
      const full = {
        ...row,
        name: wholeOf(row.name, told?.name),
        message: wholeOf(row.message, told?.message)
      };
      putScrolled(name, nameOf(full));
      putScrolled(words, row.status === "failed" ? "" : detailOf(full, now));
      hide(words, !words.textContent);
      hide(cancel, !summary?.actions || isFinal(row.status));
      hide(retry, !summary?.actions || !["failed", "cancelled"].includes(row.status));
      put(facts, factsOf(row, now).join(" · "));
      const ended = told?.attempt === row.attempt ? told.error : null;
      whole = row.error ? ended ?? row.error : "";
      put(reason, visible(whole));
      hide(error, !whole);
      const patient = pending && performance.now() - askedAt > PATIENCE;
      const busy = `waiting for the ${sender}, which is busy`;
      const note = patient ? busy : details?.problem ?? "";
      put(waiting, note || (details ? "" : "…"));
      hide(waiting, !waiting.textContent);
      hide(timeline, !timeline.childElementCount);
      hide(history2, !details?.history.length);
    },
    close() {
      clearTimeout(copyTimer);
      panel.opened = "";
      details = null;
      hide(element, true);
    }
  };
  return panel;
}
function timelineOf({ steps }) {
  if (steps.every((step) => step.seconds === null)) return [];
  const all = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0) || 1;
  let begun = 0;
  return steps.map((step) => {
    const seconds = step.seconds ?? 0;
    const span = make("div", "span");
    span.hidden = !seconds;
    span.style.marginInlineStart = `${rounded(begun / all * 100)}%`;
    span.style.width = `${rounded(seconds / all * 100)}%`;
    begun += seconds;
    const took = step.seconds === null ? [] : [duration(step.seconds)];
    if (step.pages) took.push(plural(step.pages, "page"));
    if (step.attempt && step.attempt > 1) took.push(`attempt ${step.attempt}`);
    return make(
      "div",
      "timed",
      make("span", "step", plain(step.name)),
      make("div", "lane", span),
      make("span", "took", took.join(" · "))
    );
  });
}
function historyOf({ history: history2 }) {
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
    const line = body.insertRow();
    line.dataset.state = event.status;
    for (const text of [
      timeOfDay(Date.parse(event.timestamp)),
      event.attempt === null ? "" : String(event.attempt),
      event.status,
      cut(plain(event.step), 60),
      String(Math.floor(event.progress))
    ]) {
      line.insertCell().textContent = text;
    }
    const message = line.insertCell();
    message.dir = "auto";
    message.textContent = cut(plain(event.error || event.message), 1e3);
  }
  return table;
}
function stateOf(row) {
  return row.status === "processing" && row.stalled ? "stalled" : row.status;
}
function nameOf(row) {
  return plain(row.name) || "(no name)";
}
function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}
function verdictOf({ counts, finished, stalled }) {
  if (!finished) {
    if (stalled && stalled >= counts.processing) return "stalled";
    return counts.processing || counts.completed ? "processing" : "queued";
  }
  if (counts.failed) return "failed";
  return counts.cancelled ? "cancelled" : "completed";
}
function headlineOf(summary, row) {
  if (row) return isFinal(row.status) ? row.status : percentOf(row);
  const { counts, finished, fraction, total } = summary;
  if (!total) return "no documents";
  if (!finished) return `${percentage(fraction)} %`;
  const all = plural(total, "document");
  if (counts.failed) return `${NUMBERS.format(counts.failed)} of ${all} failed`;
  if (counts.cancelled) return `${NUMBERS.format(counts.cancelled)} of ${all} cancelled`;
  return total === 1 ? "completed" : `all ${NUMBERS.format(total)} documents completed`;
}
function untilWhen(summary, now) {
  const { counts, stalled, remaining: seconds, heardAt, total, sending: sending2, waiting } = summary;
  if (!total) return "";
  if (sending2) {
    const [sent2, all] = [NUMBERS.format(sending2.sent), NUMBERS.format(sending2.total)];
    return sending2.total === 1 ? "sending the file" : `sending files: ${sent2} of ${all} sent`;
  }
  if (!counts.processing) return waiting ?? "waiting for a worker";
  if (stalled >= counts.processing) return "stalled";
  if (seconds === null) return remaining(null);
  return remaining(Math.max(seconds - (now - (heardAt ?? now)) / 1e3, 0));
}
function rateOf(perSecond, noun) {
  return perSecond ? rate(perSecond, noun) : "";
}
function pagesOf({ finished, pages, pages_per_second }, trouble) {
  if (finished) return pages ? plural(pages, "page") : "";
  return trouble ? "" : rateOf(pages_per_second, "pages");
}
function elapsedOf({ elapsed, finished, heardAt }, now) {
  if (elapsed === null) return "";
  const since = finished ? 0 : Math.max(now - (heardAt ?? now), 0) / 1e3;
  return stopwatch(elapsed + since);
}
function workOf(documents) {
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
function sharesOf({ counts, shares, stalled }) {
  const { processing, ...rest } = shares;
  const dead = stalled > 0 && stalled >= counts.processing;
  return { ...rest, [dead ? "stalled" : "processing"]: processing };
}
function countOf({ counts, stalled, total }, filter) {
  if (filter === "all") return total;
  return filter === "stalled" ? stalled : counts[filter];
}
function retryLabel({ failed, cancelled }) {
  if (failed && cancelled) return `Retry ${NUMBERS.format(failed + cancelled)}`;
  return failed ? `Retry ${NUMBERS.format(failed)} failed` : `Retry ${NUMBERS.format(cancelled)} cancelled`;
}
function emptiness({ knowledge, filter, query }) {
  if (!knowledge.rows.size) return "no documents yet";
  const what = filter === "all" ? "document" : `${filter} document`;
  return query ? `no ${what} with “${query}” in its name` : `no ${what}`;
}
function detailOf(row, now) {
  const state = stateOf(row);
  const words = wordsOf(row);
  if (state === "stalled") {
    const silent = Math.max(now - (row.silentFrom ?? now), 0) / 1e3;
    const since = row.silentFrom === void 0 ? "" : ` for ${stopwatch(silent)}`;
    return `stalled${since}${words ? `, after “${words}”` : ""}`;
  }
  if (state === "failed") return words || "no reason was given";
  if (words.toLocaleLowerCase() !== state && words.toLocaleLowerCase() !== row.step.toLocaleLowerCase()) {
    return words;
  }
  if (state === "processing" && row.current !== null && row.total) {
    return `${plain(row.unit ?? "")} ${row.current} of ${row.total}`.trim();
  }
  return "";
}
function wordsOf(row) {
  let text = plain(row.status === "failed" && row.error || row.message || "");
  for (const prefix of [`${plain(row.name)}:`, `${row.status}:`]) {
    const begins = text.slice(0, prefix.length).toLocaleLowerCase();
    if (begins === prefix.toLocaleLowerCase()) text = text.slice(prefix.length).trimStart();
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
  if (row.step) facts.push(cut(plain(row.step), LONGEST_CELL));
  if (row.attempt !== null) {
    facts.push(
      row.attempts ? `attempt ${row.attempt} of ${row.attempts}` : `attempt ${row.attempt}`
    );
  }
  if (row.elapsed !== null) facts.push(duration(secondsOf(row, now)));
  for (const text of [row.worker, row.id]) {
    if (text) facts.push(cut(plain(text), LONGEST_CELL));
  }
  return facts;
}
function wholeOf(text, told) {
  return told?.startsWith(text.replace(/…$/, "")) ? told : text;
}
function percentOf({ progress, status }) {
  return `${status === "completed" ? 100 : Math.floor(clamp(progress, 0, 99.9))} %`;
}
function percentage(share) {
  return share >= 1 ? 100 : clamp(Math.floor(share * 100 + 1e-9), 0, 99);
}
function stopwatch(seconds) {
  const whole = Math.floor(seconds);
  const pad = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
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
    const many = `${Math.floor(whole / unit)} ${name}`;
    return rest ? `${many} ${rest} ${smallName}` : many;
  }
  return `${whole} s`;
}
function remaining(seconds) {
  if (seconds === null) return "time left unknown";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  const said = minutes >= 10 ? Math.round(minutes / 5) * 5 : Math.max(minutes, 1);
  return `about ${duration(said * 60)} left`;
}
function rate(perSecond, noun) {
  let value = perSecond;
  let unit = "s";
  for (const longer of ["min", "h"]) {
    if (value >= 0.95) break;
    value *= 60;
    unit = longer;
  }
  return `${value >= 9.95 ? NUMBERS.format(value) : value.toFixed(1)} ${noun}/${unit}`;
}
function plural(count, noun) {
  return `${NUMBERS.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}
function timeOfDay(wall) {
  if (!Number.isFinite(wall)) return "an unknown time";
  const date = new Date(wall);
  const pad = (number) => String(number).padStart(2, "0");
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(":");
}
function plain(text) {
  return visible(text.slice(0, LONGEST_TITLE)).replace(/\s+/gu, " ").trim();
}
function visible(text) {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "�").replace(/[^\P{Cc}\t\n\v\f\r]|\p{Cs}/gu, "�");
}
function cut(text, longest) {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest).replace(/[\ud800-\udbff]$/, "").trimEnd()}…`;
}
function setName(element, row) {
  const name = nameOf(row);
  if (element.title === name) return;
  element.title = name;
  const parts = name.length > 2 * TAIL && /^[\x20-\x7e]+$/.test(name) ? [name.slice(0, LONGEST_CELL - TAIL).slice(0, -TAIL), name.slice(-TAIL)] : [cut(name, LONGEST_CELL), ""];
  const spans = parts.map((part) => make("span", "", part));
  for (const span of spans) span.dir = "auto";
  element.replaceChildren(...parts[1] ? spans : spans.slice(0, 1));
}
function mask(steps) {
  if (steps.length < 2) return "none";
  const gaps = steps.slice(1).map(({ from }) => `#000 calc(${from}% - 1px), transparent 0 calc(${from}% + 1px), #000 0`);
  return `linear-gradient(to right, ${gaps.join(", ")})`;
}
async function copyText(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(shown);
    return document.execCommand("copy");
  }
}
function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  for (const name of className.split(" ").filter(Boolean)) mark(element, name, true);
  element.append(...children);
  return element;
}
function makeButton(label, signal, pressed) {
  const button = document.createElement("button");
  button.type = "button";
  mark(button, "button", true);
  button.textContent = label;
  suppressShortcuts(button);
  button.addEventListener("click", () => pressed(), { signal });
  return button;
}
function makeSvg(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", shape);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}
function makeIcon(state = "queued") {
  const icon = make("span", "icon", makeSvg(SHAPES[state]));
  icon.dataset.state = state;
  return icon;
}
function setIcon(icon, state) {
  if (icon.dataset.state === state) return;
  icon.dataset.state = state;
  icon.querySelector("path")?.setAttribute("d", SHAPES[state]);
}
function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}
function suppressShortcuts(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
}
function put(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}
function putScrolled(element, text) {
  if (put(element, text)) {
    element.tabIndex = element.scrollHeight > element.clientHeight ? 0 : -1;
  }
}
function hover(element, text) {
  if (element.title !== text) element.title = text;
}
function tell(element, attribute, value) {
  const text = String(value);
  if (element.getAttribute(attribute) !== text) element.setAttribute(attribute, text);
}
function mark(element, name, marked) {
  const className = `${PREFIX}${name}`;
  if (element.classList.contains(className) !== marked) {
    element.classList.toggle(className, marked);
  }
}
function style(element, property, value) {
  if (element.style.getPropertyValue(property) !== value) {
    element.style.setProperty(property, value);
  }
}
function describe(bar, percent, text) {
  tell(bar, "aria-valuenow", Math.floor(clamp(percent, 0, 100)));
  tell(bar, "aria-valuetext", text);
}
function hide(element, hidden) {
  if (element.hidden === hidden) return;
  const focused = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (focused) element.closest(".docprogress")?.focus();
}
function rounded(value) {
  return Number(value.toFixed(2));
}
function clamp(value, least, most) {
  return Math.max(least, Math.min(value, most));
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
  view.lose();
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
  view.acted({ request: request2, ok: !errors.length, text: text + failed });
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
  view.details({
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
    ...workOf([...entries.values()].map(({ event }) => event)),
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
  arrange();
  const rows = [...entries.values()].filter(({ index }) => changed.has(index)).map(rowOf);
  changed.clear();
  view.update({ summary: summarize(), rows });
  if (!heard) view.lose();
}
function replace() {
  arrange();
  changed.clear();
  view.replace({ summary: summarize(), rows: [...entries.values()].map(rowOf) });
  if (!heard) view.lose();
}
function arrange() {
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
