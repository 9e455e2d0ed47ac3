/** Everything that is known about one document. */

import { copyToClipboard } from "../shared/clipboard.js";
import {
  createButton,
  createElement,
  setAttribute,
  setHidden,
  setScrollableText,
  setText,
  suppressShortcuts,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { CLOSE_PATH, createIcon, createSvg, setIcon } from "../shared/icons.js";
import { isFinal } from "../shared/status.js";
import { replaceInvisible, sentence, truncate, withoutName } from "../shared/text.js";
import { createHistoryTable, createTimeline } from "./details-sections.js";
import { detailOf, factsOf } from "./row-text.js";
import { isRetryable, nameOf, stateOf } from "./status.js";

/** @typedef {import("./row-store.js").RowStore} RowStore */
/** @typedef {import("./types.js").Action} Action */
/** @typedef {import("./types.js").Details} Details */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").ViewState} ViewState */

/** Milliseconds after which the view says that it still waits for the details. */
const SLOW_ANSWER = 3000;

/** Least milliseconds between two requests for the details of a document. */
const REQUEST_INTERVAL = 1000;

/**
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {(action: Action, ids: string[] | null) => void} options.onAction
 * @param {() => void} options.onDismiss
 * @param {string} options.sender
 */
export function createDetailsPanel({ signal, onAction, onDismiss, sender }) {
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
    { signal },
  );

  /** @type {Details | null} */
  let details = null;
  let requestedAt = 0;
  let pending = false;
  /** The state of the document when its details were requested. */
  let requestedState = "";

  /** @param {Row} row */
  function changeKey({ status, step, attempt }) {
    return `${status} ${step} ${attempt}`;
  }

  /** @param {RowStore} store */
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
    draw({ store, summary, now }) {
      const row = panel.openedId ? openedRow(store) : undefined;
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
        message: untruncated(row.message, full?.message),
      };
      setScrollableText(name, nameOf(completed));
      setScrollableText(message, row.status === "failed" ? "" : detailOf(completed, now));
      setHidden(message, !message.textContent);
      setHidden(cancel, !summary?.actions || isFinal(row.status));
      setHidden(retry, !summary?.actions || !isRetryable(row.status));
      setText(facts, factsOf(row, now).join(" · "));
      const fullError = full?.attempt === row.attempt ? full.error : null;
      error.draw(row.error ? (fullError ?? row.error) : "", row.name);
      const slow = pending && performance.now() - requestedAt > SLOW_ANSWER;
      const busy = `Waiting for the ${sender}, which is busy`;
      const noteText = slow ? busy : (details?.problem ?? "");
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
    },
  };
  return panel;
}

/**
 * The error of a document, which can be copied whole.
 *
 * @param {AbortSignal} signal
 */
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
    timer = Number(setTimeout(() => setText(copy, "Copy"), 2000));
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
    },
  };
}

/**
 * The full text, if a row's text is its beginning.
 *
 * @param {string} text
 * @param {string | undefined} full
 */
function untruncated(text, full) {
  return full?.startsWith(text.replace(/…$/, "")) ? full : text;
}
