/** Follow the documents that have not ended, over as few connections as possible. */

import { watch } from "../document-progress.js";
import { isFinal } from "../shared/status.js";

/** @typedef {import("./api.js").createApi} createApi */
/** @typedef {import("./documents.js").Documents} Documents */

/** The most documents of one connection, and the most connections. */
const PER_STREAM = 500;
const MAX_STREAMS = 2;

/**
 * Milliseconds to wait for more documents before all are followed anew, and for each
 * that is followed already, because a new stream starts with the state of all.
 */
const DELAY = 150;
const DELAY_EACH = 5;

/**
 * @param {object} options
 * @param {ReturnType<createApi>} options.api
 * @param {Documents} options.documents
 * @param {() => void} options.onConnected
 * @param {() => void} options.onMembers documents were found in one that is followed
 * @param {(error: Error) => void} options.onError
 */
export function createFollower({ api, documents, onConnected, onMembers, onError }) {
  /** @type {Set<string>} */
  const followed = new Set();
  /** @type {(() => void)[]} */
  let streams = [];
  let timer = 0;

  function followNow() {
    timer = 0;
    follower.stop();
    const ids = documents.unfinished().map(({ id }) => id);
    for (let from = 0; from < ids.length && streams.length < MAX_STREAMS; from += PER_STREAM) {
      const some = ids.slice(from, from + PER_STREAM);
      for (const id of some) followed.add(id);
      streams.push(openStream(some));
    }
  }

  /** @param {string[]} ids */
  function openStream(ids) {
    return watch(ids, {
      url: api.base,
      ...(api.token ? { token: api.token } : {}),
      onChange(event) {
        const entry = documents.entries.get(event.document_id);
        if (!entry) return;
        documents.apply(entry, event);
        if (event.unit === "member" && event.total) onMembers();
        if (isFinal(event.status)) {
          followed.delete(entry.id);
          follower.update();
        }
      },
      onSign({ type, document_id, silent_seconds }) {
        const entry = documents.entries.get(document_id);
        if (entry) documents.setSilent(entry, type === "stalled" ? (silent_seconds ?? 0) : null);
      },
      onConnection(connection) {
        if (connection === "streaming" || connection === "polling") onConnected();
        if (connection === "ended" || connection === "refused") {
          for (const id of ids) followed.delete(id);
        }
      },
      onError,
    });
  }

  const follower = {
    /** @param {string} id */
    isFollowed(id) {
      return followed.has(id);
    },
    /** Follow documents that are not followed yet, soon. */
    update() {
      const unfinished = documents.unfinished();
      const missing = unfinished.filter(({ id }) => !followed.has(id));
      // Do not open a new connection for each document that ends.
      const capacity = MAX_STREAMS * PER_STREAM;
      const hasRoom = unfinished.length - missing.length <= capacity / 2;
      const allFit = unfinished.length <= capacity;
      if (timer || !missing.length || !(hasRoom || allFit)) return;
      timer = Number(setTimeout(followNow, DELAY + DELAY_EACH * followed.size));
    },
    stop() {
      for (const stop of streams) stop();
      streams = [];
      followed.clear();
    },
  };
  return follower;
}
