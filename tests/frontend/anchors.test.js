import { paint, pass } from "./page.js";

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { createPlaces } from "../../docprogress/frontend/src/shared/places.js";

const WIDGET = "application/vnd.jupyter.widget-view+json";

/** @type {(() => void)[]} */
const endings = [];

afterEach(() => {
  for (const end of endings.splice(0)) end();
  document.body.replaceChildren();
});

/** @param {string[]} keys the first one owns the output */
function html(...keys) {
  const anchors = keys.map((key) => `<div class="docprogress-live-${key}">1 queued</div>`);
  return `<div class="docprogress-output-${keys[0]}">${anchors.join("")}</div>`;
}

/**
 * One output of a notebook, as JupyterLab keeps and draws it.
 *
 * @param {any} data
 * @param {{collaborative?: boolean}} [sharing]
 */
function notebook(data, { collaborative = false } = {}) {
  const cell = document.createElement("div");
  cell.className = "jp-Cell";
  cell.innerHTML = '<div><div></div><div class="jp-OutputArea-output"></div></div>';
  const node = /** @type {HTMLElement} */ (cell.querySelector(".jp-OutputArea-output"));
  let output = { output_type: "display_data", metadata: {}, data };
  const outputs = {
    length: 1,
    get: () => ({ toJSON: () => output }),
    set(/** @type {number} */ _, /** @type {any} */ given) {
      output = given;
      node.innerHTML = output.data["text/html"];
    },
  };
  const model = { cells: [{ outputs }], collaborative };
  const context = { model, isDisposed: false };
  node.innerHTML = data["text/html"];
  document.body.append(cell);
  return { cell, node, outputs, context, data: () => output.data };
}

/**
 * The places of a session's model, and what it tells the kernel.
 *
 * @param {any} [context] of the notebook; without it, the front end is another one
 */
function places(context) {
  /** @type {any[]} */
  const found = [];
  const made = createPlaces({
    model: /** @type {any} */ ({ widget_manager: { context } }),
    page: "p",
    show(element) {
      element.innerHTML = '<button class="docprogress">live</button>';
      return () => element.replaceChildren();
    },
    onFound: (each) => found.push(each),
  });
  endings.push(made.close);
  return { ...made, found };
}

/** @param {HTMLElement} cell */
function views(cell) {
  return [...cell.querySelectorAll(".docprogress")];
}

/** Observers are told after the task. */
async function observe() {
  await Promise.resolve();
  await new Promise((done) => setImmediate(done));
}

/** @param {HTMLElement} cell the text that can be seen */
function shown(cell) {
  const copy = /** @type {HTMLElement} */ (cell.cloneNode(true));
  for (const each of copy.querySelectorAll('[style*="none"]')) each.remove();
  return copy.textContent?.trim();
}

test("a view is drawn in place of an output's HTML, and stays the same while that changes", async () => {
  const { cell, outputs } = notebook({ "text/html": html("a") });
  const { enter, close } = places();

  enter("a");
  const [view] = views(cell);
  assert.equal(shown(cell), "live");
  outputs.set(0, { data: { "text/html": html("a").replace("1 queued", "1 processing") } });
  await observe();

  assert.deepEqual(views(cell), [view]);
  assert.equal(shown(cell), "live");
  close();
  assert.equal(shown(cell), "1 processing");
});

test("of a cell that is out of sight the view is kept, of one that is run again it is not", async () => {
  const { cell, node, outputs } = notebook({ "text/html": html("a") });
  places().enter("a");
  const [view] = views(cell);

  cell.remove();
  await observe();
  document.body.append(cell);
  await observe();
  assert.deepEqual(views(cell), [view]);

  outputs.set(0, { data: { "text/html": "<p>1 completed</p>" } });
  await observe();
  assert.deepEqual(views(cell), []);
  assert.equal(shown(cell), "1 completed");
  assert.equal(node.style.display, "");
});

test("an output with the anchors of several sessions shows their views in its order", async () => {
  const { cell, outputs } = notebook({ "text/html": html("up", "run") });
  const [uploads, run, newer] = [places(), places(), places()];

  run.enter("run");
  assert.match(shown(cell) ?? "", /^1 queued\s*live$/);
  uploads.enter("up");
  const before = views(cell);
  outputs.set(0, { data: { "text/html": html("up", "newer", "run") } });
  await observe();
  newer.enter("newer");

  const [first, second, third] = views(cell);
  assert.deepEqual([before[0], before[1]], [first, third]);
  assert.notEqual(second, undefined);
  assert.equal(shown(cell), "livelivelive");
});

test("a notebook that the page can change keeps no widget of its outputs", () => {
  const { context, cell, data } = notebook({ "text/html": html("a"), [WIDGET]: {} });
  const { enter, found } = places(context);

  pass(1000);
  assert.deepEqual(Object.keys(data()), ["text/html", WIDGET]);
  enter("a");
  pass(1000);

  assert.deepEqual(found, [{ type: "anchors", page: "p", restored: false }]);
  assert.deepEqual(Object.keys(data()), ["text/html"]);
  assert.equal(shown(cell), "live");
});

test("a widget is not taken away while the front end is about to display it", () => {
  const { context, node, data } = notebook({ "text/html": html("a"), [WIDGET]: {} });
  const { enter, found, show } = places(context);
  const element = document.createElement("div");

  enter("a");
  show(element);
  pass(1000);
  assert.deepEqual(found, []);
  node.append(element);
  pass(1000);

  assert.equal(found.length, 1);
  assert.equal(WIDGET in data(), false);
});

test("where there is no notebook that can be changed, the kernel is told nothing", () => {
  const { found, enter, show, replace } = places();

  enter("a");
  show(document.createElement("div"));
  replace({ data: { "text/html": "<p>1 completed</p>" }, pages: ["p"] });
  pass(10_000);

  assert.deepEqual(found, []);
});

test("a page that was loaded anew makes its outputs what the kernel says", async () => {
  const { context, cell, data } = notebook({ "text/html": html("a") });
  const { enter, found, replace } = places(context);
  enter("a");
  pass(1000);
  assert.deepEqual(found, [{ type: "anchors", page: "p", restored: true }]);

  const newer = html("a").replace("1 queued", "1 processing");
  replace({ data: { "text/html": newer }, pages: [] });
  pass(2000);
  assert.match(data()["text/html"], /1 processing/);
  assert.equal(shown(cell), "live");
  replace({ data: { "text/html": "<p>1 completed</p>" }, pages: [] });
  pass(2000);
  await observe();

  assert.equal(shown(cell), "1 completed");
});

test("in a shared notebook one page after the other may change outputs", () => {
  const shared = { collaborative: true };
  const { context, data } = notebook({ "text/html": html("a"), [WIDGET]: {} }, shared);
  const { enter, found, replace } = places(context);
  const ended = { "text/html": "<p>1 completed</p>" };

  enter("a");
  pass(1000);
  assert.equal(found.length, 1);
  assert.equal(WIDGET in data(), true);
  replace({ data: ended, pages: ["another"] });
  pass(10_000);
  replace({ data: ended, pages: ["another", "p"] });
  pass(5500);
  assert.match(data()["text/html"], /1 queued/);
  pass(1000);

  assert.match(data()["text/html"], /1 completed/);
});

test("nothing is drawn any more once the notebook is closed", async () => {
  const { cell, context } = notebook({ "text/html": html("a") });
  places(context).enter("a");
  assert.equal(views(cell).length, 1);

  context.isDisposed = true;
  cell.remove();
  await observe();
  pass(2000);
  paint();

  assert.equal(views(cell).length, 0);
});
