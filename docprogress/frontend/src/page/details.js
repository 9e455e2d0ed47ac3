/** The details of a document, as the view shows them. */

import { attemptOf } from "../client/order.js";
import { rowOf } from "./documents.js";
import { inWordsOfPage } from "./password.js";

/** @typedef {import("../progress-view/types.js").Details} Details */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").ProgressEvent} ProgressEvent */

/**
 * @typedef {object} History
 * @property {ProgressEvent[]} events
 * @property {{name: string, seconds: number, attempt: number}[]} steps of all attempts
 */

/**
 * @param {Entry} entry
 * @param {(path: string) => Promise<History>} request
 * @returns {Promise<Details>}
 */
export async function loadDetails(entry, request) {
  const { id, event, upload } = entry;
  /** @type {History} */
  let history = { events: [event], steps: [] };
  let problem = null;
  try {
    const path = `/progress/documents/${encodeURIComponent(id)}/history`;
    if (!upload) history = await request(path);
  } catch (error) {
    problem = /** @type {Error} */ (error).message;
  }
  return {
    id,
    row: { ...rowOf(entry), error: inWordsOfPage(entry.event.error) ?? null },
    // The last one is of the newest attempt that did the step.
    steps: [...new Map(history.steps.map((step) => [step.name, step])).values()],
    history: history.events.map((each) => ({
      ...each,
      attempt: attemptOf(each),
      error: inWordsOfPage(each.error) ?? null,
    })),
    problem,
  };
}

/**
 * The whole errors of documents, by their ids.
 *
 * @param {import("./documents.js").Documents} documents
 * @param {string[]} ids
 * @returns {Map<string, string>}
 */
export function errorsOf(documents, ids) {
  return new Map(ids.map((id) => [id, inWordsOfPage(documents.entries.get(id)?.event.error) ?? ""]));
}
