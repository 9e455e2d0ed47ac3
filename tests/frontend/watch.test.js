import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { watch } from "../../docprogress/frontend/src/document-progress.js";

/** @typedef {import("../../docprogress/frontend/src/document-progress.js").ProgressEvent} ProgressEvent */

const BEGINNING = Date.parse("2026-11-24T15:04:05.000Z");

/** A stream as a browser has it, whose other end a test plays. */
class Stream extends EventTarget {
  static CONNECTING = 0;
  static CLOSED = 2;
  /** @type {Stream[]} */
  static all = [];

  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    this.readyState = Stream.CONNECTING;
    /** @type {((event: any) => void) | null} */
    this.onmessage = null;
    /** @type {(() => void) | null} */
    this.onerror = null;
    Stream.all.push(this);
  }

  close() {
    this.readyState = Stream.CLOSED;
  }

  /** @param {unknown} data */
  deliver(data) {
    this.onmessage?.({ data: JSON.stringify(data) });
  }

  /**
   * @param {string} type
   * @param {unknown} data
   */
  sign(type, data) {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }

  greet() {
    this.readyState = 1;
    this.deliver({ status: "connected" });
  }

  /** Break; a browser connects again by itself unless it is `closed`. */
  break(closed = false) {
    this.readyState = closed ? Stream.CLOSED : Stream.CONNECTING;
    this.onerror?.();
  }
}

/** @type {string[]} */
let asked = [];
/** @type {(url: string, init: RequestInit) => Response | Promise<Response>} */
let answer;
/** @type {any[]} */
let received = [];
/** @type {string[]} */
let connections = [];
/** @type {string[]} */
let errors = [];
/** @type {any[]} */
let signs = [];
let stop = () => {};
let browser = new EventTarget();

beforeEach(() => {
  browser = new EventTarget();
  Object.assign(globalThis, {
    EventSource: Stream,
    document: new EventTarget(),
    addEventListener: browser.addEventListener.bind(browser),
    reportError: (/** @type {Error} */ error) => errors.push(`reported: ${error.message}`),
    fetch: async (/** @type {string} */ url, /** @type {RequestInit} */ init) => {
      asked.push(url);
      init.signal?.throwIfAborted();
      return answer(url, init);
    },
  });
  Stream.all = [];
  [asked, received, connections, errors, signs] = [[], [], [], [], []];
  answer = away;
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: BEGINNING });
});

afterEach(() => {
  stop();
  mock.timers.reset();
});

/** @returns {Response} */
function away() {
  throw new TypeError("Failed to fetch");
}

/**
 * @param {string | string[]} ids
 * @param {import("../../docprogress/frontend/src/document-progress.js").WatchOptions} [options]
 */
async function follow(ids, options = {}) {
  stop = watch(ids, {
    onChange: (event) => received.push(event),
    onConnection: (connection) => connections.push(connection),
    onError: (error) => errors.push(error.message),
    onSign: (sign) => signs.push(sign),
    ...options,
  });
  await settle();
}

async function settle() {
  for (let turns = 0; turns < 8; turns += 1) await turn();
}

/** @param {number} milliseconds */
async function pass(milliseconds) {
  for (let left = milliseconds; left > 0; left -= 250) {
    mock.timers.tick(Math.min(left, 250));
    await settle();
  }
}

/**
 * @param {number} progress
 * @param {Partial<ProgressEvent>} [fields]
 * @returns {ProgressEvent}
 */
function event(progress, fields = {}) {
  return {
    document_id: "a",
    status: progress === 100 ? "completed" : "processing",
    step: "extraction",
    progress,
    message: `${progress} %`,
    timestamp: new Date(BEGINNING + progress * 1000).toISOString(),
    id: `1-${Math.floor(progress)}`,
    ...fields,
  };
}

/**
 * @param {unknown} body
 * @param {number} [status]
 * @param {Record<string, string>} [headers]
 */
function json(body, status = 200, headers = {}) {
  return new Response(JSON.stringify(body), { status, headers });
}

const newest = () => /** @type {Stream} */ (Stream.all.at(-1));
const progress = () => received.map((each) => each.progress);
const questions = () => asked.filter((url) => url.includes("/status"));

test("one document is streamed until its end", async () => {
  await follow("a b/c");
  assert.equal(newest().url, "/progress/documents/a%20b%2Fc/stream?");
  newest().greet();
  newest().deliver(event(10, { document_id: "a b/c" }));
  newest().deliver(event(100, { document_id: "a b/c" }));

  await pass(120_000);

  assert.deepEqual(progress(), [10, 100]);
  assert.deepEqual(connections, ["connecting", "streaming", "ended"]);
  assert.equal(newest().readyState, Stream.CLOSED);
  assert.equal(Stream.all.length, 1);
  assert.deepEqual(asked, []);
});

test("many documents share one connection, which ends with the last of them", async () => {
  await follow(["a", "b", "a"], { url: "https://example.org/x" });
  assert.equal(
    newest().url,
    "https://example.org/x/progress/stream?document_id=a&document_id=b",
  );
  newest().greet();
  newest().deliver(event(40, { status: "failed", error: "a.pdf: it is empty" }));
  assert.deepEqual(connections, ["connecting", "streaming"]);
  newest().deliver(event(100, { document_id: "b" }));

  assert.equal(Stream.all.length, 1);
  assert.deepEqual(connections, ["connecting", "streaming", "ended"]);
});

test("nothing to watch has ended, once the caller can stop it", async () => {
  stop = watch([], { onConnection: (connection) => connections.push(connection) });
  assert.deepEqual(connections, []);

  await settle();

  assert.deepEqual(connections, ["ended"]);
  assert.equal(Stream.all.length, 0);
});

test("more documents than fit into an address are refused", () => {
  const ids = Array.from({ length: 501 }, (_, index) => String(index));

  assert.throws(() => watch(ids), RangeError);
});

test("duplicates, late events and events of older attempts are dropped", async () => {
  await follow("a");
  newest().greet();
  newest().deliver(event(30));
  newest().deliver(event(30));
  newest().deliver(event(20));
  newest().deliver(event(25, { id: "1-31", message: "beginning again" }));
  newest().deliver(event(5, { id: "2-1" }));
  newest().deliver(event(40));

  assert.deepEqual(progress(), [30, 30, 5]);
  assert.equal(received[1].message, "beginning again");
});

test("ids beyond what a JavaScript number can hold are distinguished", async () => {
  await follow("a");
  newest().greet();
  newest().deliver(event(30, { id: "1-18446744073709551613" }));
  newest().deliver(event(30, { id: "1-18446744073709551614", message: "next" }));

  assert.equal(received.length, 2);
});

test("a Redis that counts anew is believed", async () => {
  await follow("a");
  newest().greet();
  newest().deliver(event(30, { id: "1-900" }));
  newest().deliver(event(40, { id: "1-1" }));

  assert.deepEqual(progress(), [30, 40]);
});

test("events of programs that number nothing are taken as they come", async () => {
  await follow("a");
  newest().greet();
  for (const each of [10, 50, 100]) newest().deliver(event(each, { id: undefined }));

  assert.deepEqual(progress(), [10, 50, 100]);
  assert.equal(connections.at(-1), "ended");
});

test("signs of life and of silence are no progress", async () => {
  await follow("a");
  newest().greet();
  newest().sign("stalled", { document_id: "a", silent_seconds: 15.2 });
  newest().sign("heartbeat", { document_id: "a" });

  assert.deepEqual(received, []);
  assert.deepEqual(
    signs.map((sign) => [sign.type, sign.silent_seconds]),
    [["stalled", 15.2], ["heartbeat", undefined]],
  );
});

test("a stream that breaks is left to the browser, which connects again", async () => {
  await follow("a");
  newest().greet();
  newest().break();
  await pass(4000);
  newest().greet();
  await pass(15_000);

  assert.deepEqual(connections, ["connecting", "streaming", "connecting", "streaming"]);
  assert.equal(Stream.all.length, 1);
  assert.deepEqual(errors, []);
});

for (const [how, hurt] of /** @type {const} */ ([
  ["is refused", (/** @type {Stream} */ stream) => stream.break(true)],
  ["says nothing", () => {}],
  ["is no stream of ours", (/** @type {Stream} */ stream) => stream.onmessage?.({ data: "<p>" })],
])) {
  test(`polling takes over where a stream ${how}, and hands back`, async () => {
    answer = () => json({ ...event(20), error_message: null });
    await follow("a");
    const first = newest();
    hurt(first);
    await pass(5250);

    assert.deepEqual(connections, ["connecting", "polling"]);
    assert.deepEqual(progress(), [20]);
    assert.equal("error_message" in received[0], false);
    assert.equal(first.readyState, Stream.CLOSED);

    while (newest().readyState === Stream.CLOSED) await pass(250);
    const before = Stream.all.length;
    newest().greet();
    const asking = asked.length;
    await pass(10_000);

    assert.equal(connections.at(-1), "streaming");
    assert.equal(Stream.all.length, before);
    assert.equal(asked.length, asking, "nothing is asked while a stream comes through");
    assert.deepEqual(errors, []);
  });
}

test("polling waits for news of a few, and ends with the last", async () => {
  const state = { a: event(20), b: event(30, { document_id: "b" }) };
  answer = (url) => json(state[/** @type {"a" | "b"} */ (url.match(/documents\/(\w)/)?.[1])]);
  await follow(["a", "b"]);
  newest().break(true);
  await pass(2000);
  state.a = event(100);
  state.b = event(90, { document_id: "b", status: "failed" });
  await pass(2000);
  const count = asked.length;
  await pass(120_000);

  assert.ok(questions().some((url) => url.includes("wait=10&since=1-20")));
  assert.equal(connections.at(-1), "ended");
  assert.equal(asked.length, count);
});

test("polling asks about many in turn, and no more often than a server can bear", async () => {
  const ids = Array.from({ length: 200 }, (_, index) => String(index));
  let open = 0;
  let most = 0;
  answer = async (url) => {
    open += 1;
    most = Math.max(most, open);
    await turn();
    open -= 1;
    return json(event(1, { document_id: url.match(/documents\/(\d+)/)?.[1] }));
  };
  await follow(ids);
  newest().break(true);
  await pass(20_000);

  assert.equal(received.length, 200);
  assert.ok(most <= 3, `${most} at a time`);
  assert.ok(questions().length <= 200 * 6, `${questions().length} in 20 s`);
  assert.ok(!questions().some((url) => url.includes("wait")));
});

test("an unknown document is waited for", async () => {
  answer = () => json({ detail: "unknown" }, 404);
  await follow("a");
  newest().break(true);
  await pass(3000);
  assert.deepEqual(connections, ["connecting", "polling"]);
  answer = () => json(event(10));
  await pass(3000);

  assert.deepEqual(progress(), [10]);
  assert.deepEqual(errors, []);
});

test("a server that is away is mentioned once, and found again", async () => {
  await follow("a");
  newest().greet();
  newest().break(true);
  await pass(20_000);
  assert.equal(connections.at(-1), "lost");
  assert.deepEqual(errors, ["the server cannot be reached (Failed to fetch)"]);

  answer = () => json(event(50));
  const before = Stream.all.length;
  await pass(4500);
  assert.equal(connections.at(-1), "polling");
  assert.ok(Stream.all.length > before, "a stream is tried as soon as the server is back");
  newest().greet();
  assert.equal(connections.at(-1), "streaming");
  newest().break(true);
  answer = away;
  await pass(5000);

  assert.equal(errors.length, 2, "a new error is reported again");
});

test("a Retry-After header is honoured", async () => {
  answer = () => json({ detail: "too many requests" }, 429, { "Retry-After": "30" });
  await follow("a");
  newest().break(true);
  await pass(28_000);
  assert.equal(questions().length, 1);
  await pass(5000);

  assert.equal(questions().length, 2);
  assert.deepEqual(errors, ["too many requests"]);
});

test("a token buys a ticket, and stands in no address", async () => {
  answer = (url, init) => {
    assert.equal(url, "/tickets");
    assert.equal(/** @type {any} */ (init.headers).Authorization, "Bearer secret");
    assert.deepEqual(JSON.parse(String(init.body)).documents, ["a"]);
    return json({ ticket: "t.1" }, 201);
  };
  await follow("a", { token: "secret" });

  assert.equal(newest().url, "/progress/documents/a/stream?ticket=t.1");
  assert.ok(!asked.join().includes("secret"));
});

test("a ticket that has expired is replaced", async () => {
  let tickets = 0;
  answer = (url) =>
    url.includes("ticket=t1") ? json({ detail: "the ticket has expired" }, 401) : json(event(5));
  await follow("a", { ticket: async () => `t${(tickets += 1)}` });
  newest().greet();
  newest().break(true);
  await pass(8000);

  assert.ok(!newest().url.endsWith("ticket=t1"));
  assert.deepEqual(progress(), [5]);
  assert.deepEqual(errors, []);
});

for (const [what, options, status] of /** @type {const} */ ([
  ["a wrong token", { token: "wrong" }, 401],
  ["no token", {}, 401],
  ["a ticket for others", { ticket: () => "t" }, 403],
  ["tickets that never are good", { ticket: () => "t" }, 401],
])) {
  test(`${what} is reported and not retried for ever`, async () => {
    answer = () => json({ detail: "no entry" }, status);
    await follow("a", options);
    Stream.all.at(-1)?.break(true);
    await pass(5000);
    const count = asked.length + Stream.all.length;
    await pass(300_000);

    assert.deepEqual(errors, ["no entry"]);
    assert.equal(connections.at(-1), "refused");
    assert.equal(asked.length + Stream.all.length, count);
  });
}

test("a line that is dead in silence is found out", async () => {
  await follow("a");
  newest().greet();
  newest().deliver(event(10));
  answer = () => json(event(50));
  await pass(30_000);

  assert.deepEqual(progress(), [10, 50]);
  assert.ok(connections.includes("polling"));
});

test("a line that is silent because nothing happens is kept", async () => {
  await follow("a");
  newest().greet();
  newest().deliver(event(10));
  answer = () => json(event(10));
  await pass(120_000);

  assert.equal(Stream.all.length, 1);
  assert.deepEqual(connections, ["connecting", "streaming"]);
  assert.ok(asked.length <= 6, `${asked.length} questions in two minutes`);
});

test("a machine that slept listens anew", async () => {
  await follow("a");
  newest().greet();
  mock.timers.setTime(BEGINNING + 3_600_000);
  document.dispatchEvent(new Event("visibilitychange"));
  await settle();

  assert.ok(Stream.all.length > 1);
  assert.equal(Stream.all[0].readyState, Stream.CLOSED);
});

test("a network that comes back is used at once", async () => {
  await follow("a");
  newest().break(true);
  await pass(3000);
  const before = Stream.all.length;
  browser.dispatchEvent(new Event("online"));
  await settle();

  assert.equal(Stream.all.length, before + 1);
});

test("an error in a callback is reported, and later events are still delivered", async () => {
  await follow(["a", "b"], {
    onChange: (each) => {
      received.push(each);
      if (each.document_id === "a") throw new Error("mine");
    },
  });
  newest().greet();
  newest().deliver(event(10));
  newest().deliver(event(20, { document_id: "b" }));

  assert.deepEqual(progress(), [10, 20]);
  assert.deepEqual(errors, ["reported: mine"]);
});

test("stopping leaves nothing behind", async () => {
  answer = () => json(event(20));
  await follow("a");
  newest().break(true);
  await pass(3000);
  const before = [Stream.all.length, asked.length, received.length, connections.length];
  stop();
  stop();
  browser.dispatchEvent(new Event("online"));
  document.dispatchEvent(new Event("visibilitychange"));
  await pass(120_000);

  assert.deepEqual([Stream.all.length, asked.length, received.length, connections.length], before);
  assert.ok(Stream.all.every((stream) => stream.readyState === Stream.CLOSED));
});

test("a callback may stop the watch at the final event", async () => {
  await follow("a", {
    onChange: (each) => {
      received.push(each);
      stop();
    },
  });
  newest().greet();
  newest().deliver(event(100));

  assert.equal(received.length, 1);
  assert.deepEqual(connections, ["connecting", "streaming"]);
});
