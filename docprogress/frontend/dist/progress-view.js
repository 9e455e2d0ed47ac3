/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

// src/shared/anchors.js
var ANCHOR = "docprogress-live-";
var OUTPUT = ".jp-OutputArea-output";
var STAGE = "docprogress-stage";
var CLOSING = 1e3;
function createAnchors(show, isClosed) {
  const views = /* @__PURE__ */ new Map();
  let key = "";
  const observer = new MutationObserver((records) => {
    const concerned = records.some(
      ({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some((node) => hasAnchor(node, key))
    );
    if (!concerned) return;
    refresh();
    clearTimeout(timer);
    timer = setTimeout(() => isClosed() && close(), CLOSING);
  });
  let timer;
  function refresh() {
    for (const slot of [...views.keys()]) if (isGone(slot)) remove(slot);
    for (const anchor of anchorsIn(document.documentElement, key)) {
      const slot = createSlot(anchor, key);
      if (slot) views.set(slot, show(slot));
      arrange(outputOf(anchor));
    }
  }
  function remove(slot) {
    views.get(slot)?.();
    views.delete(slot);
    const stage = slot.parentElement;
    slot.remove();
    const output = stage?.previousElementSibling;
    if (!stage?.childElementCount) stage?.remove();
    if (output) arrange(
      /** @type {HTMLElement} */
      output
    );
  }
  function close() {
    clearTimeout(timer);
    observer.disconnect();
    for (const slot of [...views.keys()]) remove(slot);
  }
  return {
    /**
     * Draw a view for every anchor of a session, from now on.
     *
     * @param {string} session its key
     */
    watch(session) {
      if (!session || session === key) return;
      for (const slot of [...views.keys()]) remove(slot);
      key = session;
      observer.observe(document.documentElement, { childList: true, subtree: true });
      refresh();
    },
    close
  };
}
function isGone(slot) {
  const output = slot.parentElement?.previousElementSibling;
  if (!output || !hasAnchor(output, slot.dataset.session ?? "")) return true;
  return !slot.isConnected && !slot.closest(".jp-Cell");
}
function hasAnchor(node, key) {
  return node instanceof Element && anchorsIn(node, key).length > 0;
}
function anchorsIn(element, key) {
  const name = `${ANCHOR}${key}`;
  const found = (
    /** @type {HTMLElement[]} */
    [...element.getElementsByClassName(name)]
  );
  return element.classList.contains(name) ? [
    /** @type {HTMLElement} */
    element,
    ...found
  ] : found;
}
function outputOf(anchor) {
  return anchor.closest(OUTPUT) ?? anchor;
}
function allAnchors(output) {
  const elements = [output, ...output.querySelectorAll(`[class*="${ANCHOR}"]`)];
  return elements.flatMap((element) => {
    const name = [...element.classList].find((each) => each.startsWith(ANCHOR));
    return name ? [[
      /** @type {HTMLElement} */
      element,
      name.slice(ANCHOR.length)
    ]] : [];
  });
}
function stageOf(output) {
  const next = output.nextElementSibling;
  return next?.classList.contains(STAGE) ? (
    /** @type {HTMLElement} */
    next
  ) : null;
}
function slotOf(stage, key) {
  const slots = (
    /** @type {HTMLElement[]} */
    [...stage?.children ?? []]
  );
  return slots.find(({ dataset }) => dataset.session === key) ?? null;
}
function createSlot(anchor, key) {
  const output = outputOf(anchor);
  const stage = stageOf(output) ?? document.createElement("div");
  if (slotOf(stage, key)) return null;
  if (!stage.parentElement) {
    stage.className = STAGE;
    output.after(stage);
  }
  const slot = document.createElement("div");
  slot.dataset.session = key;
  const keys = allAnchors(output).map(([, each]) => each);
  const later = keys.slice(keys.indexOf(key) + 1).map((each) => slotOf(stage, each));
  stage.insertBefore(slot, later.find(Boolean) ?? null);
  return slot;
}
function arrange(output) {
  const stage = stageOf(output);
  const anchors = allAnchors(output);
  for (const [anchor, key] of anchors) setDisplayed(anchor, !slotOf(stage, key));
  if (anchors[0]?.[0] === output) return;
  setDisplayed(output, !anchors.length || anchors.some(([, key]) => !slotOf(stage, key)));
}
function setDisplayed(element, displayed) {
  const display = displayed ? "" : "none";
  if (element.style.display !== display) element.style.display = display;
}

// src/shared/notebook.js
var PATIENCE = 1e3;
var SHARED_PATIENCE = 5e3;
var WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";
function createNotebook(model) {
  const manager = model.widget_manager;
  if (!manager?.context?.model?.cells) return null;
  let timer;
  function find(key) {
    const name = `docprogress-output-${key}`;
    const found = [];
    for (const { outputs } of manager.context?.model?.cells ?? []) {
      for (let position = 0; position < (outputs?.length ?? 0); position += 1) {
        const output = outputs.get(position).toJSON();
        const html = [output.data?.["text/html"] ?? ""].flat().join("");
        if (html.includes(name)) found.push({ outputs, position, output, html });
      }
    }
    return found;
  }
  return {
    /** Whether the notebook is closed. */
    get closed() {
      return !manager.context || manager.context.isDisposed === true;
    },
    /** @param {string} key */
    shows: (key) => find(key).length > 0,
    /**
     * Leave only what can be shown without the kernel in a session's outputs.
     *
     * @param {string} key
     * @returns {boolean} whether there was a widget
     */
    removeWidgets(key) {
      const live = find(key).filter(({ output }) => output.data[WIDGET_VIEW]);
      if (manager.context?.model?.collaborative) return live.length > 0;
      for (const { outputs, position, output } of live) {
        const { [WIDGET_VIEW]: _, ...data } = output.data;
        outputs.set(position, { ...output, data });
      }
      return live.length > 0;
    },
    /**
     * Have a session's outputs be what the kernel says, unless they become so by themselves.
     *
     * @param {string} key
     * @param {Record<string, string>} data
     * @param {number} rank how many pages come before this one. Of a shared notebook, two
     *   that change it at the same time would duplicate the output
     */
    replace(key, data, rank) {
      const turn = manager.context?.model?.collaborative ? rank : 0;
      if (turn < 0) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        for (const { outputs, position, output, html } of find(key)) {
          if (html !== data["text/html"]) outputs.set(position, { ...output, data });
        }
      }, PATIENCE + turn * SHARED_PATIENCE);
    }
  };
}
function showsLostWidget() {
  const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
  return outputs.some(
    (output) => /^(Error displaying widget|Loading widget)/.test(output.textContent?.trim() ?? "")
  );
}

// src/shared/places.js
var SETTLE = 300;
var LONGEST_SETTLE = 5e3;
var LOOK = 50;
function createPlaces({ model, page, show, onFound }) {
  const notebook = createNotebook(model);
  const createdAt = performance.now();
  const displaying = /* @__PURE__ */ new Map();
  let key = "";
  let found = false;
  let timer;
  const anchors = createAnchors(drawInAnchor, () => notebook?.closed === true);
  function drawInAnchor(element) {
    const remove = show(element);
    look();
    return remove;
  }
  function look() {
    if (!notebook || found || timer || !key) return;
    timer = setTimeout(
      () => {
        timer = void 0;
        for (const [element, since] of displaying) {
          const late = performance.now() > since + LONGEST_SETTLE;
          if (late || element.closest(".jp-OutputArea-output")) displaying.delete(element);
        }
        if (displaying.size) look();
        else if (notebook.shows(key)) {
          found = true;
          onFound({ type: "anchors", page, restored: !notebook.removeWidgets(key) });
        }
      },
      Math.max(createdAt + SETTLE - performance.now(), LOOK)
    );
  }
  return {
    /**
     * Draw a view where the front end displays the widget.
     *
     * @param {HTMLElement} element
     */
    show(element) {
      const remove = show(element);
      displaying.set(element, performance.now());
      look();
      return () => {
        displaying.delete(element);
        remove();
      };
    },
    /**
     * Draw views in the anchors of a session, from now on: its kernel has answered.
     *
     * @param {string} session its key
     */
    enter(session) {
      if (session === key) return;
      key = session;
      anchors.watch(key);
      look();
    },
    /**
     * Keep what the outputs are to be saved as.
     *
     * @param {{data: Record<string, string>, pages: string[]}} message by media type, and
     *   the pages that have such outputs
     */
    replace({ data, pages }) {
      notebook?.replace(key, data, pages.indexOf(page));
    },
    close() {
      clearTimeout(timer);
      anchors.close();
    }
  };
}

// src/shared/widget.js
function createWidget(createSession) {
  return () => {
    let session = null;
    return {
      /** @param {{model: Model}} context */
      initialize({ model }) {
        session = createSession(model);
        return () => {
          session?.close();
          session = null;
        };
      },
      /** @param {{model: Model, el: HTMLElement}} context */
      render({ model, el }) {
        session ??= createSession(model);
        return session.show(el);
      }
    };
  };
}
function pageId() {
  return Math.random().toString(36).slice(2);
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
function sentence(text) {
  return text.replace(/^[a-z](?=[a-z’']*(?:[\s,;:!?…]|$))/, (letter) => letter.toUpperCase());
}
function withoutName(text, name) {
  const prefix = `${name}:`;
  const begins = text.slice(0, prefix.length).toLocaleLowerCase() === prefix.toLocaleLowerCase();
  return begins ? text.slice(prefix.length).trimStart() : text;
}
function truncate(text, length) {
  if (text.length <= length) return text;
  return `${text.slice(0, length).replace(/[\ud800-\udbff]$/, "").trimEnd()}…`;
}
var SPLITTABLE = /^[\x20-\x7e\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uff60ー–—’“”]+$/u;
function setName(element, name) {
  if (element.title === name) return;
  element.title = name;
  const characters = [...name.normalize("NFC")];
  const splits = characters.length > 2 * NAME_TAIL && SPLITTABLE.test(characters.join(""));
  const parts = splits ? [characters.slice(0, MAX_CELL).slice(0, -NAME_TAIL), characters.slice(-NAME_TAIL)] : [truncate(name, MAX_CELL)];
  const spans = parts.map((part) => createElement("span", "", [...part].join("")));
  for (const span of spans) span.dir = "auto";
  element.replaceChildren(...spans);
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
  const whole2 = Math.floor(seconds);
  const hours = Math.floor(whole2 / 3600);
  const minutes = Math.floor(whole2 / 60) % 60;
  return hours ? `${hours}:${twoDigits(minutes)}:${twoDigits(whole2 % 60)}` : `${minutes}:${twoDigits(whole2 % 60)}`;
}
function duration(seconds) {
  if (seconds < 0.05) return "< 0.1 s";
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole2 = Math.round(seconds);
  const units = [
    [86400, "d", 3600, "h"],
    [3600, "h", 60, "min"],
    [60, "min", 1, "s"]
  ];
  for (const [unit, name, smaller, smallName] of units) {
    if (whole2 < unit) continue;
    const rest = Math.floor(whole2 % unit / smaller);
    const count = `${Math.floor(whole2 / unit)} ${name}`;
    return rest ? `${count} ${rest} ${smallName}` : count;
  }
  return `${whole2} s`;
}
function remaining(seconds) {
  if (seconds === null) return "time left unknown";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  const shown = minutes >= 10 ? Math.round(minutes / 5) * 5 : Math.max(minutes, 1);
  return `about ${duration(shown * 60)} left`;
}
var ROUND = [
  ...[5, 10, 15, 20, 30, 45],
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50].map((each) => each * 60),
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 18].map((each) => each * 3600),
  ...[1, 2, 3, 4, 5, 7, 10, 14, 21, 30].map((each) => each * 86400)
];
function remainingBetween(low, high) {
  if (high < ROUND[0]) return "a few seconds left";
  const least = ROUND.filter((each) => each <= low).pop() ?? 0;
  const most = ROUND.find((each) => each >= high);
  if (most === void 0) return `more than ${whole(least)} left`;
  if (!least) return `up to ${whole(most)} left`;
  if (least === most) return `about ${whole(most)} left`;
  const [, unit] = whole(most).split(" ");
  const first = whole(least);
  return `${first.endsWith(` ${unit}`) ? first.split(" ")[0] : first} to ${whole(most)} left`;
}
function whole(seconds) {
  if (seconds >= 86400) return `${seconds / 86400} d`;
  if (seconds >= 3600) return `${seconds / 3600} h`;
  return seconds >= 60 ? `${seconds / 60} min` : `${seconds} s`;
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

// src/shared/status.js
function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}

// src/progress-view/status.js
var STATES = ["failed", "stalled", "processing", "queued", "cancelled", "completed"];
function stateOf(row) {
  return row.status === "processing" && row.stalled ? "stalled" : row.status;
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

// src/progress-view/row-text.js
var AGAIN = /^Trying again \(attempt \d+ of \d+\): /;
var MAX_STEP = 60;
function detailOf(row, now2) {
  return sentence(plainDetailOf(row, now2));
}
function plainDetailOf(row, now2) {
  const state = stateOf(row);
  const message = messageOf(row);
  if (state === "stalled") {
    const silent = Math.max(now2 - (row.silentSince ?? now2), 0) / 1e3;
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
  const name = singleLine(row.name);
  for (const prefix of [name, row.status]) text = withoutName(text, prefix);
  const again = AGAIN.exec(text);
  return again ? `Trying again: ${withoutName(text.slice(again[0].length), name)}` : text;
}
function stepOf({ step, status }) {
  return status === "processing" || status === "failed" ? truncate(singleLine(step), MAX_STEP) : "";
}
function attemptOf({ attempt, attempts, status }) {
  if (attempt === null || attempt <= 1 || status === "completed") return "";
  return attempts ? `${attempt} of ${attempts}` : String(attempt);
}
function timeOf(row, now2) {
  if (row.status === "queued" || row.elapsed === null) return "";
  const seconds = secondsOf(row, now2);
  return isFinal(row.status) && seconds < 59.95 ? duration(seconds) : stopwatch(seconds);
}
function secondsOf(row, now2) {
  if (row.status !== "processing" || row.startedAt === void 0) return row.elapsed ?? 0;
  return Math.max(now2 - row.startedAt, 0) / 1e3;
}
function factsOf(row, now2) {
  const facts = [sentence(row.status), unbroken(percentOf(row))];
  if (row.step) facts.push(truncate(singleLine(row.step), MAX_CELL));
  if (row.attempt !== null) {
    const most = row.attempts ? ` of ${row.attempts}` : "";
    facts.push(unbroken(`attempt ${row.attempt}${most}`));
  }
  if (row.elapsed !== null && row.status !== "queued") {
    facts.push(unbroken(duration(secondsOf(row, now2))));
  }
  for (const text of [row.worker, row.id]) {
    if (text) facts.push(truncate(singleLine(text), MAX_CELL));
  }
  return facts;
}
function unbroken(text) {
  return text.replaceAll(" ", " ");
}

// src/progress-view/columns.js
var COLUMNS = [
  { key: "select", title: "Selection", value: null },
  { key: "state", title: "State", value: (row) => STATES.indexOf(stateOf(row)) },
  { key: "name", title: "Document", value: ({ name }) => singleLine(name) },
  { key: "progress", title: "Progress", value: progressOf },
  { key: "step", title: "Step", value: stepOf },
  { key: "message", title: "Message", value: messageOf },
  { key: "worker", title: "Worker", value: ({ worker }) => worker },
  { key: "time", title: "Time", value: elapsedOf }
];
var COLLATOR = new Intl.Collator(void 0, { numeric: true, sensitivity: "base" });
function progressOf({ progress, status }) {
  return status === "queued" && progress === 0 ? null : progress;
}
function elapsedOf(row) {
  if (row.status === "queued") return null;
  if (row.status !== "processing" || row.startedAt === void 0) return row.elapsed;
  return (performance.now() - row.startedAt) / 1e3;
}
function nextSort(sort, key) {
  if (sort?.key !== key) return { key, descending: false };
  return sort.descending ? null : { key, descending: true };
}
function sortRows(rows, { key, descending }) {
  const value = COLUMNS.find((column) => column.key === key)?.value;
  if (!value) return rows;
  const direction = descending ? -1 : 1;
  return rows.map((row) => ({ row, value: value(row) })).sort((one, other) => {
    const empty = Number(isEmpty(one.value)) - Number(isEmpty(other.value));
    return empty || direction * compare(one.value, other.value);
  }).map(({ row }) => row);
}
function isEmpty(value) {
  return value === null || value === "";
}
function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return COLLATOR.compare(String(one ?? ""), String(other ?? ""));
}

// src/progress-view/search.js
var DELAY = 250;
function folded(text) {
  return text.normalize("NFC").toLocaleLowerCase();
}
function termsOf(query) {
  return folded(query).split(/\s+/u).filter(Boolean);
}
function matches(row, { terms, found }) {
  if (!terms.length || found.has(row.id)) return true;
  const { name, message, error, worker, id } = row;
  const text = folded([name, message, error, worker, id].join("\n"));
  return terms.every((term) => text.includes(term));
}
function createSearch({ onSearch, onChange }) {
  let query = "";
  let timer = 0;
  const search = {
    /** @type {string[]} */
    terms: [],
    /** @type {Set<string>} ids that the sender has found */
    found: /* @__PURE__ */ new Set(),
    /** Whether the sender has not answered yet. */
    pending: false,
    get query() {
      return query;
    },
    /** @param {string} text */
    set(text) {
      const trimmed = text.trim();
      if (trimmed === query) return;
      query = trimmed;
      search.terms = termsOf(query);
      search.found = /* @__PURE__ */ new Set();
      clearTimeout(timer);
      search.pending = Boolean(query && onSearch);
      if (search.pending) timer = Number(setTimeout(ask, DELAY));
      onChange();
    },
    close() {
      clearTimeout(timer);
      query = "";
    }
  };
  async function ask() {
    const asked = query;
    const ids = await onSearch?.(asked).catch(() => []) ?? [];
    if (asked !== query) return;
    search.pending = false;
    if (ids.length) search.found = new Set(ids);
    onChange();
  }
  return search;
}

// src/progress-view/arrangement.js
var VISIBLE_ROWS = 14;
var MEMBER = /\.\d+$/;
function nested(rows) {
  const ordered = [...rows].sort((one, other) => one.index - other.index);
  const members = ordered.filter(({ id }) => MEMBER.test(id));
  if (members.length === 0) return ordered;
  const known = new Set(ordered.map(({ id }) => id));
  const below = /* @__PURE__ */ new Map();
  const waiting = ordered.filter((row) => {
    const container = row.id.replace(MEMBER, "");
    if (container === row.id || !known.has(container)) return true;
    const beside = below.get(container);
    if (beside) beside.push(row);
    else below.set(container, [row]);
    return false;
  });
  waiting.reverse();
  const found = [];
  for (let row = waiting.pop(); row; row = waiting.pop()) {
    found.push(row);
    for (const member of (below.get(row.id) ?? []).reverse()) waiting.push(member);
  }
  return found;
}
function arrange2(rows, { filter, search, sort, keptId }) {
  const matching = rows.filter((row) => {
    if (row.id === keptId) return true;
    if (filter !== "all" && stateOf(row) !== filter && row.status !== filter) return false;
    return matches(row, search);
  });
  if (sort) return sortRows(matching, sort);
  const fits = rows.length <= VISIBLE_ROWS;
  const groups = STATES.map(() => []);
  for (const row of matching) {
    const state = stateOf(row);
    groups[fits && state !== "failed" ? 1 : STATES.indexOf(state)].push(row);
  }
  return groups.flat();
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
  const rowsById = /* @__PURE__ */ new Map();
  let sorted = null;
  const store = {
    /** @type {Summary | null} */
    summary: null,
    /** Increases whenever the position of a row may change. */
    revision: 0,
    rows,
    /** The rows in the order of submission, members below their container. */
    sorted() {
      sorted ??= nested(rows.values());
      return sorted;
    },
    /** @param {string} id */
    byId(id) {
      return rowsById.get(id);
    },
    get single() {
      return rows.size === 1 && (store.summary?.total ?? 0) <= 1;
    },
    /** @param {Delta} delta */
    update({ summary, rows: changes }) {
      const now2 = performance.now();
      store.summary = { ...summary, receivedAt: summary.receivedAt ?? now2 };
      for (const change of changes) {
        const known = rows.get(change.index);
        if (!known && !isComplete(change)) continue;
        const before = known && stateOf(known);
        const row = known ?? /** @type {Row} */
        { ...DEFAULTS, ...change };
        if (known) {
          if (rowsById.get(known.id) === known) rowsById.delete(known.id);
          Object.assign(known, change);
          rowsById.set(known.id, known);
        } else {
          rows.set(row.index, row);
          rowsById.set(row.id, row);
          sorted = null;
        }
        startClocks(row, change, now2);
        if (before !== stateOf(row)) store.revision += 1;
      }
    },
    /** @param {Snapshot} snapshot */
    replace(snapshot) {
      rows.clear();
      rowsById.clear();
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
function startClocks(row, change, now2) {
  if (typeof change.elapsed === "number" && change.startedAt === void 0) {
    const startedAt = now2 - change.elapsed * 1e3;
    const moved = Math.abs((row.startedAt ?? -Infinity) - startedAt);
    if (moved > CLOCK_TOLERANCE) row.startedAt = startedAt;
  }
  if (typeof change.silent === "number" && change.silentSince === void 0) {
    row.silentSince = now2 - change.silent * 1e3;
  }
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
    actions.notice = { text: sentence(text), bad };
    retried = /* @__PURE__ */ new Map();
    if (Number.isFinite(milliseconds)) {
      timer = Number(setTimeout(() => notify("", false, Infinity), milliseconds));
    }
    onChange();
  }
  function retryTargets(ids) {
    const targets = /* @__PURE__ */ new Map();
    const wanted = ids && new Set(ids);
    for (const { index, id, status, attempt } of store.rows.values()) {
      if (isRetryable(status) && (wanted === null || wanted.has(id))) {
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
      const request = onAction ? onAction(action, ids) : -1;
      if (request === null) return;
      if (request < 0) {
        notify(`the ${sender} cannot be reached: nothing was done`, true);
        return;
      }
      const label = action === "cancel" ? "cancelling" : "retrying";
      const slow = setTimeout(() => {
        const gone = isLost() ? " or gone" : "";
        notify(`${label}: waiting for the ${sender}, which is busy${gone}`, false, Infinity);
      }, SLOW_ANSWER);
      const targets = action === "retry" ? retryTargets(ids) : /* @__PURE__ */ new Map();
      pending.set(request, { timer: Number(slow), targets });
      notify(`${label} …`, false, Infinity);
    },
    /** @param {ActionResult} result */
    showResult({ request, ok, text }) {
      const found = pending.get(request);
      if (!found) return;
      clearTimeout(found.timer);
      pending.delete(request);
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

// src/shared/clipboard.js
async function copyToClipboard(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (!shown) return copyFromField(text);
    getSelection()?.selectAllChildren(shown);
    return document.execCommand("copy");
  }
}
function copyFromField(text) {
  const focused = (
    /** @type {HTMLElement | null} */
    document.activeElement
  );
  const field = document.createElement("textarea");
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}

// src/progress-view/csv.js
var FIELDS = [
  ["document", ({ name }) => name],
  ["status", ({ status }) => status],
  ["step", ({ step }) => step],
  ["progress", ({ progress }) => progress],
  ["error", ({ status, error }) => status === "failed" ? error : null],
  ["message", (row) => row.status === "failed" ? null : messageOf(row)],
  ["attempt", ({ attempt }) => attempt],
  ["seconds", ({ elapsed }) => elapsed],
  ["worker", ({ worker }) => worker],
  ["id", ({ id }) => id]
];
function toCsv(rows, errors = /* @__PURE__ */ new Map()) {
  const lines = rows.map((row) => {
    const whole2 = { ...row, error: errors.get(row.id) ?? row.error };
    return FIELDS.map(([, value]) => quoted(value(whole2))).join(",");
  });
  return `${[FIELDS.map(([name]) => name).join(","), ...lines].join("\r\n")}\r
`;
}
function quoted(value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[\s\0]*[=+\-@＝＋－＠\t\r\n]/u.test(value) ? `'${value}` : value;
  return /[",;\t\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
function downloadCsv(text, name) {
  const url = URL.createObjectURL(new Blob(["\uFEFF", text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1e4);
}

// src/progress-view/bulk-bar.js
var COPIED = 2e3;
var SLOW_ERRORS = 300;
function createBulkBar({
  signal,
  store,
  selection,
  listed,
  onAction,
  onChange,
  onErrors
}) {
  const label = createElement("span", "bulk-label");
  const retry = createButton("Retry", signal, () => act("retry"));
  const cancel = createButton("Cancel", signal, () => act("cancel"));
  const copy = createButton("Copy as CSV", signal, copyCsv);
  const download = createButton("Download CSV", signal, async () => {
    downloadCsv(await csv(download), `${fileName()}.csv`);
  });
  const clear = createButton("Clear selection", signal, () => selection.clear());
  const buttons = createElement("span", "actions", retry, cancel, copy, download, clear);
  const element = withRole(createElement("div", "bulk", label, buttons), "group");
  element.setAttribute("aria-label", "Actions on several documents");
  element.hidden = true;
  let exporting = false;
  let narrowed = false;
  let timer = 0;
  function subjects() {
    if (selection.size) return selection.of(store.sorted());
    if (narrowed) return listed();
    const failed = store.sorted().filter(({ status }) => status === "failed");
    return failed.length ? failed : listed();
  }
  function applicable(action) {
    return selection.of(store.rows.values()).filter(({ status }) => action === "retry" ? isRetryable(status) : !isFinal(status));
  }
  function act(action) {
    const ids = applicable(action).map(({ id }) => id);
    if (ids.length) onAction(action, ids);
    else onChange();
  }
  async function csv(button) {
    const rows = subjects();
    const cut = rows.filter(({ error }) => error?.endsWith("…")).map(({ id }) => id);
    if (!cut.length) return toCsv(rows);
    const label2 = button.textContent ?? "";
    const slow = setTimeout(() => setText(button, "Collecting errors …"), SLOW_ERRORS);
    const errors = await onErrors?.(cut).catch(() => void 0);
    clearTimeout(slow);
    setText(button, label2);
    return toCsv(rows, errors);
  }
  async function copyCsv() {
    const copied = await copyToClipboard(await csv(copy));
    if (signal.aborted) return;
    clearTimeout(timer);
    setText(copy, copied ? "Copied" : "The browser does not allow copying");
    timer = Number(setTimeout(() => setText(copy, "Copy as CSV"), COPIED));
  }
  function fileName() {
    const title = store.summary?.title ?? "";
    return (selection.size ? `${title} selected` : title).replace(/[^\p{L}\p{N}-]+/gu, "-") || "documents";
  }
  return {
    element,
    get exporting() {
      return exporting;
    },
    toggleExport() {
      exporting = !exporting;
      onChange();
    },
    /** @param {ViewState} state */
    draw({ summary, filter, search }) {
      narrowed = filter !== "all" || search.query !== "";
      const shown = !store.single && (selection.size > 0 || exporting);
      setHidden(element, !shown);
      if (!shown) return;
      setText(label, selection.size ? selectionText() : exportText());
      for (
        const [action, button] of
        /** @type {const} */
        [
          ["retry", retry],
          ["cancel", cancel]
        ]
      ) {
        const count = summary?.actions ? applicable(action).length : 0;
        setHidden(button, !count);
        setText(button, `${action === "retry" ? "Retry" : "Cancel"} ${formatNumber(count)}`);
      }
      setHidden(clear, !selection.size);
    },
    close() {
      clearTimeout(timer);
    }
  };
  function selectionText() {
    const count = selection.of(store.rows.values()).length;
    const visible = selection.of(listed()).length;
    const others = count - visible;
    const hidden = others ? `, ${formatNumber(others)} of them not listed` : "";
    return `${formatNumber(count)} selected${hidden}`;
  }
  function exportText() {
    const rows = subjects();
    const failed = rows.length > 0 && rows.every(({ status }) => status === "failed");
    return failed ? plural(rows.length, "failure") : `${plural(rows.length, "document")} listed`;
  }
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
      "timeline-row",
      createElement("span", "step", singleLine(step.name)),
      createElement("div", "timeline-track", span),
      createElement("span", "duration", facts.join(" · "))
    );
  });
}
function createHistoryTable({ history, row: { name } }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["Time", "Attempt", "State", "Step", "%", "Message"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const event of [...history].reverse()) {
    const row = body.insertRow();
    row.dataset.state = event.status;
    for (const text2 of [
      timeOfDay(Date.parse(event.timestamp)),
      event.attempt === null ? "" : String(event.attempt),
      sentence(event.status),
      truncate(singleLine(event.step), 60),
      String(Math.floor(event.progress))
    ]) {
      row.insertCell().textContent = text2;
    }
    const message = row.insertCell();
    message.dir = "auto";
    const text = withoutName(singleLine(event.error || event.message), singleLine(name));
    message.textContent = truncate(sentence(text), 1e3);
  }
  return table;
}

// src/progress-view/details-panel.js
var SLOW_ANSWER2 = 3e3;
var REQUEST_INTERVAL = 1e3;
function createDetailsPanel({ signal, onAction, onDismiss, sender }) {
  const icon = createIcon();
  const name = createElement("h2", "name");
  name.dir = "auto";
  suppressShortcuts(name);
  const cancel = createButton("Cancel", signal, () => onAction("cancel", [panel.openedId]));
  const retry = createButton("Retry", signal, () => onAction("retry", [panel.openedId]));
  const close = createButton("", signal, onDismiss);
  toggleClass(close, "close", true);
  close.setAttribute("aria-label", "Close the details");
  close.append(createSvg(CLOSE_PATH));
  const head = createElement("div", "panel-header", icon, name, retry, cancel, close);
  const facts = createElement("p", "facts");
  const message = createElement("p", "full-message");
  message.dir = "auto";
  suppressShortcuts(message);
  const error = createError(signal);
  const timeline = createElement("div", "timeline");
  const history = withRole(createElement("div", "history"), "group");
  history.tabIndex = 0;
  history.setAttribute("aria-label", "history");
  suppressShortcuts(history);
  const note = createElement("p", "waiting");
  const sections = [head, facts, message, error.element, note, timeline, history];
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
    return store.byId(panel.openedId);
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
      history.replaceChildren();
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
      history.replaceChildren(createHistoryTable(received));
    },
    /** @param {ViewState} state */
    draw({ store, summary, now: now2 }) {
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
      setScrollableText(message, row.status === "failed" ? "" : detailOf(completed, now2));
      setHidden(message, !message.textContent);
      setHidden(cancel, !summary?.actions || isFinal(row.status));
      setHidden(retry, !summary?.actions || !isRetryable(row.status));
      setText(facts, factsOf(row, now2).join(" · "));
      const fullError = full?.attempt === row.attempt ? full.error : null;
      error.draw(row.error ? fullError ?? row.error : "", row.name);
      const slow = pending && performance.now() - requestedAt > SLOW_ANSWER2;
      const busy = `Waiting for the ${sender}, which is busy`;
      const noteText = slow ? busy : details?.problem ?? "";
      setText(note, noteText || (details ? "" : "Loading details …"));
      setHidden(note, !note.textContent);
      setHidden(timeline, !timeline.childElementCount);
      setHidden(history, !details?.history.length);
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
    /**
     * @param {string} error copied as it is
     * @param {string} documentName
     */
    draw(error, documentName) {
      text = error;
      setText(reason, replaceInvisible(sentence(withoutName(text, documentName))));
      setHidden(element, !text);
    },
    close() {
      clearTimeout(timer);
    }
  };
}
function untruncated(text, full) {
  return full?.startsWith(text.replace(/…$/, "")) ? full : text;
}

// src/progress-view/details-row.js
function createDetailsRow(id, onResize) {
  const cell = withRole(createElement("div", "details-cell"), "gridcell");
  cell.setAttribute("aria-colindex", "1");
  cell.setAttribute("aria-colspan", String(COLUMNS.length));
  const element = withRole(createElement("div", "details-row", cell), "row");
  element.id = id;
  element.hidden = true;
  let position = -1;
  let measured = 0;
  let rowHeight = 1;
  let grown = false;
  const observer = new ResizeObserver(() => {
    if (element.offsetHeight === measured) return;
    grown ||= element.offsetHeight > measured;
    measured = element.offsetHeight;
    onResize();
  });
  observer.observe(element);
  return {
    element,
    /** @param {HTMLElement} panel */
    place(panel) {
      if (panel.parentElement !== cell) cell.append(panel);
    },
    get height() {
      return position < 0 ? 0 : measured;
    },
    /**
     * How much of the details lies above a row.
     *
     * @param {number} row
     */
    heightAbove(row) {
      return position >= 0 && row > position ? measured : 0;
    },
    /**
     * A distance from the top, as if no details were shown.
     *
     * @param {number} distance
     */
    withoutDetails(distance) {
      if (position < 0) return distance;
      return Math.max(Math.min(distance, (position + 1) * rowHeight), distance - measured);
    },
    /** Whether the details have grown since this was last asked. */
    takeGrowth() {
      const result = grown && position >= 0;
      grown = false;
      return result;
    },
    /**
     * @param {number} opened the position of the document; -1 if none is open
     * @param {number} height of each row
     */
    draw(opened, height) {
      position = opened;
      rowHeight = height;
      setHidden(element, opened < 0);
      if (opened < 0) measured = 0;
      else {
        setStyle(element, "transform", `translateY(${(opened + 1) * height}px)`);
        setAttribute(element, "aria-rowindex", opened + 3);
      }
    },
    close() {
      observer.disconnect();
    }
  };
}

// src/progress-view/grid-header.js
function createGridHeader(idPrefix) {
  const check = withRole(createElement("span", "check"), "checkbox");
  check.setAttribute("aria-label", "Select all that are listed");
  const headers = COLUMNS.map(({ key, title, value }, position) => {
    const arrow = createElement("span", "arrow");
    arrow.setAttribute("aria-hidden", "true");
    const children = value ? [createElement("span", "head-title", title), arrow] : [check];
    const element = withRole(createElement("div", `head head-${key}`, ...children), "columnheader");
    element.id = `${idPrefix}-head-${key}`;
    element.setAttribute("aria-colindex", String(position + 1));
    if (value) setTitle(element, `Sort by ${title.toLowerCase()}`);
    return { key, title, element, arrow, sorts: value !== null };
  });
  const row = withRole(
    createElement("div", "columns", ...headers.map((header) => header.element)),
    "row"
  );
  row.setAttribute("aria-rowindex", "1");
  return {
    element: withRole(createElement("div", "head-group", row), "rowgroup"),
    /** The columns that are displayed at this width. */
    visibleKeys() {
      const visible = headers.filter(({ element }) => element.offsetWidth > 0);
      return (visible.length ? visible : headers).map(({ key }) => key);
    },
    /** @param {ColumnKey} key */
    idOf(key) {
      return `${idPrefix}-head-${key}`;
    },
    /**
     * The column whose header contains a node.
     *
     * @param {Node} node
     */
    keyAt(node) {
      return headers.find(({ element }) => element.contains(node))?.key ?? null;
    },
    /**
     * @param {object} state
     * @param {Sort | null} state.sort
     * @param {boolean} state.paused whether the order is out of date
     * @param {ColumnKey | null} state.activeKey
     * @param {"true" | "false" | "mixed"} state.allSelected
     */
    draw({ sort, paused, activeKey, allSelected }) {
      setAttribute(check, "aria-checked", allSelected);
      for (const { key, title, element, arrow, sorts } of headers) {
        toggleClass(element, "active-cell", key === activeKey);
        if (!sorts) continue;
        const sorted = sort?.key === key;
        const direction = sort?.descending ? "descending" : "ascending";
        setAttribute(element, "aria-sort", sorted ? direction : "none");
        setText(arrow, sorted ? sort.descending ? "↓" : "↑" : "");
        toggleClass(element, "paused", sorted && paused);
        setTitle(
          element,
          sorted && paused ? "The order is updated when neither the pointer nor the focus is on a document" : `Sort by ${title.toLowerCase()}`
        );
      }
    }
  };
}

// src/progress-view/grid-keys.js
function handleGridKey(event, actions) {
  const { key, shiftKey: extend } = event;
  if (event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    if (key.toLowerCase() !== "a") return false;
    actions.selectAll();
    return true;
  }
  const keys = {
    ArrowDown: () => actions.moveBy(1, extend),
    ArrowUp: () => actions.moveBy(-1, extend),
    PageDown: () => actions.moveBy(actions.pageSize(), extend),
    PageUp: () => actions.moveBy(-actions.pageSize(), extend),
    Home: () => actions.moveTo(0, extend),
    End: () => actions.moveTo(-1, extend),
    ArrowRight: () => actions.moveAcross(1),
    ArrowLeft: () => actions.moveAcross(-1),
    Enter: actions.open,
    " ": actions.select,
    Escape: actions.dismiss,
    "/": actions.search,
    "?": actions.help
  };
  if (!Object.hasOwn(keys, key)) return false;
  keys[key]();
  return true;
}

// src/progress-view/grid-layout.js
var ROW_HEIGHT = 28;
var TALL_ROW_HEIGHT = 48;
var HEADER_HEIGHT = 28;
var NARROW = 720;
var NAMES = [16, 64];
var MESSAGES = [24, 96];
var CHARACTER_WIDTH = 7.4;
var STEP = 8;
var WIDE = /[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/gu;
function createColumnShares() {
  let messages = MESSAGES[0];
  return {
    /**
     * @param {Iterable<Row>} rows
     * @param {number} now
     */
    measure(rows, now2) {
      let names = NAMES[0];
      for (const row of rows) {
        names = Math.max(names, charactersOf(nameOf(row)));
        if (messages < MESSAGES[1]) messages = Math.max(messages, charactersOf(detailOf(row, now2)));
      }
      return {
        names: rounded2(names, NAMES),
        messages: rounded2(messages, MESSAGES),
        /** In pixels, what the longest name needs. */
        nameWidth: Math.ceil(CHARACTER_WIDTH * Math.min(names, NAMES[1]))
      };
    }
  };
}
function charactersOf(text) {
  return text.length + (text.match(WIDE)?.length ?? 0);
}
function rounded2(characters, [least, most]) {
  return clamp(Math.ceil(characters / STEP) * STEP, least, most);
}
function hasSeveralHosts(rows) {
  let first = "";
  for (const { worker } of rows) {
    const host = worker?.replace(/:\d+$/, "") ?? "";
    if (first && host && host !== first) return true;
    first ||= host;
  }
  return false;
}

// src/progress-view/grid-order.js
var HOLD = 15e3;
var SORT_INTERVAL = 1e3;
function createGridOrder() {
  let key = "";
  let revision = -1;
  let sortedAt = -Infinity;
  let heldUntil = 0;
  let engaged = false;
  let found = (
    /** @type {Set<string> | null} */
    null
  );
  const order = {
    /** @type {Row[]} */
    rows: [],
    /** Whether rows would be sorted differently by now. */
    paused: false,
    /** The pointer or a key has moved among the rows. */
    hold() {
      heldUntil = performance.now() + HOLD;
      engaged = true;
    },
    /** Neither the pointer nor the focus is on a row any more. */
    release() {
      heldUntil = 0;
      engaged = false;
    },
    /** Let the next update move rows, even under a pointer. */
    releaseOnce() {
      heldUntil = 0;
      sortedAt = -Infinity;
    },
    /**
     * @param {ViewState} state
     * @param {string} openedId the document whose details are open
     * @returns {"" | "updated" | "replaced"} whether the order was made anew, and whether it
     *   is of something else than before
     */
    update(state, openedId) {
      const { store, filter, search, sort } = state;
      const now2 = performance.now();
      const newKey = JSON.stringify([filter, search.query, sort]);
      const same = newKey === key && order.rows.length > 0;
      const kept = same && store.rows.get(order.rows[0].index) === order.rows[0];
      const changed = revision !== store.revision || found !== search.found;
      if (kept && sort) {
        if (now2 < sortedAt + SORT_INTERVAL) return "";
        if (engaged && now2 >= sortedAt + SORT_INTERVAL && heldUntil) {
          sortedAt = now2;
          const wanted = arrange2(store.sorted(), { filter, search, sort, keptId: openedId });
          order.paused = wanted.some((row, position) => row !== order.rows[position]);
          return "";
        }
      } else if (kept && (!changed || now2 < heldUntil)) return "";
      else if (same && !changed) return "";
      order.rows = arrange2(store.sorted(), {
        filter,
        search,
        sort,
        keptId: same ? openedId : ""
      });
      order.paused = false;
      const replaced = newKey !== key;
      key = newKey;
      revision = store.revision;
      found = search.found;
      sortedAt = now2;
      return replaced ? "replaced" : "updated";
    }
  };
  return order;
}

// src/progress-view/grid-row.js
function createGridRow(id) {
  const check = withRole(createElement("span", "check"), "checkbox");
  const select = withRole(createElement("div", "select", check), "gridcell");
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
  const text = createElement("span", "message-text");
  text.dir = "auto";
  const message = withRole(createElement("div", "message", attempt, text), "gridcell");
  const worker = withRole(createElement("div", "worker"), "gridcell");
  const time = withRole(createElement("div", "time"), "gridcell");
  const cells = { select, state, name, progress, step, message, worker, time };
  COLUMNS.forEach(({ key }, position) => {
    cells[key].id = `${id}-${key}`;
    cells[key].setAttribute("aria-colindex", String(position + 1));
  });
  const element = withRole(createElement("div", "row", ...Object.values(cells)), "row");
  element.id = id;
  const gridRow = {
    element,
    /** @type {Row | null} */
    row: null,
    /** @param {ColumnKey} key */
    cellId(key) {
      return `${id}-${key}`;
    },
    /**
     * @param {Row} row
     * @param {RowPlace} place
     */
    draw(row, { top, rowIndex, narrow, opened, selected, now: now2, activeKey }) {
      gridRow.row = row;
      const rowState = stateOf(row);
      setStyle(element, "transform", `translateY(${top}px)`);
      setAttribute(element, "aria-rowindex", rowIndex);
      setAttribute(element, "data-state", rowState);
      setAttribute(element, "aria-selected", selected);
      setAttribute(check, "aria-checked", selected);
      setAttribute(check, "aria-label", `Select ${truncate(nameOf(row), 80)}`);
      toggleClass(element, "opened", opened);
      toggleClass(element, "active", activeKey !== null);
      for (const { key } of COLUMNS) toggleClass(cells[key], "active-cell", key === activeKey);
      setIcon(icon, rowState);
      setAttribute(state, "aria-label", rowState);
      setName(name, nameOf(row));
      setAttribute(name, "aria-expanded", opened);
      const share = clamp(row.progress, 0, 100);
      setStyle(fill, "transform", `translateX(${rounded(share - 100)}%)`);
      setText(percent, rowState === "queued" ? "" : percentOf(row));
      setProgress(bar, share, `${rowState}, ${percentOf(row)}`);
      setAttribute(bar, "aria-label", truncate(nameOf(row), 80));
      const detail = detailOf(row, now2);
      setText(text, truncate(detail, MAX_CELL) || (narrow ? sentence(rowState) : ""));
      setTitle(message, rowState === "failed" ? messageOf(row) : detail);
      setText(number, attemptOf(row));
      setHidden(attempt, !number.textContent);
      setText(step, stepOf(row));
      setText(worker, truncate(singleLine(row.worker ?? ""), 60));
      setText(time, timeOf(row, now2));
    }
  };
  return gridRow;
}

// src/progress-view/summary-text.js
function headlineOf(summary, row) {
  if (row) return isFinal(row.status) ? sentence(row.status) : percentOf(row);
  const { counts, finished, fraction, total } = summary;
  if (!total) return "No documents";
  if (!finished) return `${percentage(fraction)} %`;
  const all = plural(total, "document");
  if (counts.failed) return `${formatNumber(counts.failed)} of ${all} failed`;
  if (counts.cancelled) return `${formatNumber(counts.cancelled)} of ${all} cancelled`;
  return total === 1 ? "Completed" : `All ${formatNumber(total)} documents completed`;
}
function titleOf({ title, total, finished }) {
  const text = singleLine(title);
  const number = plural(total, "document");
  if (!finished || !text.startsWith(number)) return text;
  return sentence(text.slice(number.length).replace(/^, /, ""));
}
function outlookOf(summary, now2) {
  if (summary.loading) {
    const listed = formatNumber(summary.rows);
    return `${listed} of ${formatNumber(summary.total)} listed so far`;
  }
  const { counts, finished, stalled, remaining: seconds, total, sending, waiting } = summary;
  if (finished || !total) return summary.missing_text ?? "";
  if (sending) {
    const [sent, all] = [formatNumber(sending.sent), formatNumber(sending.total)];
    return sending.total === 1 ? "sending the file" : `sending files: ${sent} of ${all} sent`;
  }
  if (counts.processing && stalled >= counts.processing) return "stalled";
  if (waiting) return waiting;
  if (!counts.processing) return "waiting for a worker";
  const passed = secondsSince(summary, now2);
  if (seconds === null) {
    if (!summary.remaining_range) return remaining(null);
    const [low, high] = summary.remaining_range.map((end) => Math.max(end - passed, 0));
    return remainingBetween(low, high);
  }
  return remaining(Math.max(seconds - passed, 0));
}
function pagesOf({ finished, pages, pages_per_second }, problem) {
  if (finished) return pages ? plural(pages, "page") : "";
  return problem ? "" : rateOf(pages_per_second, "pages");
}
function rateOf(perSecond, noun) {
  return perSecond ? rate(perSecond, noun) : "";
}
function elapsedOf2(summary, now2) {
  const { elapsed, finished } = summary;
  if (elapsed === null) return "";
  return stopwatch(elapsed + (finished ? 0 : Math.max(secondsSince(summary, now2), 0)));
}
function secondsSince({ receivedAt }, now2) {
  return (now2 - (receivedAt ?? now2)) / 1e3;
}
function countOf({ counts, stalled, total }, filter) {
  if (filter === "all") return total;
  return filter === "stalled" ? stalled : counts[filter];
}
function retryLabel({ failed, cancelled }) {
  if (failed && cancelled) return `Retry ${formatNumber(failed + cancelled)}`;
  return failed ? `Retry ${formatNumber(failed)} failed` : `Retry ${formatNumber(cancelled)} cancelled`;
}
function isEmpty2({ store, summary }) {
  return !store.rows.size && !summary?.total;
}
function emptyText({ store, filter, search: { query, pending } }) {
  if (!store.rows.size) return "Loading documents …";
  if (pending) return `Searching for “${query}” …`;
  const noun = filter === "all" ? "document" : `${filter} document`;
  return query ? `No ${noun} with “${query}” in its name, message or error` : `No ${noun}`;
}

// src/progress-view/grid.js
var OVERSCAN = 4;
function createGrid(options) {
  const { signal, idPrefix, selection, onOpen, onDismiss, onSort, scheduleDraw } = options;
  const header = createGridHeader(idPrefix);
  const details = createDetailsRow(`${idPrefix}-details`, scheduleDraw);
  const body = withRole(createElement("div", "rows", details.element), "rowgroup");
  const empty = createElement("p", "empty");
  const element = withRole(createElement("div", "grid", header.element, body, empty), "grid");
  element.setAttribute("aria-label", "Documents");
  element.setAttribute("aria-colcount", String(COLUMNS.length));
  element.setAttribute("aria-multiselectable", "true");
  element.tabIndex = 0;
  suppressShortcuts(element);
  let pool = [];
  const order = createGridOrder();
  let sort = null;
  let scrollTop = 0;
  let height = 0;
  let rowHeight = ROW_HEIGHT;
  const columnShares = createColumnShares();
  let active = null;
  let activePosition = 0;
  let activeKey = null;
  function listen(type, listener) {
    element.addEventListener(type, listener, { signal, passive: true });
  }
  listen("scroll", () => {
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  for (const type of ["pointermove", "pointerdown", "keydown", "wheel"]) listen(type, order.hold);
  for (const type of ["pointerleave", "focusout"]) {
    listen(type, () => {
      order.release();
      scheduleDraw();
    });
  }
  listen("focusin", scheduleDraw);
  element.addEventListener("click", handleClick, { signal });
  element.addEventListener("mousedown", keepTextUnselected, { signal });
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.target === element && handleGridKey(event, keyActions)) event.preventDefault();
    },
    { signal }
  );
  const observer = new ResizeObserver(() => {
    height = element.clientHeight - HEADER_HEIGHT;
    measureRows();
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  observer.observe(element);
  function measureRows() {
    if (!element.offsetWidth) return;
    const before = rowHeight;
    rowHeight = element.offsetWidth > NARROW ? ROW_HEIGHT : TALL_ROW_HEIGHT;
    if (rowHeight !== before) element.scrollTop *= rowHeight / before;
  }
  function sortBy(key) {
    if (key === "select") toggleAll();
    else onSort(nextSort(sort, key));
  }
  function toggleAll() {
    const all = order.rows.length > 0 && order.rows.every(({ id }) => selection.has(id));
    if (all) selection.removeAll(order.rows);
    else selection.addAll(order.rows);
  }
  function keepTextUnselected(event) {
    const target = (
      /** @type {Element} */
      event.target
    );
    if (!event.shiftKey || !target.closest(".dp-row")) return;
    event.preventDefault();
    element.focus({ preventScroll: true });
  }
  function handleClick(event) {
    const target = (
      /** @type {Element} */
      event.target
    );
    const head = header.keyAt(target);
    if (head) sortBy(head);
    const row = pool.find((each) => each.element.contains(target))?.row;
    if (!row) return;
    active = row;
    activePosition = order.rows.indexOf(row);
    activeKey ??= "name";
    if (event.shiftKey) selection.extendTo(row, order.rows);
    else if (event.ctrlKey || event.metaKey || target.closest(".dp-select")) selection.toggle(row);
    else onOpen(row);
  }
  const keyActions = {
    pageSize: () => Math.max(Math.floor(height / rowHeight) - 1, 1),
    moveBy(rows, extend) {
      const position = active ? order.rows.indexOf(active) : -1;
      if (position === 0 && rows === -1 && !extend) {
        active = null;
        scheduleDraw();
      } else moveTo(position < 0 ? Math.max(rows - 1, 0) : position + rows, extend);
    },
    moveTo(position, extend) {
      moveTo(position < 0 ? order.rows.length - 1 : position, extend);
    },
    moveAcross(columns) {
      const keys = header.visibleKeys();
      const position = keys.indexOf(activeKey ?? "name");
      activeKey = keys[clamp(position + columns, 0, keys.length - 1)];
      scheduleDraw();
    },
    open() {
      if (active && activeKey === "select") selection.toggle(active);
      else if (active) onOpen(active);
      else if (activeKey) sortBy(activeKey);
    },
    select() {
      if (active) selection.toggle(active);
      else if (activeKey) sortBy(activeKey);
    },
    selectAll: () => selection.addAll(order.rows),
    dismiss() {
      if (!onDismiss()) order.release();
      scheduleDraw();
    },
    search: options.onSearch,
    help: options.onHelp
  };
  function moveTo(wanted, extend) {
    const position = clamp(wanted, 0, order.rows.length - 1);
    if (extend && active && !selection.size) selection.toggle(active);
    active = order.rows[position] ?? null;
    activePosition = position;
    activeKey ??= "name";
    if (extend && active) selection.extendTo(active, order.rows);
    const above = position * rowHeight + details.heightAbove(position);
    reveal(above, above + rowHeight);
    scheduleDraw();
  }
  function reveal(above, below) {
    if (above < scrollTop) element.scrollTop = above;
    else if (below > scrollTop + height) element.scrollTop = Math.min(below - height, above);
    scrollTop = element.scrollTop;
  }
  function updateOrder(state, openedId) {
    sort = state.sort;
    const result = order.update(state, openedId);
    if (!result) return;
    if (result === "replaced") element.scrollTop = scrollTop = 0;
    if (active) followActive(state.store.rows.get(active.index));
    const all = state.store.sorted();
    const shares = columnShares.measure(all, state.now);
    setStyle(element, "--docprogress-names", `${shares.names}fr`);
    setStyle(element, "--docprogress-name-width", `${shares.nameWidth}px`);
    setStyle(element, "--docprogress-messages", `${shares.messages}fr`);
    toggleClass(element, "several-hosts", hasSeveralHosts(all));
  }
  function followActive(row) {
    const position = row ? order.rows.indexOf(row) : -1;
    if (position >= 0) activePosition = position;
    active = order.rows[Math.min(activePosition, order.rows.length - 1)] ?? null;
  }
  function resizePool(size) {
    while (pool.length < size) {
      const row = createGridRow(`${idPrefix}-${pool.length}`);
      pool.push(row);
      body.append(row.element);
    }
    for (const row of pool.splice(size)) row.element.remove();
  }
  function draw(state, openedId) {
    setHidden(element, state.store.single || !state.summary || isEmpty2(state));
    if (element.hidden) return;
    if (!pool.length) measureRows();
    updateOrder(state, openedId);
    const { rows } = order;
    const opened = openedId ? rows.findIndex(({ id }) => id === openedId) : -1;
    details.draw(opened, rowHeight);
    const total = rows.length * rowHeight + details.height;
    const long = rows.length > VISIBLE_ROWS;
    toggleClass(element, "long", long);
    setStyle(element, "max-height", long ? `${total + HEADER_HEIGHT}px` : "none");
    setStyle(body, "height", `${total}px`);
    setStyle(element, "--docprogress-row", `${rowHeight}px`);
    setStyle(element, "--docprogress-panel", `${details.height}px`);
    setAttribute(element, "aria-rowcount", rows.length + (opened < 0 ? 1 : 2));
    setText(empty, rows.length ? "" : emptyText(state));
    setHidden(empty, rows.length > 0);
    if (details.takeGrowth()) reveal(opened * rowHeight, (opened + 1) * rowHeight + details.height);
    const visible = Math.ceil((height > 0 ? height : VISIBLE_ROWS * rowHeight) / rowHeight) + 1;
    const size = Math.min(visible + 2 * OVERSCAN, rows.length);
    resizePool(size);
    const top = Math.floor(details.withoutDetails(scrollTop) / rowHeight) - OVERSCAN;
    const first = clamp(top, 0, rows.length - size);
    let activeId = active || !activeKey ? "" : header.idOf(activeKey);
    const ids = [];
    for (let position = first; position < first + size; position += 1) {
      const row = rows[position];
      const drawn = pool[position % size];
      drawn.draw(row, {
        position,
        top: position * rowHeight + details.heightAbove(position),
        rowIndex: position + (opened >= 0 && position > opened ? 3 : 2),
        narrow: rowHeight > ROW_HEIGHT,
        opened: position === opened,
        selected: selection.has(row.id),
        now: state.now,
        activeKey: row === active ? activeKey : null
      });
      if (row === active && activeKey) activeId = drawn.cellId(activeKey);
      ids.push(drawn.element.id);
      if (position === opened) ids.push(details.element.id);
    }
    setAttribute(body, "aria-owns", ids.join(" "));
    if (activeId) setAttribute(element, "aria-activedescendant", activeId);
    else element.removeAttribute("aria-activedescendant");
    const count = rows.filter(({ id }) => selection.has(id)).length;
    header.draw({
      sort,
      paused: order.paused,
      activeKey: active ? null : activeKey,
      allSelected: count === 0 ? "false" : count === rows.length ? "true" : "mixed"
    });
    toggleClass(element, "selecting", selection.size > 0);
  }
  return {
    element,
    draw,
    details,
    /** The documents that are listed now, in their order. */
    listed: () => order.rows,
    /** Let the next drawing move rows, even under a pointer. */
    releaseRows: order.releaseOnce,
    close() {
      observer.disconnect();
      details.close();
      pool = [];
      order.rows = [];
    }
  };
}

// src/progress-view/filters.js
var FILTERS = ["all", ...STATES];
var ALWAYS_SHOWN = /* @__PURE__ */ new Set(["all", "failed", "completed"]);
var SHOWN_UNTIL_FINISHED = /* @__PURE__ */ new Set(["processing", "queued"]);
function createFilters({ signal, onFilter, onQuery, onExport, onHelp, helpId }) {
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
  search.placeholder = "Search";
  search.setAttribute("aria-label", "Search names, messages and errors");
  search.autocomplete = "off";
  search.spellcheck = false;
  suppressShortcuts(search);
  search.addEventListener("input", () => onQuery(search.value), { signal });
  const exporting = createButton("CSV", signal, onExport);
  const help = createButton("?", signal, onHelp);
  setTitle(search, "Search names, messages and errors");
  setTitle(exporting, "Copy or download failures as CSV");
  setTitle(help, "Keys");
  setAttribute(help, "aria-label", "Keys");
  setAttribute(help, "aria-controls", helpId);
  toggleClass(help, "help-button", true);
  const group = withRole(createElement("div", "filters", ...chips.map(({ chip }) => chip)), "group");
  group.setAttribute("aria-label", "Filter documents by state");
  const element = createElement(
    "div",
    "tools",
    group,
    createElement("div", "finding", search, exporting, help)
  );
  function draw(state, open) {
    const { store, summary, filter: selected } = state;
    setHidden(element, store.single || isEmpty2(state));
    if (!summary) return;
    setAttribute(exporting, "aria-expanded", open.exporting);
    setAttribute(help, "aria-expanded", open.helping);
    for (const { filter, chip, count } of chips) {
      const documents = countOf(summary, filter);
      setText(count, formatNumber(documents));
      setAttribute(chip, "aria-pressed", filter === selected);
      toggleClass(chip, "none", !documents);
      const kept = ALWAYS_SHOWN.has(filter) || SHOWN_UNTIL_FINISHED.has(filter) && !summary.finished;
      setHidden(chip, !documents && !kept && filter !== selected);
    }
  }
  return {
    element,
    draw,
    focusSearch() {
      search.focus();
      search.select();
    }
  };
}

// src/progress-view/shares.js
var MAX_INCOMPLETE = 1 - 1e-6;
function sharesByState({ counts, shares, stalled }) {
  const { processing, ...rest } = shares;
  const allStalled = stalled > 0 && stalled >= counts.processing;
  return { ...rest, [allStalled ? "stalled" : "processing"]: processing };
}

// src/progress-view/header.js
var RATE_INTERVAL = 1e3;
function createHeader({
  signal,
  onAction,
  onFilter,
  onQuery,
  onDetails,
  onHelp,
  helpId,
  bulkBar
}) {
  const changes = createElement("p", "changes");
  const icon = createIcon();
  const name = createElement("span", "name");
  const percent = createElement("strong", "percent");
  const outlook = createElement("span", "outlook");
  const title = createElement("span", "title");
  const cancel = createButton("Cancel", signal, () => onAction("cancel", null));
  const retry = createButton("Retry", signal, () => onAction("retry", null));
  const rates = createRates();
  const problemText = createElement("span");
  const problem = createElement("span", "problem", createIcon("stalled"), problemText);
  const notice = createElement("span", "notice");
  const headline = createElement(
    "div",
    "headline",
    icon,
    name,
    percent,
    outlook,
    title,
    problem,
    notice,
    rates.element,
    createElement("span", "actions", retry, cancel)
  );
  const bar = createRunBar();
  const steps = createStepScale();
  const message = createElement("span", "message");
  const details = createButton("Details", signal, onDetails);
  const current = createElement("div", "current", message, details);
  const filters = createFilters({
    signal,
    onFilter,
    onQuery,
    onExport: bulkBar.toggleExport,
    onHelp,
    helpId
  });
  function draw(state) {
    const { store, summary, now: now2 } = state;
    const row = store.single ? store.sorted()[0] : null;
    setText(problemText, sentence(state.problem));
    setHidden(problem, !state.problem);
    setText(notice, state.notice.text);
    setHidden(notice, !state.notice.text);
    toggleClass(notice, "bad", state.notice.bad);
    const urgent = Boolean(state.problem || state.notice.text);
    for (const each of [title, rates.element]) setHidden(each, urgent);
    setHidden(outlook, Boolean(state.problem));
    setHidden(current, !row);
    setHidden(steps.element, !row || !summary?.steps?.length);
    setHidden(bar.element, !summary || isEmpty2(state));
    setHidden(name, !row);
    setText(changes, singleLine(summary?.changes ?? ""));
    setHidden(changes, !summary?.changes);
    filters.draw(state, { exporting: bulkBar.exporting, helping: state.helping });
    bulkBar.draw(state);
    if (!summary) {
      setIcon(icon, "queued");
      setText(percent, state.lost ? "" : "Connecting …");
      setHidden(cancel, true);
      setHidden(retry, true);
      return;
    }
    const mask = steps.setSegments(summary.steps ?? []);
    if (mask) element.parentElement?.style.setProperty("--docprogress-segments", mask);
    const headlineState = row ? stateOf(row) : runState(summary);
    const outlookText = outlookOf(summary, now2);
    setIcon(icon, headlineState);
    setAttribute(headline, "data-state", headlineState);
    setText(percent, headlineOf(summary, row));
    setText(outlook, state.problem ? "" : outlookText);
    setText(title, row ? "" : titleOf(summary));
    if (row) setName(name, nameOf(row));
    rates.draw(state, summary, row);
    bar.draw(summary, row, outlookText);
    setHidden(cancel, !summary.actions || summary.finished || !summary.total);
    const retryable = summary.counts.failed + summary.counts.cancelled;
    setHidden(retry, !summary.actions || !retryable);
    setText(retry, row ? "Retry" : retryLabel(summary.counts));
    if (!row) return;
    const step = summary.steps?.length || isFinal(row.status) ? "" : singleLine(row.step);
    const text = [sentence(step), detailOf(row, now2)].filter(Boolean).join(" · ");
    setText(message, truncate(text, MAX_CELL) || sentence(stateOf(row)));
    setAttribute(current, "data-state", stateOf(row));
    steps.draw(row);
  }
  const element = createElement(
    "div",
    "header",
    changes,
    headline,
    bar.element,
    steps.element,
    current,
    filters.element
  );
  return { element, draw, focusSearch: filters.focusSearch };
}
function createRates() {
  const elapsed = createElement("span", "elapsed");
  const pages = createElement("span", "pages");
  const documents = createElement("span", "documents");
  const element = createElement("span", "rates", elapsed, pages, documents);
  let nextUpdate = -Infinity;
  let shownKey = "";
  function draw({ now: now2, problem }, summary, row) {
    setText(elapsed, elapsedOf2(summary, now2));
    const key = `${summary.finished} ${problem}`;
    if (performance.now() < nextUpdate && key === shownKey) return;
    nextUpdate = performance.now() + RATE_INTERVAL;
    shownKey = key;
    setText(pages, pagesOf(summary, problem));
    const rate2 = row || problem ? "" : rateOf(summary.documents_per_second, "documents");
    setText(documents, rate2);
  }
  return { element, draw };
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
  function draw(summary, row, outlook) {
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
  return { element, draw };
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
          const label = createElement("span", "segment", createElement("span", "", singleLine(name)));
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
  let reason = "";
  let frozenAt = null;
  const heartbeat = {
    beat(time = Date.now()) {
      lastBeat = performance.now();
      lastBeatWall = Date.now();
      lastUpdate = time;
      disconnected = false;
    },
    disconnect(why = "") {
      disconnected = true;
      reason = why;
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
        const since = lastUpdate === null ? "nothing received yet" : `last update ${timeOfDay(lastUpdate)}`;
        return `disconnected, ${since}${disconnected && reason ? `: ${reason}` : ""}`;
      }
      if (summary?.connected === false) {
        const since = summary.lost_at ? ` since ${timeOfDay(Date.parse(summary.lost_at))}` : "";
        return `Redis is unreachable${since}; the view shows the last known state`;
      }
      return "";
    }
  };
  return heartbeat;
}

// src/progress-view/help.js
var COMMAND = /Mac|iP(hone|ad)/.test(globalThis.navigator?.platform ?? "") ? "⌘" : "Ctrl";
var KEYS = [
  [["↑", "↓"], "previous and next document; above the first, the headers"],
  [["←", "→"], "previous and next column"],
  [["Home", "End", "Page Up", "Page Down"], "move further"],
  [["Enter"], "show or hide the details of a document; sort by a header"],
  [["Space"], "select a document"],
  [["Shift ↑", "Shift ↓"], "select further documents"],
  [["Shift click", `${COMMAND} click`], "select all up to a document; select one more"],
  [[`${COMMAND} A`], "select all that are listed"],
  [["/"], "search"],
  [["Escape"], "close the details, then clear the selection"],
  [["?"], "show or hide this help"]
];
function createHelp(id) {
  const list = KEYS.flatMap(([keys, text]) => {
    return [
      createElement("dt", "", ...keys.map((name) => createElement("kbd", "key", name))),
      createElement("dd", "", text)
    ];
  });
  const element = withRole(
    createElement(
      "div",
      "help",
      createElement("p", "help-title", "Keys in the list of documents"),
      createElement("dl", "keys", ...list)
    ),
    "group"
  );
  element.id = id;
  element.setAttribute("aria-label", "Keys");
  element.hidden = true;
  return element;
}

// src/progress-view/selection.js
function createSelection(onChange) {
  const ids = /* @__PURE__ */ new Set();
  let anchor = "";
  let extended = (
    /** @type {string[]} */
    []
  );
  const selection = {
    get size() {
      return ids.size;
    },
    /** @param {string} id */
    has(id) {
      return ids.has(id);
    },
    /** @param {Row} row */
    toggle({ id }) {
      if (!ids.delete(id)) ids.add(id);
      anchor = id;
      extended = [];
      onChange();
    },
    /**
     * Select the documents from the last one that was toggled to this one.
     *
     * @param {Row} row
     * @param {Row[]} order
     */
    extendTo(row, order) {
      const to = order.indexOf(row);
      const from = order.findIndex(({ id }) => id === anchor);
      if (to < 0) return;
      const [first, last] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
      for (const id of extended) ids.delete(id);
      const range = order.slice(first, last + 1).map(({ id }) => id);
      extended = range.filter((id) => !ids.has(id));
      for (const id of extended) ids.add(id);
      if (from < 0) {
        anchor = row.id;
        extended = [];
      }
      onChange();
    },
    /** @param {Row[]} rows */
    addAll(rows) {
      for (const { id } of rows) ids.add(id);
      extended = [];
      onChange();
    },
    /** @param {Row[]} rows */
    removeAll(rows) {
      for (const { id } of rows) ids.delete(id);
      extended = [];
      onChange();
    },
    clear() {
      ids.clear();
      anchor = "";
      extended = [];
      onChange();
    },
    /**
     * The selected rows, without documents that are gone, in the given order.
     *
     * @param {Iterable<Row>} rows
     */
    of(rows) {
      return ids.size ? [...rows].filter(({ id }) => ids.has(id)) : [];
    }
  };
  return selection;
}

// src/progress-view/view.js
var ANNOUNCEMENT_INTERVAL = 1e4;
function createProgressView(element, options = {}) {
  const { sender = "kernel" } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const store = createRowStore();
  const heartbeat = createHeartbeat();
  let frame = 0;
  let filter = "all";
  let sort = null;
  const idPrefix = `docprogress-${Math.random().toString(36).slice(2)}`;
  const selection = createSelection(scheduleDraw);
  const search = createSearch({
    onSearch: options.onSearch,
    onChange() {
      grid.releaseRows();
      scheduleDraw();
    }
  });
  const actions = createActions({
    store,
    sender,
    isLost: heartbeat.isLost,
    onAction: options.onAction,
    onChange: scheduleDraw
  });
  const bulkBar = createBulkBar({
    signal,
    store,
    selection,
    listed: () => grid.listed(),
    onAction: actions.request,
    onChange: scheduleDraw,
    onErrors: options.onErrors
  });
  const help = createHelp(`${idPrefix}-help`);
  const header = createHeader({
    signal,
    onAction: actions.request,
    onFilter: toggleFilter,
    onQuery: search.set,
    onDetails: () => openDetails(store.sorted()[0]),
    onHelp: toggleHelp,
    helpId: help.id,
    bulkBar
  });
  const grid = createGrid({
    signal,
    idPrefix,
    selection,
    onOpen: openDetails,
    onDismiss: dismiss,
    onSort: sortBy,
    onSearch: () => header.focusSearch(),
    onHelp: toggleHelp,
    scheduleDraw
  });
  const panel = createDetailsPanel({
    signal,
    onAction: actions.request,
    onDismiss: closeDetails,
    sender
  });
  const announcer = createAnnouncer();
  const footer = createElement("div", "footer");
  const children = [header.element, help, grid.element, footer, announcer.element];
  const root = withRole(createElement("div", "", ...children), "group");
  root.className = "docprogress";
  root.dir = "ltr";
  root.tabIndex = -1;
  suppressShortcuts(root);
  root.style.setProperty("--docprogress-rows", String(VISIBLE_ROWS));
  element.append(root);
  const clock = setInterval(() => {
    if (!document.hidden) scheduleDraw();
  }, 1e3);
  document.addEventListener("visibilitychange", scheduleDraw, { signal });
  function scheduleDraw() {
    if (!frame && !signal.aborted) frame = requestAnimationFrame(draw);
  }
  function draw() {
    frame = 0;
    const { summary } = store;
    const state = {
      store,
      summary,
      lost: heartbeat.isLost(),
      problem: heartbeat.problem(summary),
      now: heartbeat.now(summary),
      filter,
      search,
      sort,
      selection,
      helping: !help.hidden,
      notice: actions.notice
    };
    toggleClass(root, "single", store.single);
    toggleClass(root, "stale", state.problem !== "");
    setAttribute(root, "aria-label", singleLine(summary?.title ?? "") || "documents");
    if (store.single) place(panel.element, root);
    else grid.details.place(panel.element);
    grid.draw(state, panel.openedId);
    header.draw(state);
    place(bulkBar.element, selection.size ? footer : header.element);
    panel.draw(state);
    const listed = store.single || grid.listed().some(({ id }) => id === panel.openedId);
    if (panel.openedId && !listed) closeDetails();
    announcer.announce(state);
  }
  function toggleFilter(selected) {
    filter = filter === selected ? "all" : selected;
    grid.releaseRows();
    scheduleDraw();
  }
  function sortBy(selected) {
    sort = selected;
    grid.releaseRows();
    options.onSort?.(sort);
    scheduleDraw();
  }
  function toggleHelp() {
    help.hidden = !help.hidden;
    scheduleDraw();
  }
  function dismiss() {
    if (!help.hidden) toggleHelp();
    else if (panel.openedId) closeDetails();
    else if (selection.size) selection.clear();
    else return false;
    return true;
  }
  function place(child, parent) {
    if (child.parentElement === parent) return;
    const focused = child.contains(document.activeElement);
    parent.append(child);
    if (focused) root.focus();
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
    act: actions.request,
    showResult: actions.showResult,
    beat(time) {
      heartbeat.beat(time);
      scheduleDraw();
    },
    disconnect(reason) {
      heartbeat.disconnect(reason);
      scheduleDraw();
    },
    close() {
      closing.abort();
      clearInterval(clock);
      cancelAnimationFrame(frame);
      actions.close();
      bulkBar.close();
      search.close();
      grid.close();
      panel.close();
      root.remove();
    }
  };
}
function createAnnouncer() {
  const element = withRole(createElement("div", "hidden-text"), "status");
  let announced = { text: "", urgent: "", at: -Infinity };
  function announce({ summary, problem, notice }) {
    if (!summary) return;
    const text = [problem, notice.text, summary.text].filter(Boolean).join(". ");
    const urgent = [problem, notice.text, summary.finished, summary.counts.failed > 0].join();
    const due = performance.now() - announced.at > ANNOUNCEMENT_INTERVAL;
    if (text === announced.text || !due && urgent === announced.urgent) return;
    announced = { text, urgent, at: performance.now() };
    setText(element, text);
  }
  return { element, announce };
}

// src/progress-view/session.js
var FIRST_RETRY = 1e3;
var LONGEST_RETRY = 6e4;
var STALE = 2e3;
var UNSEEN = 1500;
var ANSWER_TIMEOUT = 4e3;
function createViewSession(model) {
  const views = /* @__PURE__ */ new Set();
  const store = createRowStore();
  const page = pageId();
  let session = "";
  let seq = -1;
  let lastMessageAt = Date.now();
  let requests = 0;
  const questions = /* @__PURE__ */ new Map();
  let frame = 0;
  let timer = 0;
  let acknowledging = false;
  let incomplete = false;
  let nextRequestAt = -Infinity;
  let retryDelay = FIRST_RETRY;
  function send(content) {
    try {
      model.send(content);
      return true;
    } catch {
      return false;
    }
  }
  function ask(content) {
    requests += 1;
    const request = requests;
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        questions.delete(request);
        reject(new Error("the kernel does not answer"));
      }, ANSWER_TIMEOUT);
      questions.set(request, (message) => {
        clearTimeout(timeout);
        questions.delete(request);
        resolve(message);
      });
      send({ ...content, request, page });
    });
  }
  function requestSnapshot() {
    incomplete = true;
    if (performance.now() < nextRequestAt) return;
    nextRequestAt = performance.now() + retryDelay;
    retryDelay = Math.min(retryDelay * 2, LONGEST_RETRY);
    send({ type: "whole" });
  }
  function acknowledge(requested = true) {
    acknowledging ||= requested;
    if (!acknowledging || frame || !views.size) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      acknowledging = false;
      const painted = { type: "painted", session, seq, page };
      timer = Number(setTimeout(() => send({ ...painted, at: now() }), 0));
    });
  }
  function applySnapshot(snapshot) {
    ({ session, seq } = snapshot);
    store.replace(snapshot);
    incomplete = false;
    retryDelay = FIRST_RETRY;
    for (const view of views) view.replace(currentState());
    acknowledge();
  }
  function applyDelta(delta) {
    const restarted = delta.session !== session;
    if (!restarted && delta.seq <= seq) return;
    const gap = restarted || delta.seq !== seq + 1;
    ({ session, seq } = delta);
    if (restarted) store.replace({ summary: delta.summary, rows: [] });
    store.update(delta);
    for (const view of views) {
      if (restarted) view.replace(currentState());
      else view.update(delta);
    }
    if (gap || incomplete || store.rows.size < delta.summary.rows) requestSnapshot();
    acknowledge(delta.ack);
  }
  function currentState() {
    return { summary: (
      /** @type {Summary} */
      store.summary
    ), rows: store.sorted() };
  }
  function receive(message) {
    lastMessageAt = Date.now();
    if (message.type === "clock") {
      send({ type: "clock", request: message.request, page, at: now() });
    } else if (message.type === "whole") applySnapshot(message);
    else if (message.type === "delta") applyDelta(message);
    else if (message.type === "details") for (const view of views) view.showDetails(message);
    else if (message.type === "found" || message.type === "errors") {
      if (message.page === page) questions.get(message.request)?.(message);
    } else if (message.type === "acted" && (message.page ?? page) === page) {
      for (const view of views) view.showResult(message);
    } else if (message.type === "table") places.replace(message);
    for (const view of views) view.beat();
    places.enter(session);
  }
  function restoreSnapshot() {
    const snapshot = model.get("snapshot");
    if (!snapshot?.summary) return;
    if (snapshot.session === session && snapshot.seq < seq) return;
    const sentAt = Date.parse(snapshot.at);
    if (Number.isFinite(sentAt)) lastMessageAt = sentAt;
    applySnapshot(snapshot);
    for (const view of views) view.beat(lastMessageAt);
    if (Date.now() - lastMessageAt > STALE) requestSnapshot();
  }
  function disconnect() {
    for (const view of views) view.disconnect();
  }
  function show(element) {
    const view = createProgressView(element, {
      onAction(action, ids) {
        requests += 1;
        return send({ type: action, request: requests, page, ids }) ? requests : -1;
      },
      onDetails(id) {
        send({ type: "details", id });
      },
      onSearch: async (query) => (await ask({ type: "search", query })).ids,
      onErrors: async (ids) => new Map(Object.entries((await ask({ type: "errors", ids })).errors))
    });
    views.add(view);
    if (store.summary) {
      view.replace(currentState());
      view.beat(lastMessageAt);
      acknowledge();
    } else requestSnapshot();
    return () => {
      views.delete(view);
      view.close();
    };
  }
  const places = createPlaces({ model, page, show, onFound: send });
  const listeners = [
    ["msg:custom", receive],
    ["change:snapshot", restoreSnapshot],
    ["comm_live_update", disconnect]
  ];
  for (const [event, listener] of listeners) model.on(event, listener);
  restoreSnapshot();
  send({ type: "loaded", page });
  const unseen = setTimeout(() => {
    if (!views.size && showsLostWidget()) send({ type: "unseen", page });
  }, UNSEEN);
  return {
    show: places.show,
    close() {
      for (const [event, listener] of listeners) model.off(event, listener);
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      clearTimeout(unseen);
      places.close();
      for (const view of views) view.close();
      views.clear();
    }
  };
}
function now() {
  return performance.timeOrigin + performance.now();
}

// src/progress-view.js
var progress_view_default = createWidget(createViewSession);
export {
  createProgressView,
  progress_view_default as default
};
