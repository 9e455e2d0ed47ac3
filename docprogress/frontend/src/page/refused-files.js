/**
 * Files that the server has refused, kept for when the page is loaded again.
 *
 * The server keeps nothing of them, so the tab does.
 */

import { parseJson } from "./api.js";
import { localEvent } from "./documents.js";

/** @typedef {import("./documents.js").Documents} Documents */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {{name: string, caseId: string, error: string, at: string}} RefusedFile */

/** The most files that a tab keeps. */
const MAX_KEPT = 100;

/**
 * Show the files that were refused before the page was loaded again.
 *
 * @param {string} key of the session storage
 * @param {Documents} documents
 * @param {string} caseId only files of this case, unless it is empty
 */
export function restoreRefused(key, documents, caseId) {
  for (const { name, caseId: fileCase, error, at } of loadRefused(key)) {
    if (caseId && fileCase !== caseId) continue;
    const id = documents.uploadId();
    const event = { ...localEvent(id, name, "failed", "", error), timestamp: at };
    documents.add(id, event, { upload: { file: null, caseId: fileCase, request: null } });
  }
}

/**
 * Remove a file that was refused before the page was loaded: it is sent again.
 *
 * @param {Documents} documents
 * @param {string} name
 */
export function forgetRefused(documents, name) {
  for (const [id, { upload, event }] of documents.entries) {
    if (upload?.file === null && event.name === name) documents.entries.delete(id);
  }
}

/**
 * @param {string} key
 * @returns {RefusedFile[]}
 */
function loadRefused(key) {
  const kept = parseJson(sessionStorage.getItem(key) ?? "[]");
  return Array.isArray(kept) ? kept : [];
}

/**
 * @param {string} key of the session storage
 * @param {Iterable<Entry>} entries
 */
export function saveRefused(key, entries) {
  const refused = [...entries]
    .filter(({ upload, event }) => upload && event.status === "failed")
    .map(({ upload, event }) => ({
      name: event.name,
      caseId: upload?.caseId,
      error: event.error,
      at: event.timestamp,
    }));
  sessionStorage.setItem(key, JSON.stringify(refused.slice(-MAX_KEPT)));
}
