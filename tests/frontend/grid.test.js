import { button, isHidden, paint, pass, place, read } from "./page.js";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { toCsv } from "../../docprogress/frontend/src/progress-view/csv.js";
import { createProgressView } from "../../docprogress/frontend/src/progress-view/view.js";
import { row, run, scenes, summary } from "./scenes.js";

/** @type {HTMLElement} */
let element;
/** @type {import("../../docprogress/frontend/src/progress-view/types.js").ProgressView} */
let view;
/** @type {any[]} what the view asked for */
let asked;
/** @type {string[]} ids that the other side finds */
let found;

beforeEach(() => {
  element = place();
  asked = [];
  found = [];
  view = createProgressView(element, {
    onAction: (action, ids) => asked.push({ action, ids }),
    onDetails: (id) => asked.push({ details: id }),
    onSearch: async (query) => (asked.push({ search: query }), found),
    onErrors: async (ids) => new Map(ids.map((id) => [id, `the whole error of ${id}`])),
    onSort: (sort) => asked.push({ sort }),
  });
});

/** @param {import("../../docprogress/frontend/src/progress-view/types.js").Snapshot} whole */
function show(whole) {
  view.replace(whole);
  paint();
}

function grid() {
  return /** @type {HTMLElement} */ (element.querySelector("[role=grid]"));
}

function rows() {
  const drawn = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(".dp-row")]);
  const at = (/** @type {Element} */ each) => Number(each.getAttribute("aria-rowindex"));
  return drawn.sort((one, other) => at(one) - at(other));
}

function names() {
  return rows().map((each) => read(each, ".dp-name"));
}

/** @param {string} title */
function head(title) {
  const heads = /** @type {HTMLElement[]} */ ([...element.querySelectorAll("[role=columnheader]")]);
  return /** @type {HTMLElement} */ (
    heads.find((each) => read(each, ".dp-head-title") === title)
  );
}

/** @param {string} key */
function type(key, options = {}) {
  const event = new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options });
  grid().dispatchEvent(/** @type {any} */ (event));
  paint();
}

/** The states of the boxes before the documents. */
function checked() {
  return rows().map((each) => each.querySelector("[role=checkbox]")?.ariaChecked ??
    each.querySelector("[role=checkbox]")?.getAttribute("aria-checked"));
}

/** Documents of these names. */
function named(/** @type {string[]} */ ...given) {
  const made = given.map((name, index) => row(index, { name }));
  return { summary: summary(made), rows: made };
}

test("documents are sorted by a column, in both directions, and as before", () => {
  show(named("b 10.pdf", "a.pdf", "b 9.pdf"));

  head("Document").click();
  paint();
  assert.deepEqual(names(), ["a.pdf", "b 9.pdf", "b 10.pdf"]);
  assert.equal(head("Document").getAttribute("aria-sort"), "ascending");

  head("Document").click();
  paint();
  assert.deepEqual(names(), ["b 10.pdf", "b 9.pdf", "a.pdf"]);
  assert.equal(head("Document").getAttribute("aria-sort"), "descending");

  head("Document").click();
  paint();
  assert.deepEqual(names(), ["b 10.pdf", "a.pdf", "b 9.pdf"]);
  assert.equal(head("Document").getAttribute("aria-sort"), "none");
  assert.equal(asked.length, 3);
});

test("what has no value comes last, in either direction", () => {
  const made = [row(0), row(1, { status: "completed", elapsed: 9 }), row(2, { status: "failed", elapsed: 3 })];
  show({ summary: summary(made), rows: made });

  head("Time").click();
  paint();
  assert.deepEqual(rows().map((each) => read(each, ".dp-time")), ["3.0 s", "9.0 s", ""]);

  head("Time").click();
  paint();
  assert.deepEqual(rows().map((each) => read(each, ".dp-time")), ["9.0 s", "3.0 s", ""]);
});

test("documents sorted by what changes are moved once a second", () => {
  const whole = run({ processing: 2 }, { 0: { progress: 10 }, 1: { progress: 20 } });
  show(whole);
  head("Progress").click();
  paint();
  const [first, second] = names();

  view.update({ summary: whole.summary, rows: [{ index: 0, progress: 30 }] });
  paint();
  assert.deepEqual(names(), [first, second]);

  pass(1500);
  assert.deepEqual(names(), [second, first]);
});

test("sorted documents do not move under the pointer or the focus, and the header says so", () => {
  const whole = run({ processing: 2 }, { 0: { progress: 10 }, 1: { progress: 20 } });
  show(whole);
  head("Progress").click();
  paint();
  const before = names();
  grid().dispatchEvent(new Event("pointermove"));

  view.update({ summary: whole.summary, rows: [{ index: 0, progress: 30 }] });
  pass(20_000);
  assert.deepEqual(names(), before);
  assert.match(head("Progress").title, /updated when/);

  grid().dispatchEvent(new Event("pointerleave"));
  pass(1500);
  assert.deepEqual(names(), before.reverse());
  assert.doesNotMatch(head("Progress").title, /updated when/);
});

test("a selection is of documents, wherever their rows move", () => {
  const whole = run({ processing: 3 });
  show(whole);
  const [, second] = rows();
  const name = read(second, ".dp-name");
  /** @type {HTMLElement} */ (second.querySelector(".dp-check")).click();
  paint();
  assert.deepEqual(checked(), ["false", "true", "false"]);
  assert.equal(read(element, ".dp-bulk-label"), "1 selected");

  view.update({ summary: whole.summary, rows: [{ index: 2, status: "failed", error: "broken" }] });
  grid().dispatchEvent(new Event("pointerleave"));
  paint();

  assert.deepEqual(checked(), ["false", "false", "true"]);
  assert.equal(names()[2], name);
  assert.deepEqual(asked, []);
});

test("an action on a selection names those it applies to, and asks for no others", () => {
  const whole = run({ completed: 1, failed: 1, processing: 2, queued: 2 });
  show(whole);
  type("a", { ctrlKey: true });
  assert.equal(read(element, ".dp-bulk-label"), "6 selected");

  button(element, "Cancel 4").click();
  button(element, "Retry 1").click();
  paint();

  assert.deepEqual(
    asked.map(({ action, ids }) => [action, ids.length]),
    [
      ["cancel", 4],
      ["retry", 1],
    ],
  );
  const failed = whole.rows.find(({ status }) => status === "failed");
  assert.deepEqual(asked[1].ids, [failed?.id]);
});

test("selected documents that are not listed are counted", () => {
  show(run({ completed: 2, processing: 2 }));
  type("a", { ctrlKey: true });

  /** @type {HTMLElement} */ (element.querySelector(".dp-chip.dp-completed")).click();
  paint();

  assert.equal(read(element, ".dp-bulk-label"), "4 selected, 2 of them not listed");
  assert.deepEqual(checked(), ["true", "true"]);

  view.replace(run({ completed: 1, processing: 1 }));
  paint();
  assert.equal(read(element, ".dp-bulk-label"), "2 selected, 1 of them not listed");
});

test("keys sort, select, extend a selection, and clear it", () => {
  show(named("b", "c", "a", "d"));
  type("ArrowDown");
  type("ArrowUp");
  assert.equal(grid().getAttribute("aria-activedescendant"), head("Document").id);
  type("Enter");
  assert.deepEqual(names(), ["a", "b", "c", "d"]);

  type("ArrowDown");
  type("ArrowDown");
  type("ArrowDown", { shiftKey: true });
  assert.deepEqual(checked(), ["false", "true", "true", "false"]);
  type(" ");
  assert.deepEqual(checked(), ["false", "true", "false", "false"]);

  type("Escape");
  assert.deepEqual(checked(), ["false", "false", "false", "false"]);
  assert.equal(isHidden(/** @type {Element} */ (element.querySelector(".dp-bulk"))), true);
});

test("a range that is extended again takes the place of the last one", () => {
  show(named("a", "b", "c", "d", "e"));
  const click = (/** @type {number} */ row, options = {}) => {
    const event = new window.MouseEvent("click", { bubbles: true, ...options });
    rows()[row].dispatchEvent(/** @type {any} */ (event));
    paint();
  };
  click(4, { ctrlKey: true });
  click(1, { metaKey: true });
  click(3, { shiftKey: true });
  assert.deepEqual(checked(), ["false", "true", "true", "true", "true"]);

  click(2, { shiftKey: true });
  assert.deepEqual(checked(), ["false", "true", "true", "false", "true"]);
  type("ArrowUp", { shiftKey: true });
  type("ArrowUp", { shiftKey: true });
  assert.deepEqual(checked(), ["true", "true", "false", "false", "true"]);
  assert.deepEqual(asked, []);
});

test("the focus stays with its document, and goes to the next one when that is gone", () => {
  const whole = run({ processing: 3, queued: 1 });
  show(whole);
  const focused = () =>
    read(rows().find((each) => each.classList.contains("dp-active")) ?? element, ".dp-name");
  for (const key of ["ArrowDown", "ArrowDown", "ArrowDown"]) type(key);
  const name = names()[2];
  assert.equal(focused(), name);

  view.update({ summary: whole.summary, rows: [{ index: 2, status: "failed" }] });
  grid().dispatchEvent(new Event("pointerleave"));
  paint();
  assert.equal(names()[0], name);
  assert.equal(focused(), name);

  /** @type {HTMLElement} */ (element.querySelector(".dp-chip.dp-processing")).click();
  paint();
  assert.equal(focused(), names()[0]);
  type("ArrowDown");
  assert.equal(focused(), names()[1]);
});

test("keys move through the cells of a document", () => {
  show(named("a", "b"));
  const cell = () => document.getElementById(grid().getAttribute("aria-activedescendant") ?? "");

  type("ArrowDown");
  assert.equal(cell()?.className.includes("dp-name"), true);
  type("ArrowRight");
  assert.equal(cell()?.className.includes("dp-progress"), true);
  type("ArrowLeft");
  type("ArrowLeft");
  assert.equal(cell()?.className.includes("dp-state"), true);
});

test("keys show what they do", () => {
  show(scenes["10 running"]);
  type("?");
  assert.match(read(element, ".dp-help"), /select a document/);
  assert.equal(button(element, "Keys").getAttribute("aria-expanded"), "true");

  type("Escape");
  assert.equal(read(element, ".dp-help"), "");
});

test("details are below their document, and the others after them", () => {
  show(run({ completed: 4 }));
  rows()[1].click();
  paint();

  const order = grid().querySelector(".dp-rows")?.getAttribute("aria-owns")?.split(" ") ?? [];
  const positions = order.map((id) => document.getElementById(id)?.getAttribute("aria-rowindex"));
  assert.deepEqual(positions, ["2", "3", "4", "5", "6"]);
  assert.equal(document.getElementById(order[2])?.querySelectorAll(".dp-panel").length, 1);
  assert.equal(grid().getAttribute("aria-rowcount"), "6");
});

test("details stay open when the document leaves the state that is listed", () => {
  const whole = run({ completed: 1, processing: 2 });
  show(whole);
  /** @type {HTMLElement} */ (element.querySelector(".dp-chip.dp-processing")).click();
  paint();
  rows()[0].click();
  paint();

  view.update({ summary: whole.summary, rows: [{ index: 1, status: "completed", progress: 100 }] });
  grid().dispatchEvent(new Event("pointerleave"));
  paint();
  assert.equal(rows().length, 2);
  assert.notEqual(read(element, ".dp-panel h2"), "");

  /** @type {HTMLElement} */ (element.querySelector(".dp-chip.dp-queued")).click();
  paint();
  assert.equal(read(element, ".dp-panel h2"), "");
});

/** @param {string} text */
async function search(text) {
  const field = /** @type {HTMLInputElement} */ (element.querySelector(".dp-search"));
  field.value = text;
  field.dispatchEvent(new Event("input"));
  pass(500);
  await Promise.resolve().then(() => {}).then(() => {});
  paint();
}

test("a search finds words in names, messages and errors", async () => {
  show(scenes["10 running"]);

  await search("ENCRYPTED password");
  assert.deepEqual(names(), ["minutes of the board.docx"]);
  await search("chunk 212");
  assert.deepEqual(names(), ["009-pdflatex-geotopo-Topo-komprimiert.pdf"]);
  await search("topo handbook");
  assert.deepEqual(names(), []);
  await search("");
  assert.equal(names().length, 10);
  // As macOS writes it.
  await search("ubernahmevertrag".replace("u", "u\u0308"));
  assert.deepEqual(names(), ["Übernahmevertrag Müller & Söhne.pdf"]);
  button(element, "CSV").click();
  paint();
  assert.equal(read(element, ".dp-bulk-label"), "1 document listed");
});

test("a search asks for documents whose rows have only the beginning of a text", async () => {
  show(run({ failed: 2, completed: 1 }));
  found = ["document-1"];

  type("/");
  const box = /** @type {HTMLInputElement} */ (element.querySelector("input"));
  box.value = "deep below";
  box.dispatchEvent(new Event("input"));
  paint();
  assert.equal(read(element, ".dp-empty"), "Searching for “deep below” …");
  await search("deep below");

  assert.deepEqual(asked, [{ search: "deep below" }]);
  assert.equal(rows().length, 1);
  assert.equal(names()[0], row(1).name);
});

test("a table of values has a header, and quotes what needs it", () => {
  const text = toCsv([
    row(0, { status: "failed", name: 'a "b", c.pdf', error: "line one\nline two", step: "extraction" }),
    row(1, { status: "completed", name: "semi;colon", message: "4 pages" }),
  ]);

  const [head, ...lines] = text.split("\r\n");
  assert.equal(head, "document,status,step,progress,error,message,attempt,seconds,worker,id");
  assert.equal(
    lines[0],
    '"a ""b"", c.pdf",failed,extraction,31,"line one\nline two",,1,1,celery@worker-1,document-0',
  );
  assert.match(lines[1], /^"semi;colon",completed,embedding,100,,4 pages,/);
  assert.equal(lines[2], "");
});

test("no text becomes a formula of a spreadsheet", () => {
  for (const name of ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1+1"]) {
    const [, line] = toCsv([row(0, { name })]).split(/\r\n(?=[^,]*,|")/);
    assert.match(line, /^"?'/, JSON.stringify(name));
  }
  assert.match(toCsv([row(0, { name: "a=b.pdf" })]), /\r\na=b.pdf,/);
});

test("failures are copied with their whole errors", async () => {
  let copied = "";
  Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: { clipboard: { writeText: async (/** @type {string} */ text) => (copied = text) } },
  });
  const cut = { error: "the beginning…" };
  show(run({ completed: 2, failed: 1 }, { 1: cut, 0: cut, 2: cut }));
  button(element, "CSV").click();
  paint();
  assert.equal(read(element, ".dp-bulk-label"), "1 failure");

  button(element, "Copy as CSV").click();
  await new Promise((resolve) => setImmediate(resolve));

  assert.equal(copied.split("\r\n").length, 3);
  assert.match(copied, /,the whole error of document-\d,/);
});
