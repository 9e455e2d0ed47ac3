/** The documents and files that the page shows, and the state of each. */

import { attemptOf } from "../client/order.js";
import { learnWork, UNKNOWN_WORK } from "../progress-view/shares.js";
import { shownMessage } from "../progress-view/waiting.js";
import { isFinal } from "../shared/status.js";
import { truncate } from "../shared/text.js";
import { inWordsOfPage } from "./password.js";

/** @typedef {import("../progress-view/types.js").Row} Row */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").ListedDocument} ListedDocument */
/** @typedef {import("./types.js").ProgressEvent} ProgressEvent */
/** @typedef {import("./types.js").Upload} Upload */
/** @typedef {ReturnType<typeof createDocuments>} Documents */

/** The most characters of an error in a row. */
const MAX_ERROR = 300;

/** @param {() => void} onChange some rows have changed */
export function createDocuments(onChange) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** @type {Set<number>} indexes of rows to draw again */
  const changed = new Set();
  /** The index of the newest. */
  let first = 0;

  const documents = {
    entries,
    /** A new id for a file that is not a document yet. */
    uploadId() {
      return `upload ${first}`;
    },
    /**
     * Reserve this many positions between the known documents and newer ones.
     *
     * @param {number} count
     */
    reserve(count) {
      first -= count;
    },
    /** All indexes that are taken. */
    indexes() {
      return new Set([...entries.values()].map(({ index }) => index));
    },
    /**
     * @param {string} id
     * @param {ProgressEvent} event
     * @param {{upload?: Upload | null, index?: number}} [options] the index is that of a
     *   new first row, unless it is given
     */
    add(id, event, { upload = null, index = (first -= 1) } = {}) {
      /** @type {Entry} */
      const entry = {
        index,
        id,
        event,
        upload,
        startedAt: null,
        finishedAt: null,
        silent: null,
        pages: null,
        work: learnWork({ ...UNKNOWN_WORK, size: upload?.file?.size ?? 0 }, event),
      };
      entries.set(id, entry);
      documents.markChanged(entry);
      return entry;
    },
    /**
     * @param {Entry} entry
     * @param {ProgressEvent} event
     */
    apply(entry, event) {
      const before = entry.event;
      entry.event = { ...event, name: event.name ?? before.name };
      entry.work = learnWork(entry.work, event);
      entry.silent = null;
      if (event.status === "processing" && before.status !== "processing") {
        entry.startedAt ??= Date.parse(event.timestamp);
      }
      if (event.status === "queued") {
        entry.startedAt = entry.finishedAt = entry.pages = null;
      }
      if (isFinal(event.status)) entry.finishedAt ??= Date.parse(event.timestamp);
      documents.markChanged(entry);
    },
    /**
     * @param {Entry} entry
     * @param {number | null} silent seconds
     */
    setSilent(entry, silent) {
      entry.silent = silent;
      documents.markChanged(entry);
    },
    /** @param {Entry} entry */
    markChanged({ index }) {
      changed.add(index);
      onChange();
    },
    /** Rows that have changed since they were last taken. */
    takeChangedRows() {
      const rows = [...entries.values()].filter(({ index }) => changed.has(index)).map(rowOf);
      changed.clear();
      return rows;
    },
    /** All rows, none of which counts as changed any more. */
    takeAllRows() {
      changed.clear();
      return [...entries.values()].map(rowOf);
    },
    /** Documents of the server that have not ended. */
    unfinished() {
      return [...entries.values()].filter(
        ({ upload, event }) => !upload && !isFinal(event.status),
      );
    },
  };
  return documents;
}

/**
 * Merge what a list says about a document.
 *
 * @param {Documents} documents
 * @param {ListedDocument} listed
 * @param {object} options
 * @param {boolean} options.followed whether its events are received as well
 * @param {number} [options.index] its position if it is new
 */
export function mergeListed(documents, listed, { followed, index }) {
  const event = eventOf(listed);
  const known = documents.entries.get(listed.id);
  const entry = known ?? documents.add(listed.id, event, { index });
  // A stream is newer than a list.
  if (!known || (!followed && isNewer(listed, entry))) documents.apply(entry, event);
  if (attemptOf(entry.event) !== listed.attempt) return entry;
  const pages = isFinal(listed.status) ? listed.pages : null;
  if (entry.pages !== pages) documents.markChanged(entry);
  entry.pages = pages;
  entry.startedAt = listed.started_at ? Date.parse(listed.started_at) : null;
  entry.finishedAt = listed.finished_at ? Date.parse(listed.finished_at) : null;
  return entry;
}

/**
 * @param {ListedDocument} listed
 * @returns {ProgressEvent}
 */
function eventOf(listed) {
  return {
    document_id: listed.id,
    status: listed.status,
    step: listed.step,
    progress: listed.progress,
    message: listed.message,
    timestamp: listed.updated_at,
    attempt: listed.attempt,
    name: listed.filename,
    run_id: listed.run_id,
    size: listed.size,
    work: listed.work,
    ocr_pages: listed.ocr_pages,
    ...(listed.error_message === null ? {} : { error: listed.error_message }),
  };
}

/**
 * @param {ListedDocument} listed
 * @param {Entry} entry
 */
function isNewer(listed, { event }) {
  const attempt = attemptOf(event);
  if (listed.attempt !== attempt) return listed.attempt > (attempt ?? 0);
  // The list may be older than an event that was received since.
  return !isFinal(event.status) && Date.parse(listed.updated_at) > Date.parse(event.timestamp);
}

/**
 * An event for a file that the server does not have.
 *
 * @param {string} id
 * @param {string} name
 * @param {ProgressEvent["status"]} status
 * @param {string} message
 * @param {string} [error]
 * @returns {ProgressEvent}
 */
export function localEvent(id, name, status, message, error) {
  const timestamp = new Date().toISOString();
  const event = { document_id: id, name, status, step: "", progress: 0, message, timestamp };
  return error === undefined ? event : { ...event, error };
}

/**
 * @param {Entry} entry
 * @returns {Row}
 */
export function rowOf({ index, id, event, startedAt, finishedAt, silent }) {
  const end = isFinal(event.status) ? finishedAt : Date.parse(event.timestamp);
  const elapsed = startedAt === null || end === null ? null : (end - startedAt) / 1000;
  return {
    index,
    id,
    name: event.name ?? id,
    status: event.status,
    step: event.step,
    progress: event.progress,
    message: shownMessage(event, Date.now()),
    error: event.error === undefined ? null : truncate(inWordsOfPage(event.error), MAX_ERROR),
    attempt: attemptOf(event),
    attempts: null,
    current: event.current ?? null,
    total: event.total ?? null,
    unit: event.unit ?? null,
    worker: event.worker ?? null,
    elapsed: elapsed === null || event.status === "queued" ? null : Math.max(elapsed, 0),
    stalled: silent !== null,
    silent,
  };
}
