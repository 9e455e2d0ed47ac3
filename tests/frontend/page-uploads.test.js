import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { createApi } from "../../docprogress/frontend/src/page/api.js";
import { createDocuments } from "../../docprogress/frontend/src/page/documents.js";
import { createUploadQueue } from "../../docprogress/frontend/src/page/upload-queue.js";

/** A request whose response a test gives. */
class Request {
  static DONE = 4;
  /** @type {Request[]} */
  static all = [];

  constructor() {
    this.readyState = 0;
    this.status = 0;
    this.responseText = "";
    /** @type {{onprogress?: (event: {loaded: number, total: number}) => void}} */
    this.upload = {};
    /** @type {FormData | null} */
    this.form = null;
    this.onload = () => {};
    this.onabort = () => {};
    this.onloadend = () => {};
    Request.all.push(this);
  }

  open() {
    this.readyState = 1;
  }

  setRequestHeader() {}

  /** @param {FormData} form */
  send(form) {
    this.form = form;
  }

  abort() {
    this.readyState = 0;
    this.onabort();
    this.onloadend();
  }

  /**
   * @param {number} status
   * @param {unknown} body
   */
  respond(status, body) {
    Object.assign(this, { readyState: 4, status, responseText: JSON.stringify(body) });
    this.onload();
    this.onloadend();
  }

  get name() {
    return /** @type {File} */ (this.form?.get("file")).name;
  }
}

/** @type {ReturnType<typeof createDocuments>} */
let documents;
/** @type {ReturnType<typeof createUploadQueue>} */
let uploads;

beforeEach(() => {
  Request.all = [];
  Object.assign(globalThis, { XMLHttpRequest: Request });
  documents = createDocuments(() => {});
  uploads = createUploadQueue({
    api: createApi("", () => {}),
    documents,
    onStored(entry, { id }) {
      documents.entries.delete(entry.id);
      entry.upload = null;
      entry.id = id;
    },
    onUnauthorized() {},
    onEnd() {},
  });
  uploads.add([..."abcdef"].map((name) => new File([name], name)), "");
});

/** @param {string} name */
function entryOf(name) {
  const entry = [...documents.entries.values()].find(({ event }) => event.name === name);
  if (!entry) throw new Error(`there is no ${name}`);
  return entry;
}

function sent() {
  return Request.all.map(({ name }) => name);
}

test("three files are sent at a time", () => {
  assert.deepEqual(sent(), ["a", "b", "c"]);

  Request.all[1].respond(201, { id: "1" });

  assert.deepEqual(sent(), ["a", "b", "c", "d"]);
  assert.deepEqual(uploads.progress, { sent: 1, total: 6 });
});

test("a file that waits is cancelled, and the others are sent", () => {
  assert.equal(uploads.cancel(entryOf("e")), 1);
  for (const request of Request.all) request.respond(201, { id: request.name });
  Request.all[3].respond(201, { id: "d" });
  Request.all[4].respond(201, { id: "f" });

  assert.deepEqual(sent(), ["a", "b", "c", "d", "f"]);
  assert.equal(entryOf("e").event.status, "cancelled");
  assert.equal(uploads.progress, null);
});

test("a file that is being sent is cancelled by aborting its request", () => {
  assert.equal(uploads.cancel(entryOf("a")), 1);

  assert.equal(entryOf("a").event.status, "cancelled");
  assert.deepEqual(sent(), ["a", "b", "c", "d"]);
});

test("cancelling a file that has ended takes no other file out of the queue", () => {
  const refused = entryOf("a");
  Request.all[0].respond(422, { detail: "a: it is empty" });

  assert.equal(uploads.cancel(refused), 0);
  for (let next = 1; next < Request.all.length; next += 1) {
    Request.all[next].respond(201, { id: String(next) });
  }

  assert.deepEqual(sent(), ["a", "b", "c", "d", "e", "f"]);
  assert.equal(refused.event.status, "failed");
  assert.equal(uploads.progress, null);
});

test("a file that was refused is sent again on request", () => {
  const refused = entryOf("a");
  Request.all[0].respond(503, { detail: "busy" });
  assert.equal(refused.event.error, "busy");

  assert.equal(uploads.retry(refused), 1);
  for (let next = 1; next < Request.all.length; next += 1) {
    Request.all[next].respond(201, { id: String(next) });
  }

  assert.deepEqual(sent(), ["a", "b", "c", "d", "e", "f", "a"]);
});
