import { button, pass, place, read } from "./page.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import uploaderWidget, * as module from "../../docprogress/frontend/src/uploader.js";
import { createUploadSession } from "../../docprogress/frontend/src/uploader/session.js";

const CHUNK = 1000;

/** Lets files be read, which takes turns of the loop and no time. */
async function settle() {
  for (let turn = 0; turn < 40; turn += 1) await new Promise((done) => setImmediate(done));
}

/** The kernel's end of a model, and what it has of the files. */
class Kernel {
  constructor() {
    /** @type {Map<string, any>} */
    this.files = new Map();
    /** @type {any[]} what the page says, until it is delivered */
    this.line = [];
    this.chunks = 0;
    this.most = 0;
    /** @type {Map<string, Set<(...values: any[]) => void>>} */
    this.listeners = new Map();
    this.snapshot = {
      session: "s",
      max_bytes: 100_000,
      max_files: 5,
      chunk: CHUNK,
      suffixes: [".txt"],
      processed: false,
      problem: null,
      files: [],
    };
  }

  model() {
    return {
      get: () => this.snapshot,
      on: (/** @type {string} */ event, /** @type {any} */ callback) => {
        this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
      },
      off: (/** @type {string} */ event, /** @type {any} */ callback) => {
        this.listeners.get(event)?.delete(callback);
      },
      send: (/** @type {any} */ content, /** @type {any} */ _, /** @type {any} */ buffers) => {
        this.line.push({ ...content, block: buffers?.[0] });
        const away = this.line.filter(({ type }) => type === "chunk").length;
        this.most = Math.max(this.most, away);
      },
    };
  }

  /**
   * @param {string} event
   * @param {...any} values
   */
  trigger(event, ...values) {
    for (const callback of this.listeners.get(event) ?? []) callback(...values);
  }

  /** @param {any} file */
  entry({ have, data, ...entry }) {
    entry.version = this.files.get(entry.key).version += 1;
    return entry;
  }

  /**
   * Take the page's messages, and answer.
   *
   * @param {(message: any) => boolean} [lost] what never arrives
   * @param {(answer: any) => boolean} [undelivered] answers that never reach the page
   */
  take(lost = () => false, undelivered = () => false) {
    const answer = (/** @type {any} */ content) => {
      if (!undelivered(content)) this.trigger("msg:custom", content, []);
    };
    for (const message of this.line.splice(0)) {
      if (lost(message)) continue;
      if (message.type === "drop") {
        for (const file of message.files) {
          const status = file.error ? "failed" : "arriving";
          const known = { ...file, status, received: 0, submitted: false, version: 0 };
          const data = new Uint8Array(file.size);
          if (!this.files.has(file.key)) {
            this.files.set(file.key, { ...known, have: new Set(), data });
          }
        }
        const files = message.files.map((/** @type {any} */ f) => this.files.get(f.key));
        answer({ type: "files", files: files.map((/** @type {any} */ f) => this.entry(f)) });
      } else if (message.type === "chunk") {
        const file = this.files.get(message.key);
        if (!file) continue;
        this.chunks += 1;
        if (file.status === "arriving") {
          file.data.set(new Uint8Array(message.block), message.offset);
          file.have.add(message.offset);
          file.received = Math.min(file.have.size * CHUNK, file.size);
          if (file.have.size === Math.ceil(file.size / CHUNK)) file.status = "arrived";
        }
        const { key, offset } = message;
        answer({ type: "got", key, offset, file: this.entry(file) });
      } else if (message.type === "ask") {
        const files = message.keys
          .filter((/** @type {string} */ key) => this.files.has(key))
          .map((/** @type {string} */ key) => {
            const file = this.files.get(key);
            return { ...this.entry(file), have: [...file.have] };
          });
        answer({ type: "state", asked: message.asked, files });
      } else if (message.type === "cancel" || message.type === "lost") {
        for (const key of message.keys ?? [message.key]) {
          const file = this.files.get(key);
          file.status = message.type === "lost" ? "failed" : "cancelled";
          file.error = message.error ?? null;
          answer({ type: "files", files: [this.entry(file)] });
        }
      }
    }
  }

  /** @param {Parameters<Kernel["take"]>} lossy */
  async run(...lossy) {
    for (let turn = 0; turn < 60; turn += 1) {
      await settle();
      this.take(...lossy);
    }
  }
}

/**
 * @param {string} name
 * @param {number} size
 */
function file(name, size) {
  const bytes = Uint8Array.from({ length: size }, () => Math.floor(Math.random() * 256));
  return Object.assign(new File([bytes], name), { bytes });
}

function show(kernel = new Kernel()) {
  const uploads = createUploadSession(/** @type {any} */ (kernel.model()));
  const element = place();
  const hide = uploads.show(element);
  pass(500);
  return { kernel, uploads, element, hide };
}

test("there is a default export and no named one that anywidget would take for it", () => {
  assert.equal(typeof uploaderWidget, "function");
  assert.ok(!("render" in module));
});

test("four chunks are on their way at a time, of all files together", async () => {
  const { kernel, uploads, element } = show();
  const files = [file("a.txt", 9500), file("b.txt", 10), file("c.txt", 3000)];

  uploads.addFiles(files);
  await kernel.run();

  assert.equal(kernel.most, 4);
  assert.equal(kernel.chunks, 10 + 1 + 3);
  assert.deepEqual(
    [...kernel.files.values()].map(({ data }) => data),
    files.map(({ bytes }) => bytes),
  );
  pass(3000);
  assert.match(read(element, ".dp-rates"), /^3 files uploaded, 12.5 kB/);
  uploads.close();
});

test("whatever is lost on the way, every file arrives whole in the end", async () => {
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const { kernel, uploads } = show();
    const files = [file("a.txt", 9500), file("b.txt", 4000)];
    const seldom = () => Math.random() < 0.3;

    uploads.addFiles(files);
    await kernel.run(seldom, seldom);
    for (let turn = 0; turn < 8; turn += 1) {
      pass(31_000);
      await kernel.run();
    }

    assert.deepEqual(
      [...kernel.files.values()].map(({ status, data }) => [status, data]),
      files.map(({ bytes }) => ["arrived", bytes]),
    );
    assert.equal(kernel.line.length, 0);
    uploads.close();
  }
});

test("only what the kernel lacks is sent again, and the page shows who is busy", async () => {
  const { kernel, uploads, element } = show();
  uploads.addFiles([file("a.txt", 4000)]);
  await settle();
  kernel.take();
  await settle();

  kernel.take(({ offset }) => offset === 2000);
  pass(4000);
  assert.match(read(element, ".dp-problem"), /Waiting for the kernel, which is busy/);
  await kernel.run();

  assert.equal(kernel.chunks, 4);
  pass(500);
  assert.equal(read(element, ".dp-problem"), "");
  assert.match(read(element, ".dp-rates"), /^1 file uploaded/);
  uploads.close();
});

test("a busy kernel is asked more and more seldom", async () => {
  const { kernel, uploads } = show();
  uploads.addFiles([file("a.txt", 4000)]);
  await settle();

  pass(120_000);

  const asked = kernel.line.filter(({ type }) => type === "ask").length;
  assert.ok(asked >= 4 && asked <= 8, `${asked}`);
  uploads.close();
});

test("what is too large, empty or too much is not sent", async () => {
  const { kernel, uploads, element } = show();

  uploads.addFiles([file("a.txt", 0), file("b.txt", 100_001), file("c.txt", 1)]);
  await kernel.run();
  uploads.addFiles(Array.from({ length: 6 }, () => file("d.txt", 1)));
  await kernel.run();

  pass(500);
  assert.equal(kernel.chunks, 1 + 4);
  assert.match(read(element, ".dp-files"), /a.txtThe file is empty.*b.txtToo large: the limit is 100 kB/);
  assert.match(read(element, ".dp-notice"), /2 files left out: the limit is 5 files/);
  uploads.close();
});

test("what is cancelled is not sent any further", async () => {
  const { kernel, uploads, element } = show();
  uploads.addFiles([file("a.txt", 90_000), file("b.txt", 2000)]);
  await settle();
  kernel.take();
  await settle();

  pass(500);
  button(element, "Cancel a.txt").click();
  await kernel.run();

  pass(500);
  assert.match(read(element, ".dp-rates"), /1 file uploaded, 2.0 kB · 1 cancelled/);
  assert.ok(kernel.chunks <= 4 + 2);
  uploads.close();
});

test("a file that changes while it is read is given up", async () => {
  const { kernel, uploads, element } = show();
  const changed = file("a.txt", 4000);
  changed.slice = () => /** @type {any} */ ({ arrayBuffer: () => Promise.reject(new Error()) });

  uploads.addFiles([changed, file("b.txt", 10)]);
  await kernel.run();

  pass(500);
  assert.match(read(element, ".dp-files"), /changed, moved or deleted while it was read/);
  assert.match(read(element, ".dp-rates"), /1 file uploaded, 10 bytes · 1 failed/);
  uploads.close();
});

test("when the kernel is gone nothing pretends to go on", async () => {
  const { kernel, uploads, element, hide } = show();
  uploads.addFiles([file("a.txt", 4000)]);
  await settle();
  kernel.trigger("comm_live_update");

  pass(500);
  assert.match(read(element, ".dp-problem"), /The kernel was restarted or has ended/);
  assert.match(read(element, ".dp-files"), /Did not arrive/);
  kernel.line = [];
  pass(60_000);
  assert.deepEqual(kernel.line, []);
  hide();
  assert.equal(element.children.length, 0);
  uploads.close();
  assert.deepEqual([...kernel.listeners.values()].filter(({ size }) => size), []);
});

test("names and reasons are text, whatever they hold", async () => {
  const { kernel, uploads, element } = show();
  const name = `<img src=x onerror=alert(1)>\u202e${"x".repeat(5000)}.txt`;

  uploads.addFiles([file(name, 10)]);
  await kernel.run();

  pass(500);
  assert.equal(element.querySelector("img"), null);
  assert.ok((element.textContent ?? "").length < 1000);
  assert.ok(!(element.textContent ?? "").includes("\u202e"));
  uploads.close();
});
