/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

// src/page/access.js
function createAccess(onToken) {
  const form = (
    /** @type {HTMLFormElement} */
    document.getElementById("access")
  );
  const field = (
    /** @type {HTMLInputElement} */
    document.getElementById("token")
  );
  const error = (
    /** @type {HTMLElement} */
    document.getElementById("refused")
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = field.value.trim();
    field.value = "";
    onToken(token);
  });
  return {
    get shown() {
      return !form.hidden;
    },
    /** @param {boolean} refused whether the server has refused a token */
    ask(refused) {
      error.hidden = !refused;
      field.setAttribute("aria-invalid", String(refused));
      form.hidden = false;
      field.focus();
    },
    hide() {
      form.hidden = true;
    }
  };
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

// src/shared/status.js
function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}

// src/page/password.js
var NEEDED = /needs a password(?:; give it to run\.retry\(passwords=\[…\]\))?/;
function needsPassword(error) {
  return NEEDED.test(error ?? "");
}
function inWordsOfPage(error) {
  return (
    /** @type {Text} */
    error?.replace(NEEDED, "needs a password; “Retry” asks for it")
  );
}
function createPasswordDialog() {
  const find = (id) => document.getElementById(id);
  const dialog = (
    /** @type {HTMLDialogElement} */
    find("unlock")
  );
  const form = (
    /** @type {HTMLFormElement} */
    dialog.querySelector("form")
  );
  const question = (
    /** @type {HTMLElement} */
    find("unlock-question")
  );
  const field = (
    /** @type {HTMLInputElement} */
    find("unlock-password")
  );
  const cancel = (
    /** @type {HTMLButtonElement} */
    find("unlock-cancel")
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close("retry");
  });
  cancel.addEventListener("click", () => dialog.close(""));
  return {
    /**
     * @param {string[]} names the encrypted documents
     * @returns {Promise<string | null>} null if the user does not want to retry
     */
    ask(names) {
      const [name] = names;
      question.textContent = names.length === 1 ? `${name} is encrypted.` : `${names.length} documents are encrypted.`;
      field.value = "";
      dialog.returnValue = "";
      dialog.showModal();
      return new Promise((resolve) => {
        const answer = () => {
          resolve(dialog.returnValue === "retry" ? field.value : null);
          field.value = "";
        };
        dialog.addEventListener("close", answer, { once: true });
      });
    }
  };
}

// src/page/actions.js
var CONCURRENCY = 3;
function targetsOf(documents2, action, ids) {
  const retrying = action === "retry";
  const wanted = ids && new Set(ids);
  return [...documents2.entries.values()].filter(({ id, event: { status } }) => {
    const applies = retrying ? isRetryable(status) : !isFinal(status);
    return applies && (wanted === null || wanted.has(id));
  });
}
async function performAction({ documents: documents2, request: request2, uploads: uploads2 }, action, ids, password = "") {
  const retrying = action === "retry";
  const targets = targetsOf(documents2, action, ids);
  let done = 0;
  const errors = [];
  async function perform(entry) {
    if (entry.upload) return retrying ? uploads2.retry(entry) : uploads2.cancel(entry);
    const path = `/documents/${encodeURIComponent(entry.id)}/${action}`;
    const unlocks = password !== "" && needsPassword(entry.event.error);
    const body = unlocks ? JSON.stringify({ passwords: [password] }) : null;
    return (await request2(path, { method: "POST", body })).documents;
  }
  async function performSome() {
    for (let entry = targets.shift(); entry; entry = targets.shift()) {
      try {
        const count = await perform(entry);
        done += count;
      } catch (error) {
        errors.push(
          /** @type {Error} */
          error.message
        );
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, performSome));
  const subject = `${done} ${done === 1 ? "document is" : "documents are"}`;
  const text = `${subject} ${retrying ? "retried" : "cancelled"}`;
  if (!done && !errors.length) return { ok: true, text: "There is nothing to do" };
  const failed = errors.length ? `; ${errors.length} failed: ${errors[0]}` : "";
  return { ok: !errors.length, text: text + failed };
}

// src/page/action-requests.js
function createActionRequests({ retryNow, onResult, ...options }) {
  const dialog = createPasswordDialog();
  let requests = 0;
  let password = (
    /** @type {string | null} */
    null
  );
  async function askForPassword(encrypted, retry) {
    password = await dialog.ask(encrypted.map(({ id, event }) => event.name ?? id));
    if (password !== null) retry();
    password = null;
  }
  return function startAction(action, ids) {
    const targets = action === "retry" ? targetsOf(options.documents, action, ids) : [];
    const encrypted = targets.filter(({ event }) => needsPassword(event.error));
    if (encrypted.length && password === null) {
      askForPassword(encrypted, () => retryNow(action, ids));
      return null;
    }
    requests += 1;
    const request2 = requests;
    performAction(options, action, ids, password ?? "").then(
      (result) => onResult({ request: request2, ...result })
    );
    return request2;
  };
}

// src/page/address.js
var base = new URL(".", location.href).pathname.slice(0, -1);
var TOKEN_KEY = `docprogress ${base}`;
var REFUSED_KEY = `docprogress refused ${base}`;

// src/page/api.js
var UNREACHABLE = "the server cannot be reached";
function createApi(base2, onUnauthorized) {
  const api2 = {
    base: base2,
    token: "",
    /** @returns {Record<string, string>} */
    headers() {
      return api2.token ? { Authorization: `Bearer ${api2.token}` } : {};
    },
    /**
     * @param {string} path
     * @param {RequestInit} [init]
     * @returns {Promise<any>} the body of the response
     */
    async request(path, init = {}) {
      let response;
      try {
        const headers = api2.headers();
        if (init.body) headers["Content-Type"] = "application/json";
        const options = { ...init, headers };
        response = await fetch(base2 + path, { ...options, cache: "no-store" });
      } catch {
        throw new Error(UNREACHABLE);
      }
      if (response.status === 401) onUnauthorized();
      if (response.ok) return response.json();
      const { detail } = await response.json().catch(() => ({}));
      throw new Error(detail ?? `the server answered ${response.status}`);
    }
  };
  return api2;
}
function tokenOf(hash) {
  const [, token = ""] = /[#&]token=([^&]*)/.exec(hash) ?? [];
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}
function parseJson(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
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

// src/progress-view/shares.js
var RECOGNITION = 99;
var PRIOR_PAGES = 0.1;
var PRIOR_BYTES = 3e3;
var MOST_KINDS = 64;
var MAX_INCOMPLETE = 1 - 1e-6;
var UNKNOWN_WORK = { size: 0, pages: null, toRecognise: 0, recognised: 0 };
function learnWork(known, event) {
  const [size, work2, pages] = [event.size, event.work, event.ocr_pages].map(countOf);
  const { unit, total, ocr_total: most, ocr_current: current } = event;
  const counted = (unit === "page" || unit === "pages") && total ? total : null;
  const toRecognise = Math.max(known.toRecognise, pages ?? most ?? 0);
  let recognised = 0;
  if (pages != null || most != null) recognised = Math.min(pages ?? current ?? 0, toRecognise);
  else if (work2 != null) recognised = toRecognise;
  return {
    size: size ?? known.size,
    pages: work2 ?? counted ?? known.pages,
    toRecognise,
    recognised
  };
}
function countOf(value) {
  return typeof value === "number" && value >= 0 ? value : null;
}
function sharesOfWork(documents2) {
  const weighed = [...documents2].map((each) => ({ ...UNKNOWN_WORK, ...each }));
  const done = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  if (!weighed.length) return { fraction: 0, shares: done };
  if (weighed.every(({ status }) => status === "completed")) {
    return { fraction: 1, shares: { ...done, completed: 1 } };
  }
  let whole2 = 0;
  const pagesOf2 = estimatePages(weighed);
  for (const each of weighed) {
    const { status, toRecognise } = each;
    const completed = status === "completed";
    const progress = completed ? 1 : each.progress / 100;
    const pages = pagesOf2(each);
    const recognised = completed ? toRecognise : each.recognised;
    const finished = progress * (1 + pages) + RECOGNITION * recognised;
    done[status] += finished;
    const failed = status === "failed" || status === "cancelled";
    whole2 += failed ? finished + 1 - progress : 1 + pages + RECOGNITION * toRecognise;
  }
  const fraction = Object.values(done).reduce((sum, each) => sum + each, 0) / whole2;
  const shown = Math.min(fraction, MAX_INCOMPLETE);
  return { fraction: shown, shares: scaled(done, shown / (fraction * whole2 || 1)) };
}
function createSharesOfWork() {
  let shown = 0;
  let [addedBefore, endedBefore] = [0, 0];
  return (documents2, added) => {
    const ended = documents2.filter(({ status }) => isFinal(status)).length;
    if (added !== addedBefore || ended < endedBefore) shown = 0;
    [addedBefore, endedBefore] = [added, ended];
    const { fraction, shares } = sharesOfWork(documents2);
    if (ended === documents2.length) return { fraction, shares };
    shown = Math.max(shown, fraction);
    if (!fraction) return { fraction: shown, shares: { ...shares, processing: shown } };
    return { fraction: shown, shares: scaled(shares, shown / fraction) };
  };
}
function scaled(shares, factor) {
  const found = { ...shares };
  for (
    const status of
    /** @type {Status[]} */
    Object.keys(found)
  ) found[status] *= factor;
  return found;
}
function estimatePages(documents2) {
  const kinds = /* @__PURE__ */ new Map();
  const all = { pages: 0, bytes: 0 };
  const sumsOf = ({ name }) => {
    const kind = suffixOf(name ?? "");
    if (!kinds.has(kind) && kinds.size >= MOST_KINDS) return kinds.get("");
    if (!kinds.has(kind)) kinds.set(kind, { pages: 0, bytes: 0 });
    return kinds.get(kind);
  };
  for (const document2 of documents2) {
    const sums = sumsOf(document2) ?? { pages: 0, bytes: 0 };
    if (document2.pages === null || !document2.size) continue;
    for (const each of [sums, all]) {
      each.pages += document2.pages + RECOGNITION * document2.toRecognise;
      each.bytes += document2.size;
    }
  }
  const perByte = (PRIOR_PAGES + all.pages) / (PRIOR_BYTES + all.bytes);
  const bySize = (document2) => {
    const { pages, bytes } = sumsOf(document2) ?? { pages: 0, bytes: 0 };
    return document2.size * (perByte * PRIOR_BYTES + pages) / (PRIOR_BYTES + bytes);
  };
  const known = documents2.filter(
    ({ pages, size, status }) => (pages !== null || size) && status !== "failed" && status !== "cancelled"
  );
  const sum = known.reduce(
    (pages, each) => pages + (each.pages ?? bySize(each)) + RECOGNITION * each.toRecognise,
    0
  );
  const mean = known.length ? sum / known.length : 0;
  return (document2) => document2.pages ?? (document2.size ? bySize(document2) : mean);
}
function suffixOf(name) {
  return /\.([a-z0-9]{1,5})$/i.exec(name)?.[1].toLowerCase() ?? "";
}
function sharesByState({ counts, shares, stalled }) {
  const { processing, ...rest } = shares;
  const allStalled = stalled > 0 && stalled >= counts.processing;
  return { ...rest, [allStalled ? "stalled" : "processing"]: processing };
}

// src/progress-view/waiting.js
function waitingText({ message, status, waiting_until: until }, now) {
  if (status !== "queued" && status !== "processing") return "";
  const waits = /^Waiting for (?!a worker$)/.test(message);
  const lowerCase = `w${message.slice(1)}`;
  if (status === "processing" || typeof until !== "string") return waits ? lowerCase : "";
  const moment = new Date(until);
  if (!(moment.getTime() > now)) return "";
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map((each) => String(each).padStart(2, "0")).join(":");
  if (!waits) return `waiting until ${time} to try again`;
  return lowerCase.replace(/ until \d\d:\d\d:\d\d/, ` until ${time}`);
}
function shownMessage(event, now) {
  const { message, status, waiting_until: until } = event;
  if (status !== "queued" || !until || !message.startsWith("Waiting for ")) return message;
  const text = waitingText(event, now);
  return text ? `W${text.slice(1)}` : "Queued";
}

// src/page/documents.js
var MAX_ERROR = 300;
function createDocuments(onChange) {
  const entries = /* @__PURE__ */ new Map();
  const changed = /* @__PURE__ */ new Set();
  let first = 0;
  const documents2 = {
    entries,
    /** A new id for a file that is not a document yet. */
    uploadId() {
      return `upload ${first}`;
    },
    /**
     * Reserve this many positions between the known documents and newer ones.
     *
     * @param {number} count
     */
    reserve(count) {
      first -= count;
    },
    /** All indexes that are taken. */
    indexes() {
      return new Set([...entries.values()].map(({ index }) => index));
    },
    /**
     * @param {string} id
     * @param {ProgressEvent} event
     * @param {{upload?: Upload | null, index?: number}} [options] the index is that of a
     *   new first row, unless it is given
     */
    add(id, event, { upload = null, index = first -= 1 } = {}) {
      const entry = {
        index,
        id,
        event,
        upload,
        startedAt: null,
        finishedAt: null,
        silent: null,
        pages: null,
        work: learnWork({ ...UNKNOWN_WORK, size: upload?.file?.size ?? 0 }, event)
      };
      entries.set(id, entry);
      documents2.markChanged(entry);
      return entry;
    },
    /**
     * @param {Entry} entry
     * @param {ProgressEvent} event
     */
    apply(entry, event) {
      const before = entry.event;
      entry.event = { ...event, name: event.name ?? before.name };
      entry.work = learnWork(entry.work, event);
      entry.silent = null;
      if (event.status === "processing" && before.status !== "processing") {
        entry.startedAt ??= Date.parse(event.timestamp);
      }
      if (event.status === "queued") {
        entry.startedAt = entry.finishedAt = entry.pages = null;
      }
      if (isFinal(event.status)) entry.finishedAt ??= Date.parse(event.timestamp);
      documents2.markChanged(entry);
    },
    /**
     * @param {Entry} entry
     * @param {number | null} silent seconds
     */
    setSilent(entry, silent) {
      entry.silent = silent;
      documents2.markChanged(entry);
    },
    /** @param {Entry} entry */
    markChanged({ index }) {
      changed.add(index);
      onChange();
    },
    /** Rows that have changed since they were last taken. */
    takeChangedRows() {
      const rows = [...entries.values()].filter(({ index }) => changed.has(index)).map(rowOf);
      changed.clear();
      return rows;
    },
    /** All rows, none of which counts as changed any more. */
    takeAllRows() {
      changed.clear();
      return [...entries.values()].map(rowOf);
    },
    /** Documents of the server that have not ended. */
    unfinished() {
      return [...entries.values()].filter(
        ({ upload, event }) => !upload && !isFinal(event.status)
      );
    }
  };
  return documents2;
}
function mergeListed(documents2, listed2, { followed, index }) {
  const event = eventOf(listed2);
  const known = documents2.entries.get(listed2.id);
  const entry = known ?? documents2.add(listed2.id, event, { index });
  if (!known || !followed && isNewer2(listed2, entry)) documents2.apply(entry, event);
  if (attemptOf(entry.event) !== listed2.attempt) return entry;
  const pages = isFinal(listed2.status) ? listed2.pages : null;
  if (entry.pages !== pages) documents2.markChanged(entry);
  entry.pages = pages;
  entry.startedAt = listed2.started_at ? Date.parse(listed2.started_at) : null;
  entry.finishedAt = listed2.finished_at ? Date.parse(listed2.finished_at) : null;
  return entry;
}
function eventOf(listed2) {
  return {
    document_id: listed2.id,
    status: listed2.status,
    step: listed2.step,
    progress: listed2.progress,
    message: listed2.message,
    timestamp: listed2.updated_at,
    attempt: listed2.attempt,
    name: listed2.filename,
    run_id: listed2.run_id,
    size: listed2.size,
    work: listed2.work,
    ocr_pages: listed2.ocr_pages,
    ...listed2.error_message === null ? {} : { error: listed2.error_message }
  };
}
function isNewer2(listed2, { event }) {
  const attempt = attemptOf(event);
  if (listed2.attempt !== attempt) return listed2.attempt > (attempt ?? 0);
  return !isFinal(event.status) && Date.parse(listed2.updated_at) > Date.parse(event.timestamp);
}
function localEvent(id, name, status, message, error) {
  const timestamp = (/* @__PURE__ */ new Date()).toISOString();
  const event = { document_id: id, name, status, step: "", progress: 0, message, timestamp };
  return error === void 0 ? event : { ...event, error };
}
function rowOf({ index, id, event, startedAt, finishedAt, silent }) {
  const end = isFinal(event.status) ? finishedAt : Date.parse(event.timestamp);
  const elapsed = startedAt === null || end === null ? null : (end - startedAt) / 1e3;
  return {
    index,
    id,
    name: event.name ?? id,
    status: event.status,
    step: event.step,
    progress: event.progress,
    message: shownMessage(event, Date.now()),
    error: event.error === void 0 ? null : truncate(inWordsOfPage(event.error), MAX_ERROR),
    attempt: attemptOf(event),
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

// src/page/details.js
async function loadDetails(entry, request2) {
  const { id, event, upload } = entry;
  let history2 = { events: [event], steps: [] };
  let problem2 = null;
  try {
    const path = `/progress/documents/${encodeURIComponent(id)}/history`;
    if (!upload) history2 = await request2(path);
  } catch (error) {
    problem2 = /** @type {Error} */
    error.message;
  }
  return {
    id,
    row: { ...rowOf(entry), error: inWordsOfPage(entry.event.error) ?? null },
    // The last one is of the newest attempt that did the step.
    steps: [...new Map(history2.steps.map((step) => [step.name, step])).values()],
    history: history2.events.map((each) => ({
      ...each,
      attempt: attemptOf(each),
      error: inWordsOfPage(each.error) ?? null
    })),
    problem: problem2
  };
}
function errorsOf(documents2, ids) {
  return new Map(ids.map((id) => [id, inWordsOfPage(documents2.entries.get(id)?.event.error) ?? ""]));
}

// src/page/drop-area.js
function listenForFiles(onFiles) {
  const area = (
    /** @type {HTMLElement} */
    document.getElementById("drop")
  );
  const picker = (
    /** @type {HTMLInputElement} */
    document.getElementById("files")
  );
  picker.addEventListener("change", () => {
    onFiles(picker.files ?? []);
    picker.value = "";
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) area.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    onFiles(event.dataTransfer?.files ?? []);
  });
}

// src/page/elements.js
var work = findElement("work");
var caseField = (
  /** @type {HTMLInputElement} */
  findElement("case")
);
var problem = findElement("problem");
var viewElement = findElement("view");
var emptyText = findElement("empty");
var loadingText = findElement("loading");
var olderButton = (
  /** @type {HTMLButtonElement} */
  findElement("more")
);
function findElement(id) {
  return (
    /** @type {HTMLElement} */
    document.getElementById(id)
  );
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
var CONCURRENCY2 = 3;
function createPolling({ documentIds, fetchStatus, tickets, onStatus, onLost, onRefused }) {
  let active = null;
  async function pollAll(signal) {
    const query = await tickets.query();
    const waiting = [...documentIds()];
    const few = waiting.length <= CONCURRENCY2;
    const pollSome = async () => {
      for (let id = waiting.shift(); id !== void 0; id = waiting.shift()) {
        const event = await fetchStatus(id, query, signal, few);
        if (signal.aborted) return;
        onStatus(event);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY2 }, pollSome));
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

// src/page/follower.js
var PER_STREAM = 500;
var MAX_STREAMS = 2;
var DELAY = 150;
var DELAY_EACH = 5;
function createFollower({ api: api2, documents: documents2, onConnected, onMembers, onError }) {
  const followed = /* @__PURE__ */ new Set();
  let streams = [];
  let timer = 0;
  function followNow() {
    timer = 0;
    follower2.stop();
    const ids = documents2.unfinished().map(({ id }) => id);
    for (let from = 0; from < ids.length && streams.length < MAX_STREAMS; from += PER_STREAM) {
      const some = ids.slice(from, from + PER_STREAM);
      for (const id of some) followed.add(id);
      streams.push(openStream(some));
    }
  }
  function openStream(ids) {
    return watch(ids, {
      url: api2.base,
      ...api2.token ? { token: api2.token } : {},
      onChange(event) {
        const entry = documents2.entries.get(event.document_id);
        if (!entry) return;
        documents2.apply(entry, event);
        if (event.unit === "member" && event.total) onMembers();
        if (isFinal(event.status)) {
          followed.delete(entry.id);
          follower2.update();
        }
      },
      onSign({ type, document_id, silent_seconds }) {
        const entry = documents2.entries.get(document_id);
        if (entry) documents2.setSilent(entry, type === "stalled" ? silent_seconds ?? 0 : null);
      },
      onConnection(connection) {
        if (connection === "streaming" || connection === "polling") onConnected();
        if (connection === "ended" || connection === "refused") {
          for (const id of ids) followed.delete(id);
        }
      },
      onError
    });
  }
  const follower2 = {
    /** @param {string} id */
    isFollowed(id) {
      return followed.has(id);
    },
    /** Follow documents that are not followed yet, soon. */
    update() {
      const unfinished = documents2.unfinished();
      const missing = unfinished.filter(({ id }) => !followed.has(id));
      const capacity = MAX_STREAMS * PER_STREAM;
      const hasRoom = unfinished.length - missing.length <= capacity / 2;
      const allFit = unfinished.length <= capacity;
      if (timer || !missing.length || !(hasRoom || allFit)) return;
      timer = Number(setTimeout(followNow, DELAY + DELAY_EACH * followed.size));
    },
    stop() {
      for (const stop of streams) stop();
      streams = [];
      followed.clear();
    }
  };
  return follower2;
}

// src/page/listing.js
var PAGE_SIZE = 500;
var MAX_KEPT = 1e3;
var FAR = 1e9;
var MOST_SORTED = 1e4;
var GAP = 1e6;
function createListing({ request: request2, documents: documents2, isFollowed }) {
  let end = { cursor: (
    /** @type {string | null} */
    null
  ), position: 0 };
  let next = end;
  let paged = false;
  let trimmed = false;
  let kept = MAX_KEPT;
  const steps = (
    /** @type {Set<string>} */
    /* @__PURE__ */ new Set()
  );
  function rememberSteps(list) {
    if (list.documents.length) steps.add(JSON.stringify(list.steps ?? []));
  }
  let waiting = {};
  let folders = [];
  function fetchList(caseId2, options = {}) {
    const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
    if (caseId2) query.set("case_id", caseId2);
    for (const [name, value] of Object.entries(options)) query.set(name, value);
    return request2(`/documents?${query}`);
  }
  function mergeNewest(list) {
    rememberSteps(list);
    for (const listed2 of [...list.documents].reverse()) {
      mergeListed(documents2, listed2, { followed: isFollowed(listed2.id) });
    }
  }
  function mergeOlder(list, position) {
    const taken = documents2.indexes();
    rememberSteps(list);
    for (const listed2 of list.documents) {
      let known = documents2.entries.get(listed2.id);
      if (known && known.index >= FAR) {
        documents2.entries.delete(listed2.id);
        known = void 0;
      }
      let index = known?.index ?? position + 1;
      if (!known) while (taken.has(index)) index += 1;
      mergeListed(documents2, listed2, { followed: isFollowed(listed2.id), index });
      taken.add(index);
      position = Math.max(position, index);
    }
    return { cursor: list.next, position };
  }
  const listing2 = {
    /** Whether there are older documents to request. */
    get hasOlder() {
      return next.cursor !== null;
    },
    /** The part of a bar that each step takes; empty if documents have different steps. */
    get segments() {
      const [only, ...others] = steps;
      if (!only || others.length) return [];
      const spans = JSON.parse(only);
      return spans.map(({ name, start: start2, end: end2 }) => ({ name, from: start2, to: end2 }));
    },
    /** Whether older documents are not shown. */
    get incomplete() {
      return next.cursor !== null || trimmed;
    },
    /** Why runs wait of which no document is processed, by their ids. */
    get waiting() {
      return waiting;
    },
    /** The folders that were synchronized last. */
    get folders() {
      return folders;
    },
    /** @param {string} caseId */
    async fetchNewest(caseId2) {
      const newest = await fetchList(caseId2);
      const processing = newest.next === null ? { documents: [], next: null } : await fetchList(caseId2, { status: "processing" });
      return { newest, processing };
    },
    /** @param {{newest: DocumentList, processing: DocumentList}} lists */
    applyNewest({ newest, processing }) {
      const last = newest.documents.at(-1);
      const known = [...documents2.entries.values()].some(({ upload }) => !upload);
      if (known && newest.next !== null && last && !documents2.entries.has(last.id)) {
        documents2.reserve(GAP);
        paged = false;
      }
      waiting = newest.waiting ?? {};
      folders = newest.folders ?? [];
      mergeNewest(processing);
      mergeNewest(newest);
      const position = (last && documents2.entries.get(last.id)?.index) ?? 0;
      end = { cursor: newest.next, position };
      if (!paged) next = end;
    },
    /**
     * Request older documents, until there is one that is not shown yet.
     *
     * @param {string} caseId
     * @param {() => boolean} isCurrent whether the answer is still of use
     */
    async fetchOlder(caseId2, isCurrent) {
      const before = documents2.entries.size;
      while (next.cursor !== null && documents2.entries.size === before) {
        const from = next;
        const list = await fetchList(caseId2, { after: next.cursor });
        if (!isCurrent()) return;
        const following = mergeOlder(list, from.position);
        if (next !== from) continue;
        next = following;
        paged = true;
      }
      kept = Math.max(kept, documents2.entries.size + PAGE_SIZE);
      trimmed = false;
    },
    /**
     * Request older documents until all are known, or as many as can be sorted.
     *
     * @param {string} caseId
     * @param {() => boolean} isCurrent whether the answers are still of use
     */
    async fetchAll(caseId2, isCurrent) {
      while (next.cursor !== null && documents2.entries.size < MOST_SORTED && isCurrent()) {
        await listing2.fetchOlder(caseId2, isCurrent);
      }
    },
    /**
     * Request documents in whose texts the words of a query occur; return their ids.
     *
     * @param {string} caseId
     * @param {string} query
     */
    async search(caseId2, query) {
      const list = await fetchList(caseId2, { search: query });
      let index = Math.max(FAR, ...documents2.indexes());
      for (const listed2 of list.documents) {
        index += 1;
        mergeListed(documents2, listed2, { followed: isFollowed(listed2.id), index });
      }
      kept = Math.max(kept, documents2.entries.size + PAGE_SIZE);
      return list.documents.map(({ id }) => id);
    },
    /**
     * Remove the oldest documents that have ended, if there are too many.
     *
     * @returns {boolean} whether any were removed
     */
    trim() {
      let excess = documents2.entries.size - kept;
      if (excess <= 0) return false;
      const oldestFirst = [...documents2.entries.values()].sort(
        (one, other) => other.index - one.index
      );
      for (const { id, event, upload } of oldestFirst) {
        if (excess <= 0) break;
        if (upload || !isFinal(event.status)) continue;
        documents2.entries.delete(id);
        excess -= 1;
        trimmed = true;
      }
      paged = false;
      next = end;
      return true;
    },
    reset() {
      next = end = { cursor: null, position: 0 };
      paged = trimmed = false;
      steps.clear();
      waiting = {};
      folders = [];
      kept = MAX_KEPT;
    }
  };
  return listing2;
}

// src/page/refused-files.js
var MAX_KEPT2 = 100;
function restoreRefused(key, documents2, caseId2) {
  for (const { name, caseId: fileCase, error, at } of loadRefused(key)) {
    if (caseId2 && fileCase !== caseId2) continue;
    const id = documents2.uploadId();
    const event = { ...localEvent(id, name, "failed", "", error), timestamp: at };
    documents2.add(id, event, { upload: { file: null, caseId: fileCase, request: null } });
  }
}
function forgetRefused(documents2, name) {
  for (const [id, { upload, event }] of documents2.entries) {
    if (upload?.file === null && event.name === name) documents2.entries.delete(id);
  }
}
function loadRefused(key) {
  const kept = parseJson(sessionStorage.getItem(key) ?? "[]");
  return Array.isArray(kept) ? kept : [];
}
function saveRefused(key, entries) {
  const refused = [...entries].filter(({ upload, event }) => upload && event.status === "failed").map(({ upload, event }) => ({
    name: event.name,
    caseId: upload?.caseId,
    error: event.error,
    at: event.timestamp
  }));
  sessionStorage.setItem(key, JSON.stringify(refused.slice(-MAX_KEPT2)));
}

// src/page/summary.js
var MAX_FOLDERS = 3;
var sharesOfWork2 = createSharesOfWork();
function summarize(entries, { caseId: caseId2, incomplete, sending, segments = [], waiting = {}, folders = [] }) {
  const counts = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  let [stalled, pages, unlisted] = [0, 0, 0];
  for (const entry of entries) {
    counts[entry.event.status] += 1;
    stalled += Number(entry.silent !== null);
    pages += entry.pages ?? 0;
    unlisted += Number(entry.pages === null && entry.event.status === "completed");
  }
  const events = entries.map(({ event }) => event);
  const total = entries.length;
  const documents2 = `${total} document${total === 1 ? "" : "s"}`;
  const parts = Object.entries(counts).filter(([, count]) => count);
  return {
    title: (caseId2 ? `case ${caseId2}` : documents2) + (incomplete ? ", older ones not shown" : ""),
    text: parts.map(([status, count]) => `${count} ${status}`).join(", "),
    total,
    counts,
    stalled,
    ...sharesOfWork2(
      entries.map(({ event: { name, progress, status }, work: work2 }) => ({
        ...work2,
        name,
        progress,
        status
      })),
      entries.filter((entry) => !isMember(entry)).length
    ),
    sending,
    ...waitingFor(events, waiting),
    ...changesOf(folders),
    elapsed: null,
    remaining: null,
    documents_per_second: null,
    pages_per_second: null,
    // No list has the newest documents yet: the sum would be too small.
    pages: unlisted ? 0 : pages,
    steps: segments,
    finished: total > 0 && counts.queued + counts.processing === 0,
    connected: true,
    lost_at: null,
    actions: true,
    rows: total
  };
}
function changesOf(folders) {
  if (!folders.length) return {};
  const shown = folders.slice(0, MAX_FOLDERS).map(({ name, changes }) => `${name}: ${changes}`);
  const left = folders.length - shown.length;
  if (left) shown.push(`${left} more folder${left === 1 ? "" : "s"}`);
  return { changes: shown.join(" · ") };
}
function isMember({ event, id }) {
  return Boolean(event.parent_id) || /\.\d+$/.test(id);
}
function waitingFor(events, reasons) {
  const now = Date.now();
  const running = events.filter(({ status }) => status === "processing");
  if (running.length) {
    const [text, ...others] = running.map((event) => waitingText(event, now));
    return text && others.every(Boolean) ? { waiting: text } : {};
  }
  const queued = events.filter(({ status }) => status === "queued");
  for (const event of queued) {
    const text = waitingText(event, now);
    if (text) return { waiting: text };
  }
  const waiting = queued.map(({ run_id: run }) => run && reasons[run]).find(Boolean);
  return waiting ? { waiting } : {};
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
function outlookOf(summary, now) {
  if (summary.loading) {
    const listed2 = formatNumber(summary.rows);
    return `${listed2} of ${formatNumber(summary.total)} listed so far`;
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
  const passed = secondsSince(summary, now);
  if (seconds === null) {
    if (!summary.remaining_range) return remaining(null);
    const [low, high] = summary.remaining_range.map((end) => Math.max(end - passed, 0));
    return remainingBetween(low, high);
  }
  return remaining(Math.max(seconds - passed, 0));
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
function countOf2({ counts, stalled, total }, filter) {
  if (filter === "all") return total;
  return filter === "stalled" ? stalled : counts[filter];
}
function retryLabel({ failed, cancelled }) {
  if (failed && cancelled) return `Retry ${formatNumber(failed + cancelled)}`;
  return failed ? `Retry ${formatNumber(failed)} failed` : `Retry ${formatNumber(cancelled)} cancelled`;
}
function isEmpty({ store, summary }) {
  return !store.rows.size && !summary?.total;
}
function emptyText2({ store, filter, search: { query, pending } }) {
  if (!store.rows.size) return "Loading documents …";
  if (pending) return `Searching for “${query}” …`;
  const noun = filter === "all" ? "document" : `${filter} document`;
  return query ? `No ${noun} with “${query}” in its name, message or error` : `No ${noun}`;
}

// src/page/title.js
var TITLE = document.title;
function drawTitle(summary) {
  const headline = summary.total ? `${headlineOf(summary, null)} · ` : "";
  if (document.title !== headline + TITLE) document.title = headline + TITLE;
}

// src/page/upload-queue.js
var CONCURRENCY3 = 3;
function createUploadQueue({ api: api2, documents: documents2, onStored, onUnauthorized, onEnd }) {
  const queue = [];
  let active = 0;
  let total = 0;
  let ended = 0;
  function enqueue(entry) {
    if (ended === total) ended = total = 0;
    total += 1;
    queue.push(entry);
  }
  function sendNext() {
    while (active < CONCURRENCY3 && queue.length) {
      active += 1;
      send(
        /** @type {Entry} */
        queue.shift()
      );
    }
  }
  function send(entry) {
    const upload = (
      /** @type {Upload & {file: File}} */
      entry.upload
    );
    const { file, caseId: caseId2 } = upload;
    const form = new FormData();
    if (caseId2) form.append("case_id", caseId2);
    form.append("file", file, file.name);
    const request2 = new XMLHttpRequest();
    upload.request = request2;
    const update = (status, message, error) => documents2.apply(entry, localEvent(entry.id, file.name, status, message, error));
    request2.open("POST", `${api2.base}/documents/upload`);
    for (const [name, value] of Object.entries(api2.headers())) {
      request2.setRequestHeader(name, value);
    }
    request2.upload.onprogress = (event) => {
      const fraction = event.loaded / Math.max(event.total, 1);
      const percent = Math.floor(fraction * 100);
      update("queued", percent < 100 ? `Sending: ${percent} %` : "Sent, waiting for the server");
    };
    request2.onload = () => {
      const body = parseJson(request2.responseText);
      if (request2.status === 401) onUnauthorized();
      if (request2.status === 201) onStored(entry, body);
      else update("failed", "", body.detail ?? `the server answered ${request2.status}`);
    };
    request2.onerror = () => update("failed", "", "the file could not be sent");
    request2.onabort = () => update("cancelled", "Not sent");
    request2.onloadend = () => {
      active -= 1;
      ended += 1;
      onEnd();
      sendNext();
    };
    update("queued", "Sending");
    request2.send(form);
  }
  return {
    /** How many files were sent; null if none is waiting or being sent. */
    get progress() {
      return ended < total ? { sent: ended, total } : null;
    },
    /**
     * @param {Iterable<File>} files
     * @param {string} caseId
     */
    add(files, caseId2) {
      for (const file of files) {
        const id = documents2.uploadId();
        const event = localEvent(id, file.name, "queued", "Waiting to be sent");
        enqueue(documents2.add(id, event, { upload: { file, caseId: caseId2, request: null } }));
      }
      sendNext();
    },
    /**
     * @param {Entry} entry
     * @returns {number} how many files are sent again
     */
    retry(entry) {
      const file = entry.upload?.file;
      if (!file) throw new Error("the file has to be chosen again");
      documents2.apply(entry, localEvent(entry.id, file.name, "queued", "Waiting to be sent"));
      enqueue(entry);
      sendNext();
      return 1;
    },
    /**
     * @param {Entry} entry
     * @returns {number} how many files were cancelled
     */
    cancel(entry) {
      const { file, request: request2 } = (
        /** @type {Upload} */
        entry.upload
      );
      if (!file) throw new Error("the file has to be chosen again");
      if (request2?.readyState && request2.readyState < XMLHttpRequest.DONE) {
        request2.abort();
        return 1;
      }
      const position = queue.indexOf(entry);
      if (position < 0) return 0;
      queue.splice(position, 1);
      ended += 1;
      documents2.apply(entry, localEvent(entry.id, file.name, "cancelled", "Not sent"));
      return 1;
    }
  };
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
      const request2 = onAction ? onAction(action, ids) : -1;
      if (request2 === null) return;
      if (request2 < 0) {
        notify(`the ${sender} cannot be reached: nothing was done`, true);
        return;
      }
      const label = action === "cancel" ? "cancelling" : "retrying";
      const slow2 = setTimeout(() => {
        const gone = isLost() ? " or gone" : "";
        notify(`${label}: waiting for the ${sender}, which is busy${gone}`, false, Infinity);
      }, SLOW_ANSWER);
      const targets = action === "retry" ? retryTargets(ids) : /* @__PURE__ */ new Map();
      pending.set(request2, { timer: Number(slow2), targets });
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

// src/progress-view/row-text.js
var AGAIN = /^Trying again \(attempt \d+ of \d+\): /;
var MAX_STEP = 60;
function detailOf(row, now) {
  return sentence(plainDetailOf(row, now));
}
function plainDetailOf(row, now) {
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
  const name = singleLine(row.name);
  for (const prefix of [name, row.status]) text = withoutName(text, prefix);
  const again = AGAIN.exec(text);
  return again ? `Trying again: ${withoutName(text.slice(again[0].length), name)}` : text;
}
function stepOf({ step, status }) {
  return status === "processing" || status === "failed" ? truncate(singleLine(step), MAX_STEP) : "";
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
  const facts = [sentence(row.status), unbroken(percentOf(row))];
  if (row.step) facts.push(truncate(singleLine(row.step), MAX_CELL));
  if (row.attempt !== null) {
    const most = row.attempts ? ` of ${row.attempts}` : "";
    facts.push(unbroken(`attempt ${row.attempt}${most}`));
  }
  if (row.elapsed !== null && row.status !== "queued") {
    facts.push(unbroken(duration(secondsOf(row, now))));
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
  { key: "time", title: "Time", value: elapsedOf2 }
];
var COLLATOR = new Intl.Collator(void 0, { numeric: true, sensitivity: "base" });
function progressOf({ progress, status }) {
  return status === "queued" && progress === 0 ? null : progress;
}
function elapsedOf2(row) {
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
    const empty = Number(isEmpty2(one.value)) - Number(isEmpty2(other.value));
    return empty || direction * compare(one.value, other.value);
  }).map(({ row }) => row);
}
function isEmpty2(value) {
  return value === null || value === "";
}
function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return COLLATOR.compare(String(one ?? ""), String(other ?? ""));
}

// src/progress-view/search.js
var DELAY2 = 250;
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
      if (search.pending) timer = Number(setTimeout(ask, DELAY2));
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
function arrange(rows, { filter, search, sort, keptId }) {
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
  listed: listed2,
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
    if (narrowed) return listed2();
    const failed = store.sorted().filter(({ status }) => status === "failed");
    return failed.length ? failed : listed2();
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
    const slow2 = setTimeout(() => setText(button, "Collecting errors …"), SLOW_ERRORS);
    const errors = await onErrors?.(cut).catch(() => void 0);
    clearTimeout(slow2);
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
    const visible = selection.of(listed2()).length;
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
  let start2 = 0;
  return steps.map((step) => {
    const seconds = step.seconds ?? 0;
    const span = createElement("div", "span");
    span.hidden = !seconds;
    span.style.marginInlineStart = `${rounded(start2 / total * 100)}%`;
    span.style.width = `${rounded(seconds / total * 100)}%`;
    start2 += seconds;
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
function createHistoryTable({ history: history2, row: { name } }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["Time", "Attempt", "State", "Step", "%", "Message"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const event of [...history2].reverse()) {
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
      error.draw(row.error ? fullError ?? row.error : "", row.name);
      const slow2 = pending && performance.now() - requestedAt > SLOW_ANSWER2;
      const busy = `Waiting for the ${sender}, which is busy`;
      const noteText = slow2 ? busy : details?.problem ?? "";
      setText(note, noteText || (details ? "" : "Loading details …"));
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
    measure(rows, now) {
      let names = NAMES[0];
      for (const row of rows) {
        names = Math.max(names, charactersOf(nameOf(row)));
        if (messages < MESSAGES[1]) messages = Math.max(messages, charactersOf(detailOf(row, now)));
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
      const now = performance.now();
      const newKey = JSON.stringify([filter, search.query, sort]);
      const same = newKey === key && order.rows.length > 0;
      const kept = same && store.rows.get(order.rows[0].index) === order.rows[0];
      const changed = revision !== store.revision || found !== search.found;
      if (kept && sort) {
        if (now < sortedAt + SORT_INTERVAL) return "";
        if (engaged && now >= sortedAt + SORT_INTERVAL && heldUntil) {
          sortedAt = now;
          const wanted = arrange(store.sorted(), { filter, search, sort, keptId: openedId });
          order.paused = wanted.some((row, position) => row !== order.rows[position]);
          return "";
        }
      } else if (kept && (!changed || now < heldUntil)) return "";
      else if (same && !changed) return "";
      order.rows = arrange(store.sorted(), {
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
      sortedAt = now;
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
    draw(row, { top, rowIndex, narrow, opened, selected, now, activeKey }) {
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
      const detail = detailOf(row, now);
      setText(text, truncate(detail, MAX_CELL) || (narrow ? sentence(rowState) : ""));
      setTitle(message, rowState === "failed" ? messageOf(row) : detail);
      setText(number, attemptOf2(row));
      setHidden(attempt, !number.textContent);
      setText(step, stepOf(row));
      setText(worker, truncate(singleLine(row.worker ?? ""), 60));
      setText(time, timeOf(row, now));
    }
  };
  return gridRow;
}

// src/progress-view/grid.js
var OVERSCAN = 4;
function createGrid(options) {
  const { signal, idPrefix, selection, onOpen, onDismiss, onSort, scheduleDraw: scheduleDraw2 } = options;
  const header = createGridHeader(idPrefix);
  const details = createDetailsRow(`${idPrefix}-details`, scheduleDraw2);
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
    scheduleDraw2();
  });
  for (const type of ["pointermove", "pointerdown", "keydown", "wheel"]) listen(type, order.hold);
  for (const type of ["pointerleave", "focusout"]) {
    listen(type, () => {
      order.release();
      scheduleDraw2();
    });
  }
  listen("focusin", scheduleDraw2);
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
    scheduleDraw2();
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
        scheduleDraw2();
      } else moveTo(position < 0 ? Math.max(rows - 1, 0) : position + rows, extend);
    },
    moveTo(position, extend) {
      moveTo(position < 0 ? order.rows.length - 1 : position, extend);
    },
    moveAcross(columns) {
      const keys = header.visibleKeys();
      const position = keys.indexOf(activeKey ?? "name");
      activeKey = keys[clamp(position + columns, 0, keys.length - 1)];
      scheduleDraw2();
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
      scheduleDraw2();
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
    scheduleDraw2();
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
    setHidden(element, state.store.single || !state.summary || isEmpty(state));
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
    setText(empty, rows.length ? "" : emptyText2(state));
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
    setHidden(element, store.single || isEmpty(state));
    if (!summary) return;
    setAttribute(exporting, "aria-expanded", open.exporting);
    setAttribute(help, "aria-expanded", open.helping);
    for (const { filter, chip, count } of chips) {
      const documents2 = countOf2(summary, filter);
      setText(count, formatNumber(documents2));
      setAttribute(chip, "aria-pressed", filter === selected);
      toggleClass(chip, "none", !documents2);
      const kept = ALWAYS_SHOWN.has(filter) || SHOWN_UNTIL_FINISHED.has(filter) && !summary.finished;
      setHidden(chip, !documents2 && !kept && filter !== selected);
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
  const problemText2 = createElement("span");
  const problem2 = createElement("span", "problem", createIcon("stalled"), problemText2);
  const notice = createElement("span", "notice");
  const headline = createElement(
    "div",
    "headline",
    icon,
    name,
    percent,
    outlook,
    title,
    problem2,
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
    const { store, summary, now } = state;
    const row = store.single ? store.sorted()[0] : null;
    setText(problemText2, sentence(state.problem));
    setHidden(problem2, !state.problem);
    setText(notice, state.notice.text);
    setHidden(notice, !state.notice.text);
    toggleClass(notice, "bad", state.notice.bad);
    const urgent = Boolean(state.problem || state.notice.text);
    for (const each of [title, rates.element]) setHidden(each, urgent);
    setHidden(outlook, Boolean(state.problem));
    setHidden(current, !row);
    setHidden(steps.element, !row || !summary?.steps?.length);
    setHidden(bar.element, !summary || isEmpty(state));
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
    const outlookText = outlookOf(summary, now);
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
    const text = [sentence(step), detailOf(row, now)].filter(Boolean).join(" · ");
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
  const documents2 = createElement("span", "documents");
  const element = createElement("span", "rates", elapsed, pages, documents2);
  let nextUpdate = -Infinity;
  let shownKey = "";
  function draw({ now, problem: problem2 }, summary, row) {
    setText(elapsed, elapsedOf(summary, now));
    const key = `${summary.finished} ${problem2}`;
    if (performance.now() < nextUpdate && key === shownKey) return;
    nextUpdate = performance.now() + RATE_INTERVAL;
    shownKey = key;
    setText(pages, pagesOf(summary, problem2));
    const rate2 = row || problem2 ? "" : rateOf(summary.documents_per_second, "documents");
    setText(documents2, rate2);
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
var TIMEOUT2 = 6e3;
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
      return disconnected || performance.now() - lastBeat > TIMEOUT2 || Date.now() - lastBeatWall > TIMEOUT2;
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
      const now = performance.now();
      store.summary = { ...summary, receivedAt: summary.receivedAt ?? now };
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
        startClocks(row, change, now);
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
  let frame2 = 0;
  let filter = "all";
  let sort = null;
  const idPrefix = `docprogress-${Math.random().toString(36).slice(2)}`;
  const selection = createSelection(scheduleDraw2);
  const search = createSearch({
    onSearch: options.onSearch,
    onChange() {
      grid.releaseRows();
      scheduleDraw2();
    }
  });
  const actions = createActions({
    store,
    sender,
    isLost: heartbeat.isLost,
    onAction: options.onAction,
    onChange: scheduleDraw2
  });
  const bulkBar = createBulkBar({
    signal,
    store,
    selection,
    listed: () => grid.listed(),
    onAction: actions.request,
    onChange: scheduleDraw2,
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
    scheduleDraw: scheduleDraw2
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
    if (!document.hidden) scheduleDraw2();
  }, 1e3);
  document.addEventListener("visibilitychange", scheduleDraw2, { signal });
  function scheduleDraw2() {
    if (!frame2 && !signal.aborted) frame2 = requestAnimationFrame(draw);
  }
  function draw() {
    frame2 = 0;
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
    const listed2 = store.single || grid.listed().some(({ id }) => id === panel.openedId);
    if (panel.openedId && !listed2) closeDetails();
    announcer.announce(state);
  }
  function toggleFilter(selected) {
    filter = filter === selected ? "all" : selected;
    grid.releaseRows();
    scheduleDraw2();
  }
  function sortBy(selected) {
    sort = selected;
    grid.releaseRows();
    options.onSort?.(sort);
    scheduleDraw2();
  }
  function toggleHelp() {
    help.hidden = !help.hidden;
    scheduleDraw2();
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
    scheduleDraw2();
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
    scheduleDraw2();
  }
  function rowsChanged() {
    actions.rowsChanged();
    heartbeat.beat();
    if (panel.isOutdated(store)) requestDetails();
    scheduleDraw2();
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
      scheduleDraw2();
    },
    act: actions.request,
    showResult: actions.showResult,
    beat(time) {
      heartbeat.beat(time);
      scheduleDraw2();
    },
    disconnect(reason) {
      heartbeat.disconnect(reason);
      scheduleDraw2();
    },
    close() {
      closing.abort();
      clearInterval(clock);
      cancelAnimationFrame(frame2);
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
var REFRESH_INTERVAL = 5e3;
var MEMBERS_DELAY = 300;
var BEAT_INTERVAL = 2e3;
var SLOW_ANSWER3 = 300;
var api = createApi(base, askForToken);
var access = createAccess((token) => {
  api.token = token;
  sessionStorage.setItem(TOKEN_KEY, token);
  refresh();
});
var documents = createDocuments(scheduleDraw);
var follower = createFollower({
  api,
  documents,
  onConnected: serverAnswered,
  onMembers: listMembers,
  onError: serverFailed
});
var listing = createListing({
  request: api.request,
  documents,
  isFollowed: follower.isFollowed
});
var uploads = createUploadQueue({
  api,
  documents,
  onStored: adoptUpload,
  onUnauthorized: askForToken,
  onEnd: uploadEnded
});
var caseId = new URLSearchParams(location.search).get("case") ?? "";
var listed = false;
var slow = false;
var slowTimer = 0;
var frame = 0;
var refreshTimer = 0;
var membersTimer = 0;
var connected = false;
var problemText = "";
var view = createProgressView(viewElement, {
  onAction: createActionRequests({
    documents,
    request: api.request,
    uploads,
    retryNow: (action, ids) => view.act(action, ids),
    onResult(result) {
      view.showResult(result);
      refresh();
    }
  }),
  onDetails: showDetails,
  onSearch: searchDocuments,
  onErrors: async (ids) => errorsOf(documents, ids),
  onSort(sort) {
    if (sort && listing.hasOlder) loadOlder(listing.fetchAll);
  },
  sender: "server"
});
start();
function start() {
  const token = tokenOf(location.hash);
  if (token) {
    sessionStorage.setItem(TOKEN_KEY, token);
    history.replaceState(null, "", location.pathname + location.search);
  }
  api.token = sessionStorage.getItem(TOKEN_KEY) ?? "";
  caseField.value = caseId;
  restoreRefused(REFUSED_KEY, documents, caseId);
  caseField.addEventListener("change", () => selectCase(caseField.value.trim()));
  olderButton.addEventListener("click", showOlder);
  listenForFiles((files) => {
    if (!work.hidden) addFiles(files);
  });
  addEventListener("beforeunload", (event) => {
    const entries = [...documents.entries.values()];
    const sending = entries.some(({ upload, event: { status } }) => upload && !isFinal(status));
    if (sending) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  setInterval(() => {
    if (connected) view.beat();
  }, BEAT_INTERVAL);
  refresh();
}
function askForToken() {
  follower.stop();
  work.hidden = true;
  access.ask(api.token !== "");
}
async function refresh() {
  clearTimeout(refreshTimer);
  const requested = caseId;
  if (!listed && !slowTimer) slowTimer = Number(setTimeout(showLoading, SLOW_ANSWER3));
  try {
    const lists = await listing.fetchNewest(requested);
    if (requested !== caseId) return;
    serverAnswered();
    access.hide();
    work.hidden = false;
    listing.applyNewest(lists);
    listed = true;
    endLoading();
    if (listing.trim()) replaceRows();
    scheduleDraw();
    follower.update();
  } catch (error) {
    serverFailed(
      /** @type {Error} */
      error
    );
  }
  clearTimeout(refreshTimer);
  if (!access.shown) {
    refreshTimer = Number(setTimeout(() => !document.hidden && refresh(), REFRESH_INTERVAL));
  }
}
function showLoading() {
  slow = true;
  drawPage();
}
function endLoading() {
  clearTimeout(slowTimer);
  slowTimer = 0;
  slow = false;
}
function listMembers() {
  if (membersTimer) return;
  membersTimer = Number(
    setTimeout(() => {
      membersTimer = 0;
      refresh();
    }, MEMBERS_DELAY)
  );
}
function showOlder() {
  return loadOlder(listing.fetchOlder);
}
async function loadOlder(fetchDocuments) {
  const requested = caseId;
  olderButton.disabled = true;
  olderButton.textContent = "Loading …";
  try {
    await fetchDocuments(requested, () => requested === caseId);
    if (requested !== caseId) return;
    serverAnswered();
    replaceRows();
    follower.update();
  } catch (error) {
    serverFailed(
      /** @type {Error} */
      error
    );
  } finally {
    olderButton.disabled = false;
    olderButton.textContent = "Show more";
  }
}
async function searchDocuments(query) {
  const ids = await listing.search(caseId, query);
  scheduleDraw();
  follower.update();
  return ids;
}
function serverAnswered() {
  connected = true;
  problemText = "";
  drawPage();
}
function serverFailed({ message }) {
  connected = false;
  endLoading();
  problemText = access.shown ? "" : message;
  if (problemText === UNREACHABLE) problemText += "; trying again";
  view.disconnect(problemText);
  drawPage();
}
function selectCase(selected) {
  if (selected === caseId) return;
  caseId = selected;
  const address = new URL(location.href);
  if (selected) address.searchParams.set("case", selected);
  else address.searchParams.delete("case");
  history.replaceState(null, "", address);
  follower.stop();
  for (const [id, { upload }] of documents.entries) if (!upload) documents.entries.delete(id);
  listed = false;
  listing.reset();
  replaceRows();
  refresh();
}
function addFiles(files) {
  const before = documents.entries.size;
  for (const file of files) forgetRefused(documents, file.name);
  if (documents.entries.size !== before) replaceRows();
  uploads.add(files, caseId);
}
function adoptUpload(entry, stored) {
  const { entries } = documents;
  entries.delete(entry.id);
  entry.upload = null;
  entry.id = stored.id;
  const known = entries.has(stored.id);
  if (!known) entries.set(stored.id, entry);
  const otherCase = caseId !== "" && stored.case_id !== caseId;
  if (otherCase) entries.delete(stored.id);
  if (known || otherCase) replaceRows();
  else {
    const event = localEvent(stored.id, stored.filename, "queued", "Waiting for a worker");
    documents.apply(entry, { ...event, timestamp: stored.created_at, attempt: 1 });
  }
  follower.update();
}
function uploadEnded() {
  saveRefused(REFUSED_KEY, documents.entries.values());
  scheduleDraw();
}
async function showDetails(id) {
  const entry = documents.entries.get(id);
  if (entry) view.showDetails(await loadDetails(entry, api.request));
}
function scheduleDraw() {
  if (!frame) frame = requestAnimationFrame(drawChanges);
}
function drawChanges() {
  frame = 0;
  drawPage();
  const summary = currentSummary();
  drawTitle(summary);
  view.update({ summary, rows: documents.takeChangedRows() });
  if (!connected) view.disconnect(problemText);
}
function replaceRows() {
  drawPage();
  const summary = currentSummary();
  drawTitle(summary);
  view.replace({ summary, rows: documents.takeAllRows() });
  if (!connected) view.disconnect(problemText);
}
function currentSummary() {
  return summarize([...documents.entries.values()], {
    caseId,
    incomplete: listing.incomplete,
    waiting: listing.waiting,
    folders: listing.folders,
    sending: uploads.progress,
    segments: listing.segments
  });
}
function drawPage() {
  const empty = !documents.entries.size;
  viewElement.hidden = empty;
  emptyText.hidden = !empty || !listed;
  loadingText.hidden = !slow || !empty || access.shown;
  olderButton.hidden = !listing.hasOlder;
  problem.textContent = sentence(problemText);
  problem.hidden = !problemText || documents.unfinished().length > 0;
}
