/** All documents of a server that components show, over one connection. */

import { watch } from "../document-progress.js";
import { isFinal } from "../shared/status.js";

/** @typedef {import("../document-progress.js").Connection} Connection */
/** @typedef {import("../document-progress.js").ProgressEvent} ProgressEvent */
/** @typedef {import("../use-document-progress.js").Following} Following */

/** @typedef {{url?: string, token?: string, hasTicket: boolean}} Server */

/**
 * A component that shows a document.
 *
 * @typedef {object} Subscriber
 * @property {string} documentId
 * @property {(change: Partial<Following>) => void} onChange
 * @property {(documentIds: string[]) => string | Promise<string>} ticket
 */

/** Milliseconds to wait for more documents before all are followed anew. */
const DELAY = 20;

/** The most documents of one connection. */
const PER_STREAM = 500;

/** @type {Map<string, ReturnType<typeof createConnection>>} */
const connections = new Map();

/**
 * Subscribe to a document, over the connection to its server if there is one.
 *
 * @param {Server} server
 * @param {Subscriber} subscriber
 * @returns {() => void} ends the subscription
 */
export function subscribe(server, subscriber) {
  const key = JSON.stringify([server.url, server.token, server.hasTicket]);
  const connection = connections.get(key) ?? createConnection(server, () => connections.delete(key));
  connections.set(key, connection);
  return connection.subscribe(subscriber);
}

/**
 * @param {Server} server
 * @param {() => void} onUnused the last subscription has ended
 */
function createConnection({ url, token, hasTicket }, onUnused) {
  /** @type {Set<Subscriber>} */
  const subscribers = new Set();
  /** @type {Map<string, ProgressEvent>} */
  const known = new Map();
  /** @type {Set<string>} documents that were followed until they were completed */
  const completed = new Set();
  /** @type {{ids: string[], stop: () => void}[]} */
  let streams = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Connection} */
  let state = "connecting";

  /** Follow the documents that are shown and not completed. */
  function open() {
    timer = undefined;
    close();
    const shown = new Set([...subscribers].map(({ documentId }) => documentId));
    for (const id of known.keys()) if (!shown.has(id)) known.delete(id);
    for (const id of completed) if (!shown.has(id)) completed.delete(id);
    const ids = [...shown].filter((id) => !completed.has(id));
    for (let from = 0; from < ids.length; from += PER_STREAM) {
      const some = ids.slice(from, from + PER_STREAM);
      streams.push({ ids: some, stop: openStream(some) });
    }
  }

  function close() {
    for (const { stop } of streams) stop();
    streams = [];
  }

  function closeCompleted() {
    streams = streams.filter(({ ids, stop }) => {
      const done = ids.every((id) => completed.has(id));
      if (done) stop();
      return !done;
    });
  }

  /** @param {string[]} ids */
  function openStream(ids) {
    /** @param {Partial<Following>} change */
    const notifyUnfinished = (change) => {
      for (const { documentId, onChange } of subscribers) {
        const ended = isFinal(known.get(documentId)?.status);
        if (!ended && ids.includes(documentId)) onChange(change);
      }
    };
    const ticket = (/** @type {string[]} */ requested) => newest().ticket(requested);
    return watch(ids, {
      url,
      token,
      ...(hasTicket ? { ticket } : {}),
      follow: true,
      onChange(event) {
        apply(event);
        closeCompleted();
      },
      onError: (error) => notifyUnfinished({ error }),
      onConnection(connection) {
        // The connection is reopened for each new document: nothing is wrong.
        if (connection === "connecting") return;
        state = connection;
        const works = connection === "streaming" || connection === "polling";
        notifyUnfinished(works ? { connection, error: null } : { connection });
      },
    });
  }

  /** @returns {Subscriber} */
  function newest() {
    return /** @type {Subscriber} */ ([...subscribers].at(-1));
  }

  /** @param {ProgressEvent} progress */
  function apply(progress) {
    const documentId = progress.document_id;
    const ended = isFinal(progress.status);
    const retried = !ended && isFinal(known.get(documentId)?.status);
    known.set(documentId, progress);
    if (progress.status === "completed") completed.add(documentId);
    else completed.delete(documentId);
    /** @type {Partial<Following>} */
    let change = { progress };
    if (ended) change = { progress, connection: "ended", error: null };
    if (retried) change = { progress, connection: state };
    for (const subscriber of subscribers) {
      if (subscriber.documentId === documentId) subscriber.onChange(change);
    }
  }

  return {
    /** @param {Subscriber} subscriber */
    subscribe(subscriber) {
      subscribers.add(subscriber);
      const event = known.get(subscriber.documentId);
      if (event) apply(event);
      // The document may have been retried since: ask the server again.
      completed.delete(subscriber.documentId);
      timer ??= setTimeout(open, DELAY);
      return () => {
        subscribers.delete(subscriber);
        if (subscribers.size) return;
        clearTimeout(timer);
        close();
        onUnused();
      };
    },
  };
}
