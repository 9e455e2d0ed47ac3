/**
 * The page at `/`: takes files, hands them to the server, and shows how far they are.
 *
 * What is shown of a document is what the server said last; only of a file that is
 * still on its way does the page itself know where it stands.
 */

import { watch } from "./document-progress.js";
import { sharesOfWork } from "./progress-view/shares.js";
import { createProgressView } from "./progress-view/view.js";

/** @typedef {import("./document-progress.js").ProgressEvent} ProgressEvent */
/** @typedef {import("./progress-view/types.js").Row} Row */
/** @typedef {import("./progress-view/types.js").Summary} Summary */

/**
 * @typedef {object} Upload
 * @property {File | null} file null once the page was loaded again: it has to be chosen anew
 * @property {string} caseId
 * @property {XMLHttpRequest | null} sending
 */

/**
 * A file that the server has refused.  The server keeps nothing of it, so the tab does.
 *
 * @typedef {{name: string, caseId: string, error: string, at: string}} Refused
 */

/**
 * @typedef {object} Entry one document, or one file that is to become one
 * @property {number} index
 * @property {string} id
 * @property {ProgressEvent} event where it stands
 * @property {Upload | null} upload until the server has it
 * @property {number | null} startedAt when its newest attempt began, by the server's clock
 * @property {number | null} finishedAt
 * @property {number | null} silent seconds without a sign of life
 * @property {number} pages
 */

/**
 * The documents of one list, and the most that are kept: what ended goes.  There are
 * more of both for whoever asks for older ones.
 */
const LISTED = 500;
const KEPT = 1000;

/** The most documents over one connection, and the most such connections. */
const FOLLOWED = 500;
const STREAMS = 2;

/** Milliseconds between two looks at what others have added. */
const LOOK = 5000;

/**
 * Milliseconds that more documents are waited for before all are followed anew, and
 * for each that is followed: all of them are told of again.
 */
const GATHER = 150;
const GATHER_EACH = 5;

/** Milliseconds between two signs that the server is heard. */
const BEAT = 2000;

/** Requests, and files, at a time: a browser opens six connections, two are streams. */
const LANES = 3;

/** The most characters of an error in a row. */
const LONGEST = 300;

/** The most refused files that a tab remembers. */
const REMEMBERED = 100;

const FINAL = new Set(["completed", "failed", "cancelled"]);

/** Where the server is, without a slash at the end: a proxy may put it anywhere. */
const base = new URL(".", location.href).pathname.slice(0, -1);

/** Tabs of one browser have one token for each server. */
const KEY = `docprogress ${base}`;
const REFUSED = `docprogress refused ${base}`;

const access = /** @type {HTMLFormElement} */ (find("access"));
const tokenField = /** @type {HTMLInputElement} */ (find("token"));
const work = find("work");
const caseField = /** @type {HTMLInputElement} */ (find("case"));
const drop = find("drop");
const picker = /** @type {HTMLInputElement} */ (find("files"));
const problem = find("problem");
const place = find("view");
const empty = find("empty");
const older = /** @type {HTMLButtonElement} */ (find("more"));

/** @type {Map<string, Entry>} */
const entries = new Map();
/** @type {Entry[]} files that wait for their turn */
const queue = [];
/** @type {Set<number>} */
const changed = new Set();
let sending = 0;
/** The files that were added since none was on its way, and those that are not any more. */
let toSend = 0;
let sent = 0;
let indexes = 0;
let oldIndexes = 0;
let requests = 0;
let token = "";
let caseId = new URLSearchParams(location.search).get("case") ?? "";
let listed = false;
/** Whether there are older documents than are shown. */
let more = false;
let kept = KEPT;
/** @type {string | null} what older documents are asked for with, and what was at first */
let next = null;
/** @type {string | null} */
let firstNext = null;
/** Whether older ones were asked for than those of the first list. */
let paged = false;
/** Whether older ones have gone again that were shown. */
let trimmed = false;
/** @type {Set<string>} */
let followed = new Set();
/** @type {(() => void)[]} */
let streams = [];
let gathering = 0;
let frame = 0;
let look = 0;
/** Whether the server was heard when it was last tried. */
let heard = false;

const view = createProgressView(place, { onAction: act, onDetails: detail, sender: "server" });

begin();

function begin() {
  const given = tokenOf(location.hash);
  if (given) {
    // Nobody who is shown the address, or sent it, is to have the token.
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
    if ([...entries.values()].some(({ upload, event: { status } }) => upload && !FINAL.has(status)))
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

/**
 * The token of an address.
 *
 * @param {string} hash
 */
function tokenOf(hash) {
  const [, given = ""] = /[#&]token=([^&]*)/.exec(hash) ?? [];
  try {
    // A plus is a plus: this is no form.
    return decodeURIComponent(given);
  } catch {
    return given; // written by hand, with a per cent sign
  }
}

/**
 * Ask the server, as whoever has the token.
 *
 * @param {string} path
 * @param {RequestInit} [init]
 */
async function ask(path, init = {}) {
  /** @type {Record<string, string>} */
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

/** Look what documents there are: others may have added some. */
async function refresh() {
  clearTimeout(look);
  const asked = caseId;
  const query = new URLSearchParams({ limit: String(LISTED) });
  if (asked) query.set("case_id", asked);
  try {
    const newest = await ask(`/documents?${query}`);
    query.set("status", "processing");
    // What workers are at may be of a run that is larger than the list.
    const processing = newest.more ? await ask(`/documents?${query}`) : { documents: [] };
    if (asked !== caseId) return;
    hear();
    access.hidden = true;
    work.hidden = false;
    // The newest is the first of a list, and above those that were there before.
    for (const document of processing.documents.reverse()) list(document);
    for (const document of newest.documents.reverse()) list(document);
    firstNext = newest.next;
    if (!paged) next = firstNext;
    more = next !== null || trimmed;
    listed = true;
    trim();
    schedule();
    follow();
  } catch (error) {
    lose(/** @type {Error} */ (error));
  }
  clearTimeout(look);
  if (access.hidden) look = Number(setTimeout(() => !document.hidden && refresh(), LOOK));
}

/** Show documents that are older than all that are shown. */
async function showOlder() {
  const asked = caseId;
  const query = new URLSearchParams({ limit: String(LISTED) });
  if (asked) query.set("case_id", asked);
  const before = entries.size;
  older.disabled = true;
  try {
    // What is known already is no answer to somebody who wants more.
    while (next !== null && entries.size === before) {
      query.set("after", next);
      const { documents, next: following } = await ask(`/documents?${query}`);
      if (asked !== caseId) return;
      hear();
      for (const document of documents) list(document, true);
      next = following;
      paged = true;
    }
    kept = Math.max(kept, entries.size + LISTED);
    more = next !== null;
    trimmed = false;
    schedule();
    follow();
  } catch (error) {
    lose(/** @type {Error} */ (error));
  } finally {
    older.disabled = false;
  }
}

function hear() {
  heard = true;
  say("");
}

/** @param {Error} error */
function lose({ message }) {
  heard = false;
  view.disconnect();
  say(access.hidden ? message : "");
}

/**
 * @param {any} told a document, as the server lists it
 * @param {boolean} [last] whether it is older than all that are shown
 */
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
    ...(told.error_message === null ? {} : { error: told.error_message }),
  };
  const entry = known ?? create(told.id, event, null, last);
  // What is followed is known better than a list can say.
  if (!known || (!followed.has(told.id) && isNews(told, entry))) take(entry, event);
  if (attemptOf(entry.event) !== told.attempt) return;
  if (entry.pages !== told.pages) changed.add(entry.index);
  entry.pages = told.pages;
  entry.startedAt = told.started_at && Date.parse(told.started_at);
  entry.finishedAt = told.finished_at && Date.parse(told.finished_at);
}

/**
 * @param {any} told
 * @param {Entry} entry
 */
function isNews(told, { event }) {
  if (told.attempt !== attemptOf(event)) return told.attempt > (attemptOf(event) ?? 0);
  // A list may have been made before what was heard since.
  return !FINAL.has(event.status) && Date.parse(told.updated_at) > Date.parse(event.timestamp);
}

/**
 * @param {string} id
 * @param {ProgressEvent} event
 * @param {Upload | null} [upload]
 * @param {boolean} [last]
 */
function create(id, event, upload = null, last = false) {
  /** @type {Entry} */
  const entry = {
    index: last ? (oldIndexes += 1) : (indexes -= 1),
    id,
    event,
    upload,
    startedAt: null,
    finishedAt: null,
    silent: null,
    pages: 0,
  };
  entries.set(id, entry);
  changed.add(entry.index);
  schedule();
  return entry;
}

/**
 * @param {Entry} entry
 * @param {ProgressEvent} event
 */
function take(entry, event) {
  const before = entry.event;
  entry.event = { ...event, name: event.name ?? before.name };
  entry.silent = null;
  if (event.status === "processing" && before.status !== "processing") {
    entry.startedAt ??= Date.parse(event.timestamp);
  }
  if (event.status === "queued") entry.startedAt = entry.finishedAt = null;
  if (FINAL.has(event.status)) entry.finishedAt ??= Date.parse(event.timestamp);
  changed.add(entry.index);
  schedule();
}

/** Keep no more than can be shown well: the oldest of what has come to rest goes. */
function trim() {
  let excess = entries.size - kept;
  if (excess <= 0) return;
  const oldest = [...entries.values()].sort((one, other) => other.index - one.index);
  for (const { id, event, upload } of oldest) {
    if (excess <= 0) break;
    if (upload || !FINAL.has(event.status)) continue;
    entries.delete(id);
    excess -= 1;
    trimmed = more = true;
  }
  // They are asked for again, from where the first list ends.
  paged = false;
  next = firstNext;
  replace();
}

/** What has not come to rest, as far as the server has it. */
function unfinished() {
  return [...entries.values()].filter(({ upload, event }) => !upload && !FINAL.has(event.status));
}

/** Follow what has not come to rest, over as few connections as can be. */
function follow() {
  const waiting = unfinished();
  const missing = waiting.filter(({ id }) => !followed.has(id));
  // Not a new connection for each one that ends.
  const room = waiting.length - missing.length <= (STREAMS * FOLLOWED) / 2;
  const all = waiting.length <= STREAMS * FOLLOWED;
  if (gathering || !missing.length || !(room || all)) return;
  gathering = Number(
    setTimeout(
      () => {
        gathering = 0;
        followNow();
      },
      GATHER + GATHER_EACH * followed.size,
    ),
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

/** Follow nothing any more. */
function leave() {
  for (const stop of streams) stop();
  streams = [];
  followed.clear();
}

/** @param {string[]} ids */
function listen(ids) {
  return watch(ids, {
    url: base,
    ...(token ? { token } : {}),
    onChange(event) {
      const entry = entries.get(event.document_id);
      if (!entry) return;
      take(entry, event);
      if (FINAL.has(event.status)) {
        followed.delete(entry.id);
        follow();
      }
    },
    onSign({ type, document_id, silent_seconds }) {
      const entry = entries.get(document_id);
      if (!entry) return;
      entry.silent = type === "stalled" ? (silent_seconds ?? 0) : null;
      changed.add(entry.index);
      schedule();
    },
    onConnection(connection) {
      if (connection === "streaming" || connection === "polling") hear();
      if (connection === "ended" || connection === "refused") {
        for (const id of ids) followed.delete(id);
      }
    },
    onError: lose,
  });
}

/** @param {string} chosen */
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

/** @returns {Refused[]} */
function refusals() {
  const kept = parse(sessionStorage.getItem(REFUSED) ?? "[]");
  return Array.isArray(kept) ? kept : [];
}

/** Remember which files were refused, for when the page is loaded again. */
function remember() {
  const refused = [...entries.values()]
    .filter(({ upload, event }) => upload && event.status === "failed")
    .map(({ upload, event }) => ({
      name: event.name,
      caseId: upload?.caseId,
      error: event.error,
      at: event.timestamp,
    }));
  sessionStorage.setItem(REFUSED, JSON.stringify(refused.slice(-REMEMBERED)));
}

/**
 * Take away what was refused of a name before the page was loaded: it comes once more.
 *
 * @param {string} name
 */
function forget(name) {
  for (const [id, { upload, event }] of entries) {
    if (upload?.file === null && event.name === name) entries.delete(id);
  }
}

/** @param {Iterable<File>} files */
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

/**
 * Where a file stands that the server does not have.
 *
 * @param {string} id
 * @param {string} name
 * @param {ProgressEvent["status"]} status
 * @param {string} message
 * @param {string} [error]
 * @returns {ProgressEvent}
 */
function local(id, name, status, message, error) {
  const timestamp = new Date().toISOString();
  const event = { document_id: id, name, status, step: "", progress: 0, message, timestamp };
  return error === undefined ? event : { ...event, error };
}

/** Count one more file that is to be sent. */
function expect() {
  if (sent === toSend) sent = toSend = 0;
  toSend += 1;
}

function sendNext() {
  while (sending < LANES && queue.length) {
    sending += 1;
    send(/** @type {Entry} */ (queue.shift()));
  }
}

/** @param {Entry} entry */
function send(entry) {
  const { file, caseId: belongs } = /** @type {Upload & {file: File}} */ (entry.upload);
  const form = new FormData();
  if (belongs) form.append("case_id", belongs);
  form.append("file", file, file.name);
  // fetch does not say how much was sent.
  const request = new XMLHttpRequest();
  /** @type {Upload} */ (entry.upload).sending = request;
  /**
   * @param {ProgressEvent["status"]} status
   * @param {string} message
   * @param {string} [error]
   */
  const stand = (status, message, error) =>
    take(entry, local(entry.id, file.name, status, message, error));
  request.open("POST", `${base}/documents/upload`);
  if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
  request.upload.onprogress = ({ loaded, total }) =>
    stand("queued", `Sending: ${Math.floor((loaded / Math.max(total, 1)) * 100)} %`);
  request.onload = () => {
    const answer = parse(request.responseText);
    if (request.status === 401) askForToken();
    if (request.status === 201) adopt(entry, answer);
    else stand("failed", "", answer.detail ?? `the server answered ${request.status}`);
  };
  request.onerror = () => stand("failed", "", "the file could not be sent");
  request.onabort = () => stand("cancelled", "Not sent");
  request.onloadend = () => {
    sending -= 1;
    sent += 1;
    remember();
    sendNext();
    schedule();
  };
  stand("queued", "Sending");
  request.send(form);
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // from something in between, that has words of its own
  }
}

/**
 * Let a file become the document that the server made of it.
 *
 * @param {Entry} entry
 * @param {any} told
 */
function adopt(entry, told) {
  entries.delete(entry.id);
  entry.upload = null;
  entry.id = told.id;
  const known = entries.get(told.id);
  if (!known) entries.set(told.id, entry);
  const elsewhere = caseId !== "" && told.case_id !== caseId;
  if (elsewhere) entries.delete(told.id);
  // A row that has gone, as a list has told of the document already.
  if (known || elsewhere) replace();
  else {
    // It may be at work, or at its end, by now: what follows it tells that whole.
    const event = local(told.id, told.filename, "queued", "Waiting for a worker");
    take(entry, { ...event, timestamp: told.created_at, attempt: 1 });
  }
  follow();
}

/**
 * @param {"cancel" | "retry"} action
 * @param {string[] | null} ids
 */
function act(action, ids) {
  requests += 1;
  perform(requests, action, ids);
  return requests;
}

/**
 * @param {number} request
 * @param {"cancel" | "retry"} action
 * @param {string[] | null} ids
 */
async function perform(request, action, ids) {
  const again = action === "retry";
  const targets = [...entries.values()].filter(
    ({ id, event: { status } }) =>
      (ids === null || ids.includes(id)) &&
      (again ? status === "failed" || status === "cancelled" : !FINAL.has(status)),
  );
  let done = 0;
  /** @type {string[]} */
  const errors = [];
  const lane = async () => {
    for (let entry = targets.shift(); entry; entry = targets.shift()) {
      try {
        const path = `/documents/${encodeURIComponent(entry.id)}/${action}`;
        // Not `done += await …`: that would add to what was there before the others.
        const count = entry.upload
          ? actOnUpload(entry, again)
          : (await ask(path, { method: "POST" })).documents;
        done += count;
      } catch (error) {
        errors.push(/** @type {Error} */ (error).message);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const count = `${done} ${done === 1 ? "document is" : "documents are"}`;
  const text = `${count} ${again ? "tried again" : "cancelled"}`;
  const failed = errors.length ? `; ${errors.length} could not be: ${errors[0]}` : "";
  view.showResult({ request, ok: !errors.length, text: text + failed });
  refresh();
}

/**
 * @param {Entry} entry
 * @param {boolean} again
 */
function actOnUpload(entry, again) {
  const upload = /** @type {Upload} */ (entry.upload);
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
    const place = queue.indexOf(entry);
    if (place < 0) return 0; // it has ended meanwhile
    queue.splice(place, 1);
    sent += 1;
    take(entry, local(entry.id, name, "cancelled", "Not sent"));
  }
  return 1;
}

/** @param {string} id */
async function detail(id) {
  const entry = entries.get(id);
  if (!entry) return;
  /** @type {{events: ProgressEvent[], steps: {name: string, seconds: number, attempt: number}[]}} */
  let told = { events: [entry.event], steps: [] };
  let reason = null;
  try {
    if (!entry.upload) told = await ask(`/progress/documents/${encodeURIComponent(id)}/history`);
  } catch (error) {
    reason = /** @type {Error} */ (error).message;
  }
  view.showDetails({
    id,
    row: { ...rowOf(entry), error: entry.event.error ?? null },
    // The newest attempt that did a step comes last.
    steps: [...new Map(told.steps.map((step) => [step.name, step])).values()],
    history: told.events.map((event) => ({
      ...event,
      attempt: attemptOf(event),
      error: event.error ?? null,
    })),
    problem: reason,
  });
}

/** @param {ProgressEvent} event */
function attemptOf({ id, attempt }) {
  return attempt ?? (id === undefined ? null : Number(id.split("-")[0]));
}

/**
 * @param {Entry} entry
 * @returns {Row}
 */
function rowOf({ index, id, event, startedAt, finishedAt, silent }) {
  const end = FINAL.has(event.status) ? finishedAt : Date.parse(event.timestamp);
  const elapsed = startedAt === null || end === null ? null : (end - startedAt) / 1000;
  return {
    index,
    id,
    name: event.name ?? id,
    status: event.status,
    step: event.step,
    progress: event.progress,
    message: event.message,
    error: event.error?.slice(0, LONGEST) ?? null,
    attempt: attemptOf(event),
    attempts: null,
    current: event.current ?? null,
    total: event.total ?? null,
    unit: event.unit ?? null,
    worker: event.worker ?? null,
    elapsed: elapsed === null || event.status === "queued" ? null : Math.max(elapsed, 0),
    stalled: silent !== null,
    silent,
  };
}

/**
 * What the first of these says that it waits for, if one does.
 *
 * @param {ProgressEvent[]} events
 * @returns {{waiting?: string}}
 */
function waitingFor(events) {
  const found = events.find(
    ({ status, message }) => status === "queued" && /^Waiting for (?!a worker$)/.test(message),
  );
  return found ? { waiting: `w${found.message.slice(1)}` } : {};
}

/** @returns {Summary} */
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
    ...(counts.processing ? {} : waitingFor([...entries.values()].map(({ event }) => event))),
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
    rows: total,
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
  if (!heard) view.disconnect();
}

/** Show what there is, and no row of what has gone. */
function replace() {
  arrange();
  changed.clear();
  view.replace({ summary: summarize(), rows: [...entries.values()].map(rowOf) });
  if (!heard) view.disconnect();
}

function arrange() {
  place.hidden = !entries.size;
  empty.hidden = entries.size > 0 || !listed;
  older.hidden = next === null;
}

/** @param {string} text */
function say(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

/** @param {string} id */
function find(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
