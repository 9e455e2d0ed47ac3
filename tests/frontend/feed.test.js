import { paint, pass, place, read } from "./page.js";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import progressWidget, * as module from "../../docprogress/frontend/src/progress-view.js";
import { row, run, summary } from "./scenes.js";

const AT = "2026-11-24T15:04:05.000Z";

/** The kernel's end of a model, as anywidget hands it out. */
class Kernel {
  constructor() {
    /** @type {any[]} */
    this.received = [];
    /** @type {any} */
    this.snapshot = undefined;
    this.alive = true;
    /** @type {Map<string, Set<(...values: any[]) => void>>} */
    this.listeners = new Map();
  }

  /** Each call of anywidget gets an object of its own. */
  model() {
    return {
      get: () => this.snapshot,
      on: (/** @type {string} */ event, /** @type {any} */ callback) => {
        this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
      },
      off: (/** @type {string} */ event, /** @type {any} */ callback) => {
        this.listeners.get(event)?.delete(callback);
      },
      send: (/** @type {any} */ content) => {
        if (!this.alive) throw new Error("the comm is closed");
        this.received.push(content);
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

  /** @param {any} content */
  deliver(content) {
    this.trigger("msg:custom", content, []);
  }

  /** @param {string} type */
  asked(type) {
    return this.received.filter((content) => content.type === type);
  }
}

const whole = run({ processing: 2 });

/** @type {Kernel} */
let kernel;
/** @type {HTMLElement} */
let el;
/** @type {ReturnType<typeof progressWidget>} */
let widget;

beforeEach(() => {
  kernel = new Kernel();
  kernel.snapshot = { session: "a", seq: 4, at: AT, ...whole };
  widget = progressWidget();
  el = place();
});

function begin() {
  const close = widget.initialize({ model: kernel.model() });
  const closeView = widget.render({ model: kernel.model(), el });
  paint();
  return { close, closeView };
}

/**
 * @param {number} seq
 * @param {any[]} rows
 * @param {object} [fields]
 */
function delta(seq, rows, fields = {}) {
  return { type: "delta", session: "a", seq, at: AT, summary: whole.summary, rows, ...fields };
}

/** @param {number} index */
function messageOf(index) {
  return [...el.querySelectorAll(".dp-message-text")].at(index)?.textContent;
}

test("nothing is exported that anywidget would take for its old interface", () => {
  assert.equal("render" in module, false);
});

test("what the model holds is drawn before any message", () => {
  begin();

  assert.equal(el.querySelectorAll(".dp-row").length, 2);
});

test("a change is drawn, and acknowledged after it was painted", () => {
  begin();
  kernel.received.length = 0;

  kernel.deliver(delta(5, [{ index: 0, message: "news" }], { ack: true }));
  assert.deepEqual(kernel.received, []);
  paint();

  assert.equal(messageOf(0), "News");
  assert.equal(kernel.received.length, 1);
  /** @type {any} */
  const painted = kernel.received[0];
  assert.deepEqual([painted.type, painted.session, painted.seq], ["painted", "a", 5]);
  assert.equal(Number.isFinite(painted.at), true);
});

test("a clock request is answered at once, with the page's id", () => {
  begin();
  kernel.received.length = 0;

  kernel.deliver({ type: "clock", request: 7 });
  kernel.deliver(delta(5, [], { ack: true }));
  paint();

  const [clock, painted] = kernel.received;
  assert.deepEqual([clock.type, clock.request], ["clock", 7]);
  assert.equal(clock.page, painted.page);
  assert.equal(clock.at <= painted.at, true);
  assert.equal(Number.isFinite(clock.at), true);
});

test("only the newest of what one frame painted is acknowledged", () => {
  begin();
  kernel.received.length = 0;

  kernel.deliver(delta(5, [], { ack: true }));
  kernel.deliver(delta(6, []));
  paint();

  assert.deepEqual(
    kernel.received.map(({ seq }) => seq),
    [6],
  );
});

test("an update without a view is not acknowledged", () => {
  widget.initialize({ model: kernel.model() });

  kernel.deliver(delta(5, []));
  paint();

  assert.deepEqual(kernel.asked("painted"), []);
});

test("a page says that it has loaded the widget before it paints anything", () => {
  widget.initialize({ model: kernel.model() });

  assert.equal(kernel.asked("loaded").length, 1);
});

test("of a snapshot that a front end has kept, the current state is requested", () => {
  kernel.snapshot = { ...whole, session: "s", seq: 4, at: new Date().toISOString() };
  widget.initialize({ model: kernel.model() });
  assert.equal(kernel.asked("whole").length, 0);

  kernel.snapshot = { ...kernel.snapshot, at: "2026-11-24T15:04:02.000Z" };
  progressWidget().initialize({ model: kernel.model() });
  assert.equal(kernel.asked("whole").length, 1);
});

test("after a gap the update is drawn, and the full state requested", () => {
  begin();

  kernel.deliver(delta(9, [{ index: 1, message: "after the gap" }]));
  paint();

  assert.equal(messageOf(1), "After the gap");
  assert.equal(kernel.asked("whole").length, 1);
});

test("an old update is ignored", () => {
  begin();

  kernel.deliver(delta(4, [{ index: 0, message: "old" }]));
  paint();

  assert.notEqual(messageOf(0), "old");
  assert.equal(kernel.asked("whole").length, 0);
});

test("an unanswered request is repeated, less and less often", () => {
  begin();

  kernel.deliver(delta(9, []));
  for (let seq = 10; seq < 70; seq += 1) {
    pass(1000);
    kernel.deliver(delta(seq, []));
  }

  assert.equal(kernel.asked("whole").length, 6);
});

test("the full state ends the requests", () => {
  begin();
  kernel.deliver(delta(9, []));

  kernel.deliver({ type: "whole", session: "a", seq: 10, at: AT, ...whole });
  pass(5000);
  kernel.deliver(delta(11, []));
  pass(5000);

  assert.equal(kernel.asked("whole").length, 1);
});

test("a row that is missing is asked for", () => {
  begin();

  kernel.deliver(delta(5, [], { summary: { ...whole.summary, rows: 3 } }));

  assert.equal(kernel.asked("whole").length, 1);
});

test("another session begins anew", () => {
  begin();
  const other = row(7, { status: "processing", name: "other.pdf" });

  kernel.deliver(
    delta(1, [other, { index: 1, message: "half" }], {
      session: "b",
      summary: summary([other, row(8)]),
    }),
  );
  paint();

  assert.equal(read(el, ".dp-row .dp-name"), "other.pdf");
  assert.equal(kernel.asked("whole").length, 1);
});

test("views of one model show the same, and are painted once", () => {
  begin();
  const second = place();
  widget.render({ model: kernel.model(), el: second });
  paint();
  kernel.received.length = 0;

  kernel.deliver(delta(5, [{ index: 0, message: "news" }]));
  paint();

  assert.equal(messageOf(0), "News");
  assert.equal(second.querySelector(".dp-message-text")?.textContent, "News");
  assert.equal(kernel.received.length, 1);
});

test("the clocks of a view that comes later stand as those of the first", () => {
  kernel.snapshot.rows = [row(0, { status: "processing", elapsed: 5 }), row(1)];
  begin();
  for (let seq = 5; seq < 15; seq += 1) {
    pass(1000);
    kernel.deliver(delta(seq, []));
  }

  const second = place();
  widget.render({ model: kernel.model(), el: second });
  paint();

  assert.equal(second.querySelector(".dp-time")?.textContent, "0:15");
});

test("the time of the run stands in a view that comes later as in the first", () => {
  begin();
  pass(3000);

  const second = place();
  widget.render({ model: kernel.model(), el: second });
  paint();

  assert.equal(read(el, ".dp-elapsed"), "1:45");
  assert.equal(read(second, ".dp-elapsed"), "1:45");
});

test("a view of a kernel that is silent says what it is a view of", () => {
  kernel.snapshot.at = new Date(2026, 0, 2, 3, 4, 5).toISOString();
  begin();

  pass(7000);

  assert.equal(read(el, ".dp-problem"), "Disconnected, last update 03:04:05");
});

test("a new snapshot is drawn, and an older one is not", () => {
  begin();
  kernel.deliver(delta(5, [{ index: 0, message: "news" }]));

  kernel.trigger("change:snapshot");
  paint();
  assert.equal(messageOf(0), "News");

  kernel.snapshot = { ...kernel.snapshot, session: "c", seq: 0 };
  kernel.trigger("change:snapshot");
  paint();
  assert.notEqual(messageOf(0), "news");
});

test("buttons ask the kernel, and its answer comes back to the view that asked", () => {
  begin();
  const second = place();
  widget.render({ model: kernel.model(), el: second });
  paint();

  /** @type {HTMLElement} */ (
    [...el.querySelectorAll("button")].find((each) => each.textContent === "Cancel")
  ).click();
  const [{ page, ...rest }] = kernel.asked("cancel");
  assert.deepEqual(rest, { type: "cancel", request: 1, ids: null });
  // The answer to another window, whose requests are counted alike.
  kernel.deliver({ type: "acted", request: 1, page: "another", ok: true, text: "all of them" });
  paint();
  assert.notEqual(read(el, ".dp-notice"), "all of them");

  const text = "the store cannot be reached";
  kernel.deliver({ type: "acted", request: 1, page, ok: false, text });
  paint();

  assert.equal(read(el, ".dp-notice"), "The store cannot be reached");
  assert.equal(read(second, ".dp-notice"), "");
});

test("nothing is thrown when the comm is dead, and the page shows it", () => {
  begin();
  kernel.alive = false;

  kernel.trigger("comm_live_update");
  /** @type {HTMLElement} */ (
    [...el.querySelectorAll("button")].find((each) => each.textContent === "Cancel")
  ).click();
  /** @type {HTMLElement} */ (el.querySelector(".dp-row")).click();
  kernel.deliver(delta(9, []));
  paint();

  assert.equal(read(el, ".dp-notice"), "The kernel cannot be reached: nothing was done");
});

test("a message of a kind that is not known is a sign of life, and nothing else", () => {
  begin();
  pass(5000);

  kernel.deliver({ type: "something new" });
  pass(3000);

  assert.equal(read(el, ".dp-problem"), "");
});

test("what was begun is ended: views, listeners, and what waits for a frame", () => {
  for (let turn = 0; turn < 50; turn += 1) {
    widget = progressWidget();
    const { close, closeView } = begin();
    kernel.deliver(delta(5 + turn, []));
    closeView();
    close();
    paint();
  }

  assert.equal(el.childElementCount, 0);
  assert.deepEqual(
    [...kernel.listeners.values()].map(({ size }) => size),
    [0, 0, 0],
  );
});

/** @param {string} html */
function output(html) {
  const element = document.createElement("div");
  element.className = "jp-OutputArea-output";
  element.innerHTML = html;
  document.body.append(element);
  return element;
}

test("a page says once that it drew an output before it knew the widget", () => {
  const close = widget.initialize({ model: kernel.model() });
  const lost = output("Error displaying widget: model not found");
  pass(4000);
  assert.equal(kernel.asked("unseen").length, 1);
  close();

  widget = progressWidget();
  const { close: closeSeen } = begin();
  pass(4000);
  assert.equal(kernel.asked("unseen").length, 1);
  closeSeen();
  lost.remove();
});
