/** Send files to the server, a few at a time. */

import { parseJson } from "./api.js";
import { localEvent } from "./documents.js";

/** @typedef {import("./api.js").createApi} createApi */
/** @typedef {import("./documents.js").Documents} Documents */
/** @typedef {import("./types.js").Entry} Entry */
/** @typedef {import("./types.js").Upload} Upload */

/** Files at a time: a browser opens six connections to a server, two are streams. */
const CONCURRENCY = 3;

/**
 * @param {object} options
 * @param {ReturnType<createApi>} options.api
 * @param {Documents} options.documents
 * @param {(entry: Entry, document: any) => void} options.onStored the server has the file
 * @param {() => void} options.onUnauthorized
 * @param {() => void} options.onEnd an upload has ended
 */
export function createUploadQueue({ api, documents, onStored, onUnauthorized, onEnd }) {
  /** @type {Entry[]} */
  const queue = [];
  let active = 0;
  /** Files added since the queue was last empty, and how many of them have ended. */
  let total = 0;
  let ended = 0;

  /** @param {Entry} entry */
  function enqueue(entry) {
    if (ended === total) ended = total = 0;
    total += 1;
    queue.push(entry);
  }

  function sendNext() {
    while (active < CONCURRENCY && queue.length) {
      active += 1;
      send(/** @type {Entry} */ (queue.shift()));
    }
  }

  /** @param {Entry} entry */
  function send(entry) {
    const upload = /** @type {Upload & {file: File}} */ (entry.upload);
    const { file, caseId } = upload;
    const form = new FormData();
    if (caseId) form.append("case_id", caseId);
    form.append("file", file, file.name);
    // fetch does not report progress.
    const request = new XMLHttpRequest();
    upload.request = request;
    /**
     * @param {"queued" | "failed" | "cancelled"} status
     * @param {string} message
     * @param {string} [error]
     */
    const update = (status, message, error) =>
      documents.apply(entry, localEvent(entry.id, file.name, status, message, error));
    request.open("POST", `${api.base}/documents/upload`);
    for (const [name, value] of Object.entries(api.headers())) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      const fraction = event.loaded / Math.max(event.total, 1);
      const percent = Math.floor(fraction * 100);
      update("queued", percent < 100 ? `Sending: ${percent} %` : "Sent, waiting for the server");
    };
    request.onload = () => {
      const body = parseJson(request.responseText);
      if (request.status === 401) onUnauthorized();
      if (request.status === 201) onStored(entry, body);
      else update("failed", "", body.detail ?? `the server answered ${request.status}`);
    };
    request.onerror = () => update("failed", "", "the file could not be sent");
    request.onabort = () => update("cancelled", "Not sent");
    request.onloadend = () => {
      active -= 1;
      ended += 1;
      onEnd();
      sendNext();
    };
    update("queued", "Sending");
    request.send(form);
  }

  return {
    /** How many files were sent; null if none is waiting or being sent. */
    get progress() {
      return ended < total ? { sent: ended, total } : null;
    },
    /**
     * @param {Iterable<File>} files
     * @param {string} caseId
     */
    add(files, caseId) {
      for (const file of files) {
        const id = documents.uploadId();
        const event = localEvent(id, file.name, "queued", "Waiting to be sent");
        enqueue(documents.add(id, event, { upload: { file, caseId, request: null } }));
      }
      sendNext();
    },
    /**
     * @param {Entry} entry
     * @returns {number} how many files are sent again
     */
    retry(entry) {
      const file = entry.upload?.file;
      if (!file) throw new Error("the file has to be chosen again");
      documents.apply(entry, localEvent(entry.id, file.name, "queued", "Waiting to be sent"));
      enqueue(entry);
      sendNext();
      return 1;
    },
    /**
     * @param {Entry} entry
     * @returns {number} how many files were cancelled
     */
    cancel(entry) {
      const { file, request } = /** @type {Upload} */ (entry.upload);
      if (!file) throw new Error("the file has to be chosen again");
      if (request?.readyState && request.readyState < XMLHttpRequest.DONE) {
        request.abort();
        return 1;
      }
      const position = queue.indexOf(entry);
      if (position < 0) return 0; // it has ended in the meantime
      queue.splice(position, 1);
      ended += 1;
      documents.apply(entry, localEvent(entry.id, file.name, "cancelled", "Not sent"));
      return 1;
    },
  };
}
