/**
 * Files that the server has refused, kept for when the page is loaded again.
 *
 * The server keeps nothing of them, so the tab does.
 */

import { parseJson } from "./api.js";

/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {{name: string, caseId: string, error: string, at: string}} RefusedFile */

/** The most files that a tab keeps. */
const MAX_KEPT = 100;

/**
 * @param {string} key of the session storage
 * @returns {RefusedFile[]}
 */
export function loadRefused(key) {
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
