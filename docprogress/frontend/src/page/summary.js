/** The summary of the documents that the page shows. */

import { waitingText } from "../progress-view/waiting.js";
import { createSharesOfWork } from "../progress-view/shares.js";

/** @typedef {import("../progress-view/types.js").Summary} Summary */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").ProgressEvent} ProgressEvent */

/** The folders whose changes are shown. */
const MAX_FOLDERS = 3;

const sharesOfWork = createSharesOfWork();

/**
 * @param {Entry[]} entries
 * @param {object} context
 * @param {string} context.caseId
 * @param {boolean} context.incomplete whether older documents are not shown
 * @param {Summary["sending"]} context.sending
 * @param {Summary["steps"]} [context.segments]
 * @param {Record<string, string>} [context.waiting] why runs wait, by their ids
 * @param {import("./types.js").SyncedFolder[]} [context.folders] synchronized last
 * @returns {Summary}
 */
export function summarize(
  entries,
  { caseId, incomplete, sending, segments = [], waiting = {}, folders = [] },
) {
  const counts = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  let [stalled, pages, unlisted] = [0, 0, 0];
  for (const entry of entries) {
    counts[entry.event.status] += 1;
    stalled += Number(entry.silent !== null);
    pages += entry.pages ?? 0;
    unlisted += Number(entry.pages === null && entry.event.status === "completed");
  }
  const events = entries.map(({ event }) => event);
  const total = entries.length;
  const documents = `${total} document${total === 1 ? "" : "s"}`;
  const parts = Object.entries(counts).filter(([, count]) => count);
  return {
    title: (caseId ? `case ${caseId}` : documents) + (incomplete ? ", older ones not shown" : ""),
    text: parts.map(([status, count]) => `${count} ${status}`).join(", "),
    total,
    counts,
    stalled,
    ...sharesOfWork(
      entries.map(({ event: { name, progress, status }, work }) => ({
        ...work,
        name,
        progress,
        status,
      })),
      entries.filter((entry) => !isMember(entry)).length,
    ),
    sending,
    ...waitingFor(events, waiting),
    ...changesOf(folders),
    elapsed: null,
    remaining: null,
    documents_per_second: null,
    pages_per_second: null,
    // No list has the newest documents yet: the sum would be too small.
    pages: unlisted ? 0 : pages,
    steps: segments,
    finished: total > 0 && counts.queued + counts.processing === 0,
    connected: true,
    lost_at: null,
    actions: true,
    rows: total,
  };
}

/**
 * What the last syncs of folders have found, the newest first.
 *
 * @param {import("./types.js").SyncedFolder[]} folders
 * @returns {{changes?: string}}
 */
function changesOf(folders) {
  if (!folders.length) return {};
  const shown = folders.slice(0, MAX_FOLDERS).map(({ name, changes }) => `${name}: ${changes}`);
  const left = folders.length - shown.length;
  if (left) shown.push(`${left} more folder${left === 1 ? "" : "s"}`);
  return { changes: shown.join(" · ") };
}

/**
 * Whether a document was found in another one: it was part of the work before.
 *
 * @param {Entry} entry
 */
function isMember({ event, id }) {
  return Boolean(event.parent_id) || /\.\d+$/.test(id);
}

/**
 * What the documents wait for while none moves.
 *
 * @param {ProgressEvent[]} events
 * @param {Record<string, string>} reasons why runs wait, by their ids
 * @returns {{waiting?: string}}
 */
function waitingFor(events, reasons) {
  const now = Date.now();
  const running = events.filter(({ status }) => status === "processing");
  if (running.length) {
    const [text, ...others] = running.map((event) => waitingText(event, now));
    return text && others.every(Boolean) ? { waiting: text } : {};
  }
  const queued = events.filter(({ status }) => status === "queued");
  for (const event of queued) {
    const text = waitingText(event, now);
    if (text) return { waiting: text };
  }
  const waiting = queued.map(({ run_id: run }) => run && reasons[run]).find(Boolean);
  return waiting ? { waiting } : {};
}
