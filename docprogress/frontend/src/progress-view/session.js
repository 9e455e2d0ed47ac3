/**
 * What the views of one widget show, kept up to date by messages from the kernel.
 *
 * Every message is a hint: if any is lost, the state is requested again, and what is
 * shown becomes right later.
 */

import { createPlaces } from "../shared/places.js";
import { showsLostWidget } from "../shared/notebook.js";
import { pageId } from "../shared/widget.js";
import { createRowStore } from "./row-store.js";
import { createProgressView } from "./view.js";

/** @typedef {import("../shared/widget.js").Model} Model */
/** @typedef {import("../shared/widget.js").Session} Session */
/** @typedef {import("./types.js").Delta} Delta */
/** @typedef {import("./types.js").ProgressView} ProgressView */
/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").Summary} Summary */

/** Milliseconds until a snapshot is requested again; doubled each time, up to a limit. */
const FIRST_RETRY = 1000;
const LONGEST_RETRY = 60_000;

/** The age of a snapshot, in milliseconds, from which another one is requested. */
const STALE = 2000;

/** Milliseconds after which a page says that it failed to draw the widget. */
const UNSEEN = 1500;

/** Milliseconds that a page waits for an answer: a browser lets a click copy for five seconds. */
const ANSWER_TIMEOUT = 4000;

/**
 * @param {Model} model
 * @returns {Session}
 */
export function createViewSession(model) {
  /** @type {Set<ProgressView>} */
  const views = new Set();
  const store = createRowStore();
  const page = pageId();
  let session = "";
  let seq = -1;
  let lastMessageAt = Date.now();
  let requests = 0;
  /** @type {Map<number, (message: any) => void>} what waits for an answer, by request */
  const questions = new Map();
  let frame = 0;
  let timer = 0;
  let acknowledging = false;
  let incomplete = false;
  let nextRequestAt = -Infinity;
  let retryDelay = FIRST_RETRY;

  /** @param {object} content */
  function send(content) {
    try {
      model.send(content);
      return true;
    } catch {
      return false; // the comm is closed
    }
  }

  /**
   * Ask the kernel something, and wait for its answer. Older kernels give none.
   *
   * @param {object} content
   * @returns {Promise<any>}
   */
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

  /**
   * Tell the kernel what was painted, after the next frame.
   *
   * @param {boolean} [requested] whether the kernel asked for it
   */
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

  /** @param {Snapshot & {session: string, seq: number}} snapshot */
  function applySnapshot(snapshot) {
    ({ session, seq } = snapshot);
    store.replace(snapshot);
    incomplete = false;
    retryDelay = FIRST_RETRY;
    for (const view of views) view.replace(currentState());
    acknowledge();
  }

  /** @param {Delta & {session: string, seq: number, ack?: boolean}} delta */
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

  /** @returns {Snapshot} */
  function currentState() {
    return { summary: /** @type {Summary} */ (store.summary), rows: store.sorted() };
  }

  /** @param {any} message */
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
      // Other pages count their requests too. Older kernels do not name the page.
      for (const view of views) view.showResult(message);
    }
    else if (message.type === "table") places.replace(message);
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
    // marimo keeps the state of the moment when the widget was made.
    if (Date.now() - lastMessageAt > STALE) requestSnapshot();
  }

  function disconnect() {
    for (const view of views) view.disconnect();
  }

  /** @param {HTMLElement} element */
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
      onErrors: async (ids) => new Map(Object.entries((await ask({ type: "errors", ids })).errors)),
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
  /** @type {[string, (...values: any[]) => void][]} */
  const listeners = [
    ["msg:custom", receive],
    ["change:snapshot", restoreSnapshot],
    ["comm_live_update", disconnect],
  ];
  for (const [event, listener] of listeners) model.on(event, listener);
  restoreSnapshot();
  // Before anything is painted, which a hidden page puts off. A kernel that never gets
  // this shows a table instead of a view that its front end cannot load.
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
    },
  };
}

/** Milliseconds since the epoch, by a clock that does not jump. */
function now() {
  return performance.timeOrigin + performance.now();
}
