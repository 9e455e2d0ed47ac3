/** Cancel and retry documents and uploads. */

import { isRetryable } from "../progress-view/status.js";
import { isFinal } from "../shared/status.js";

/** @typedef {import("../progress-view/types.js").Action} Action */
/** @typedef {import("./documents.js").Documents} Documents */
/** @typedef {import("./types.js").Entry} Entry */

/** Requests at a time: a browser opens six connections to a server, two are streams. */
const CONCURRENCY = 3;

/**
 * @param {object} options
 * @param {Documents} options.documents
 * @param {(path: string, init: RequestInit) => Promise<any>} options.request
 * @param {{retry: (entry: Entry) => number, cancel: (entry: Entry) => number}} options.uploads
 * @param {Action} action
 * @param {string[] | null} ids all documents if null
 * @returns {Promise<{ok: boolean, text: string}>}
 */
export async function performAction({ documents, request, uploads }, action, ids) {
  const retrying = action === "retry";
  const wanted = ids && new Set(ids);
  const targets = [...documents.entries.values()].filter(({ id, event: { status } }) => {
    const applies = retrying ? isRetryable(status) : !isFinal(status);
    return applies && (wanted === null || wanted.has(id));
  });
  let done = 0;
  /** @type {string[]} */
  const errors = [];

  /** @param {Entry} entry */
  async function perform(entry) {
    if (entry.upload) return retrying ? uploads.retry(entry) : uploads.cancel(entry);
    const path = `/documents/${encodeURIComponent(entry.id)}/${action}`;
    return (await request(path, { method: "POST" })).documents;
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
  const failed = errors.length ? `; ${errors.length} failed: ${errors[0]}` : "";
  return { ok: !errors.length, text: text + failed };
}
