/** Cancel and retry documents and uploads. */

import { isRetryable } from "../progress-view/status.js";
import { isFinal } from "../shared/status.js";
import { needsPassword } from "./password.js";

/** @typedef {import("../progress-view/types.js").Action} Action */
/** @typedef {import("./documents.js").Documents} Documents */
/** @typedef {import("./types.js").Entry} Entry */

/** Requests at a time: a browser opens six connections to a server, two are streams. */
const CONCURRENCY = 3;

/**
 * The documents that an action is about.
 *
 * @param {Documents} documents
 * @param {Action} action
 * @param {string[] | null} ids all documents if null
 */
export function targetsOf(documents, action, ids) {
  const retrying = action === "retry";
  const wanted = ids && new Set(ids);
  return [...documents.entries.values()].filter(({ id, event: { status } }) => {
    const applies = retrying ? isRetryable(status) : !isFinal(status);
    return applies && (wanted === null || wanted.has(id));
  });
}

/**
 * @param {object} options
 * @param {Documents} options.documents
 * @param {(path: string, init: RequestInit) => Promise<any>} options.request
 * @param {{retry: (entry: Entry) => number, cancel: (entry: Entry) => number}} options.uploads
 * @param {Action} action
 * @param {string[] | null} ids all documents if null
 * @param {string} [password] of encrypted documents
 * @returns {Promise<{ok: boolean, text: string}>}
 */
export async function performAction({ documents, request, uploads }, action, ids, password = "") {
  const retrying = action === "retry";
  const targets = targetsOf(documents, action, ids);
  let done = 0;
  /** @type {string[]} */
  const errors = [];

  /** @param {Entry} entry */
  async function perform(entry) {
    if (entry.upload) return retrying ? uploads.retry(entry) : uploads.cancel(entry);
    const path = `/documents/${encodeURIComponent(entry.id)}/${action}`;
    const unlocks = password !== "" && needsPassword(entry.event.error);
    const body = unlocks ? JSON.stringify({ passwords: [password] }) : null;
    return (await request(path, { method: "POST", body })).documents;
  }

  async function performSome() {
    for (let entry = targets.shift(); entry; entry = targets.shift()) {
      try {
        // Not `done += await …`, which adds to the value from before the wait.
        const count = await perform(entry);
        done += count;
      } catch (error) {
        errors.push(/** @type {Error} */ (error).message);
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
