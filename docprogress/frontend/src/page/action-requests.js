/** Requests of actions on documents; encrypted ones need a password first. */

import { performAction, targetsOf } from "./actions.js";
import { createPasswordDialog, needsPassword } from "./password.js";

/** @typedef {import("../progress-view/types.js").Action} Action */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {{request: number, ok: boolean, text: string}} Result */

/**
 * @param {Parameters<typeof performAction>[0] & {
 *   retryNow: (action: Action, ids: string[] | null) => void,
 *   onResult: (result: Result) => void,
 * }} options `retryNow` requests a retry again, once its password is known
 */
export function createActionRequests({ retryNow, onResult, ...options }) {
  const dialog = createPasswordDialog();
  let requests = 0;
  /** The password of documents that are retried now; null if it was not asked for. */
  let password = /** @type {string | null} */ (null);

  /**
   * @param {Entry[]} encrypted
   * @param {() => void} retry
   */
  async function askForPassword(encrypted, retry) {
    password = await dialog.ask(encrypted.map(({ id, event }) => event.name ?? id));
    if (password !== null) retry();
    password = null;
  }

  /**
   * @param {Action} action
   * @param {string[] | null} ids
   * @returns {number | null} null if the user is asked for a password first
   */
  return function startAction(action, ids) {
    const targets = action === "retry" ? targetsOf(options.documents, action, ids) : [];
    const encrypted = targets.filter(({ event }) => needsPassword(event.error));
    if (encrypted.length && password === null) {
      askForPassword(encrypted, () => retryNow(action, ids));
      return null;
    }
    requests += 1;
    const request = requests;
    performAction(options, action, ids, password ?? "").then((result) =>
      onResult({ request, ...result }),
    );
    return request;
  };
}
