/** Cancel and retry documents, and show how the request went. */

import { isFinal } from "../shared/status.js";
import { sentence } from "../shared/text.js";
import { isRetryable } from "./status.js";

/** @typedef {import("./row-store.js").RowStore} RowStore */
/** @typedef {import("./types.js").Action} Action */
/** @typedef {import("./types.js").ActionResult} ActionResult */
/** @typedef {import("./types.js").Notice} Notice */

/** @typedef {{index: number, attempt: number | null, started: boolean}} RetryTarget */

/** Milliseconds after which the notice says that there is no answer yet. */
const SLOW_ANSWER = 3000;

/** Milliseconds that the result of an action is shown. */
const NOTICE_DURATION = 8000;

/**
 * @param {object} options
 * @param {RowStore} options.store
 * @param {string} options.sender
 * @param {() => boolean} options.isLost
 * @param {((action: Action, ids: string[] | null) => number | null)} [options.onAction] the number
 *   of the request; negative if it cannot be made, null if it is made later
 * @param {() => void} options.onChange the notice has changed
 */
export function createActions({ store, sender, isLost, onAction, onChange }) {
  /** @type {Map<number, {timer: number, targets: Map<string, RetryTarget>}>} by request */
  const pending = new Map();
  /** @type {Map<string, RetryTarget>} the documents that the notice is about */
  let retried = new Map();
  let timer = 0;

  /**
   * @param {string} text
   * @param {boolean} [bad]
   * @param {number} [milliseconds]
   */
  function notify(text, bad = false, milliseconds = NOTICE_DURATION) {
    clearTimeout(timer);
    actions.notice = { text: sentence(text), bad };
    retried = new Map();
    if (Number.isFinite(milliseconds)) {
      timer = Number(setTimeout(() => notify("", false, Infinity), milliseconds));
    }
    onChange();
  }

  /**
   * The documents that a retry is about, and their attempts so far.
   *
   * @param {string[] | null} ids
   */
  function retryTargets(ids) {
    /** @type {Map<string, RetryTarget>} */
    const targets = new Map();
    const wanted = ids && new Set(ids);
    for (const { index, id, status, attempt } of store.rows.values()) {
      if (isRetryable(status) && (wanted === null || wanted.has(id))) {
        targets.set(id, { index, attempt, started: false });
      }
    }
    return targets;
  }

  /** @param {RetryTarget} target */
  function updateTarget(target) {
    const row = store.rows.get(target.index);
    if (!row) return;
    const newAttempt = (row.attempt ?? 0) > (target.attempt ?? 0);
    if (newAttempt || !isFinal(row.status)) target.started = true;
  }

  /** @param {RetryTarget} target */
  function hasEnded({ index, started }) {
    const row = store.rows.get(index);
    return !row || (started && isFinal(row.status));
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
      const targets = action === "retry" ? retryTargets(ids) : new Map();
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
    },
  };
  return actions;
}
