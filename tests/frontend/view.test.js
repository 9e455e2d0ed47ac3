import { button, isHidden, paint, pass, place, press, read, sleep } from "./page.js";

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { sharesOfWork } from "../../docprogress/frontend/src/progress-view/shares.js";
import { createProgressView } from "../../docprogress/frontend/src/progress-view/view.js";
import { details, row, run, scenes, summary } from "./scenes.js";

/** @typedef {import("../../docprogress/frontend/src/progress-view/types.js").Row} Row */

/** @type {HTMLElement} */
let element;
/** @type {import("../../docprogress/frontend/src/progress-view/types.js").ProgressView} */
let view;
/** @type {any[]} what the view asked for */
let asked;

beforeEach(() => {
  element = place();
  asked = [];
  view = createProgressView(element, {
    onAction: (action, ids) => asked.push({ action, ids }),
    onDetails: (id) => asked.push({ details: id }),
  });
});

/** @param {import("../../docprogress/frontend/src/progress-view/types.js").Snapshot} whole */
function show(whole) {
  view.replace(whole);
  paint();
}

/** The names that are shown, from top to bottom. */
function names() {
  return rows().map((each) => read(each, ".dp-name"));
}

/** The rows that are drawn, from top to bottom. */
function rows() {
  const drawn = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(".dp-row")]);
  const at = (/** @type {Element} */ each) => Number(each.getAttribute("aria-rowindex"));
  return drawn.sort((one, other) => at(one) - at(other));
}

test("a run shows its progress, the time left, and errors", () => {
  show(scenes["10 running"]);

  assert.equal(read(element, ".dp-headline > .dp-percent"), "45 %");
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "about 2 min left");
  assert.equal(read(element, ".dp-chip.dp-failed"), "1failed");
  assert.equal(read(element, ".dp-chip.dp-stalled"), "1stalled");
  assert.equal(read(element, ".dp-rates > .dp-documents"), "12 documents/s");
  assert.equal(read(rows()[0], ".dp-message-text"), "The PDF is encrypted and needs a password");
});

test("what a synchronization found is above the run", () => {
  show(scenes["10 synchronized"]);
  assert.equal(
    read(element, ".dp-header > .dp-changes"),
    "12 added, 3 changed, 1 removed, 984 unchanged",
  );
  assert.equal(element.querySelector(".dp-header")?.firstElementChild?.className, "dp-changes");

  show(scenes["10 running"]);
  assert.ok(isHidden(/** @type {Element} */ (element.querySelector(".dp-changes"))));
});

test("a finished run shows how it ended", () => {
  show(scenes["10 finished"]);
  assert.equal(read(element, ".dp-headline > .dp-percent"), "2 of 10 documents failed");

  show(scenes["38 completed"]);
  assert.equal(read(element, ".dp-headline > .dp-percent"), "All 38 documents completed");

  show(scenes["10000 cancelled"]);
  assert.equal(
    read(element, ".dp-headline > .dp-percent"),
    "7,796 of 10,000 documents cancelled",
  );
  const headline = /** @type {HTMLElement} */ (element.querySelector(".dp-headline"));
  assert.equal(headline.dataset.state, "cancelled");
});

/**
 * The parts of the run's bar that are shown, with their widths in per cent.
 *
 * @returns {Record<string, number>}
 */
function parts() {
  const shown = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(".dp-part")]);
  return Object.fromEntries(
    shown
      .filter((part) => !part.hidden)
      .map((part) => [part.className.replace(/.*dp-/, ""), parseFloat(part.style.width)]),
  );
}

test("a run that is over shows nothing as processing, whatever its counts add up to", () => {
  show(run({ completed: 2, failed: 2 }));
  for (const total of [2, 3, 4, 5, 6, 7, 9, 11, 13, 16, 24, 32, 59]) {
    for (let completed = 1; completed < total; completed += 1) {
      for (const status of /** @type {const} */ (["failed", "cancelled"])) {
        const documents = Array.from({ length: total }, (_, index) => ({
          status: index < completed ? /** @type {const} */ ("completed") : status,
          progress: index < completed ? 100 : (index * 37) % 100,
        }));
        const counts = { queued: 0, processing: 0, completed, failed: 0, cancelled: 0 };
        counts[status] = total - completed;
        const fields = { counts, total, finished: true, ...sharesOfWork(documents) };
        view.update({ summary: summary([row(0)], fields), rows: [] });
        paint();

        const where = `${completed} completed, ${total - completed} ${status}`;
        assert.deepEqual(Object.keys(parts()), ["completed", status], where);
        assert.ok(parts().completed + parts()[status] < 100, where);
      }
    }
  }
});

test("the bar of a run shows no work that was not done", () => {
  const rows = Array.from({ length: 32 }, (_, index) =>
    row(index, index ? { status: "cancelled", progress: 0 } : { status: "completed" }),
  );
  show({ summary: summary(rows), rows });

  const bar = element.querySelector(".dp-bar.dp-total");
  assert.equal(bar?.getAttribute("aria-valuenow"), "3");
  // What was cancelled before it began is seen all the same.
  assert.deepEqual(parts(), { completed: 3.13, cancelled: 0 });
});

test("a failed document counts with the progress that it had made", () => {
  const rows = [row(0, { status: "failed", progress: 40 }), row(1)];
  show({ summary: summary(rows), rows });

  assert.equal(read(element, ".dp-headline > .dp-percent"), "20 %");
  assert.deepEqual(parts(), { failed: 20 });
});

test("a fraction is shown as a percentage", () => {
  for (let completed = 0; completed < 100; completed += 1) {
    show(run({ completed, queued: 100 - completed }));
    assert.equal(read(element, ".dp-headline > .dp-percent"), `${completed} %`);
  }
});

test("files being uploaded are shown as such, with the number sent", () => {
  show(run({ queued: 12 }, {}, { sending: { sent: 3, total: 12 } }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "sending files: 3 of 12 sent");

  show(run({ queued: 1 }, {}, { sending: { sent: 0, total: 1 } }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "sending the file");

  show(run({ queued: 12 }, {}, { sending: null }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "waiting for a worker");
});

test("what documents wait for is shown if one of them has it", () => {
  const waiting = "waiting for the embedding endpoint until 15:04:05 (rate limit)";
  show(run({ queued: 12 }, {}, { waiting }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), waiting);

  show(run({ queued: 12, processing: 1 }, {}, { waiting }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), waiting);

  show(run({ queued: 12, processing: 1 }, {}, { remaining: null }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "time left unknown");
});

test("an unknown time left is not shown", () => {
  show(run({ processing: 2 }, {}, { remaining: null }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "time left unknown");

  show(run({ queued: 2 }, {}, { remaining: 60 }));
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "waiting for a worker");

  show(scenes["10 stalled"]);
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "stalled");
});

test("a rate stands still for as long as it takes to read it", () => {
  const whole = run({ processing: 2 });
  const shown = () => read(element, ".dp-rates > .dp-pages");
  show(whole);
  pass(500);

  view.update({ summary: { ...whole.summary, pages_per_second: 700 }, rows: [] });
  paint();
  assert.equal(shown(), "652 pages/s");

  pass(500);
  assert.equal(shown(), "700 pages/s");
});

test("a message is shown without what stands beside it", () => {
  const { name } = row(0);
  show(
    run(
      { completed: 2 },
      { 0: { message: "Completed: 4 pages" }, 1: { message: `${row(1).name}: done` } },
    ),
  );

  assert.equal(read(rows()[0], ".dp-name"), name);
  assert.deepEqual(
    rows().map((each) => read(each, ".dp-message-text")),
    ["4 pages", "Done"],
  );
});

test("what has failed stands first, and what fits keeps its order below", () => {
  show(scenes["10 running"]);

  const indexes = rows().map((each) => each.dataset.state);
  assert.equal(indexes[0], "failed");
  assert.deepEqual(
    names().slice(1),
    scenes["10 running"].rows
      .filter(({ status }) => status !== "failed")
      .map(({ name }) => name),
  );
});

test("of more than can be seen, what asks for attention stands above what has ended", () => {
  show(scenes["1000 running"]);

  const states = rows().map((each) => each.dataset.state);
  assert.deepEqual(states.slice(0, 15), [
    ...Array(7).fill("failed"),
    "stalled",
    ...Array(7).fill("processing"),
  ]);
});

test("ten thousand documents are drawn with a few rows", () => {
  show(scenes["10000 running"]);

  assert.equal(rows().length, 23);
  const grid = element.querySelector(".dp-grid");
  assert.equal(grid?.getAttribute("aria-rowcount"), "10001");
});

test("only changed rows are sent, and the others stay", () => {
  show(scenes["10 running"]);

  view.update({
    summary: scenes["10 running"].summary,
    rows: [{ index: 4, progress: 91.7, message: "Embedding chunk 700 of 771" }],
  });
  paint();

  const changed = rows().find(
    (each) => read(each, ".dp-message-text") === "Embedding chunk 700 of 771",
  );
  assert.equal(changed && read(changed, ".dp-percent"), "91 %");
  assert.equal(changed && read(changed, ".dp-name"), scenes["10 running"].rows[4].name);
});

test("a row may lack fields that are not known", () => {
  const whole = run({ processing: 2 });
  const bare = /** @type {Row} */ ({ index: 0, id: "a", name: "a.pdf", status: "processing" });

  show({ summary: whole.summary, rows: [bare, whole.rows[1]] });
  rows()[0].click();
  paint();

  assert.equal(read(rows()[0], ".dp-name"), "a.pdf");
  assert.equal(read(rows()[0], ".dp-time"), "");
  assert.equal(read(element, ".dp-facts"), "Processing · 0\u00a0% · a");
});

test("a change of a row that is not known is not drawn", () => {
  show(run({ processing: 2 }));

  view.update({
    summary: summary([row(0), row(1), row(2)]),
    rows: [{ index: 2, progress: 5 }],
  });
  paint();

  assert.equal(rows().length, 2);
});

test("a failed bar stops where it failed", () => {
  show(run({ completed: 1, failed: 1 }));

  const [failed] = rows();
  const fill = /** @type {HTMLElement} */ (failed.querySelector(".dp-fill"));
  assert.equal(failed.dataset.state, "failed");
  assert.equal(fill.style.transform, "translateX(-69%)");
  assert.equal(failed.querySelector("[role=progressbar]")?.getAttribute("aria-valuenow"), "31");
});

test("nothing but what is completed is at 100 %", () => {
  show(run({ processing: 1, completed: 1 }, { 1: { progress: 250 } }));

  assert.deepEqual(
    rows().map((each) => read(each, ".dp-percent")),
    ["100 %", "99 %"],
  );
});

test("stalled documents look different from running ones", () => {
  show(run({ processing: 2 }, { 1: { stalled: true, silent: 20 } }));
  pass(3000);

  assert.deepEqual(
    rows().map((each) => each.dataset.state),
    ["processing", "stalled"],
  );
  assert.match(read(rows()[1], ".dp-message-text"), /^Stalled for 0:23, after “Extracting page/);
});

test("the time of what runs is counted on, and that of what has ended is not", () => {
  show(run({ completed: 1, processing: 1 }, { 0: { elapsed: 5 }, 1: { elapsed: 5 } }));

  pass(3000);

  assert.deepEqual(
    rows().map((each) => read(each, ".dp-time")),
    ["5.0 s", "0:08"],
  );
});

test("a message that took longer to arrive turns no clock back", () => {
  const whole = run({ processing: 2 }, { 0: { elapsed: 5 } });
  show(whole);
  pass(1000);

  view.update({ summary: whole.summary, rows: [{ index: 0, elapsed: 5.9 }] });
  paint();

  assert.equal(read(rows()[0], ".dp-time"), "0:06");
});

test("six seconds of silence are shown, and the clocks stop there", () => {
  show(run({ processing: 2 }, { 0: { elapsed: 5 } }));
  view.beat(new Date(2026, 10, 24, 15, 4, 5).getTime());

  pass(5500);
  assert.equal(read(element, ".dp-problem"), "");
  pass(1500);

  assert.equal(read(element, ".dp-problem"), "Disconnected, last update 15:04:05");
  assert.equal(read(element, ".dp-headline > .dp-outlook"), "");
  assert.equal(read(rows()[0], ".dp-time"), "0:05");
});

test("after sleep the page shows the gap before the first message", () => {
  show(run({ processing: 2 }, { 0: { elapsed: 5 } }));

  sleep(60_000);

  assert.match(read(element, ".dp-problem"), /^Disconnected, last update/);
  assert.equal(read(rows()[0], ".dp-time"), "0:05");
});

test("the next word takes it back", () => {
  show(run({ processing: 2 }));
  pass(8000);

  view.beat();
  paint();

  assert.equal(read(element, ".dp-problem"), "");
});

test("a sender that is known to be gone is shown at once", () => {
  show(run({ processing: 2 }));

  view.disconnect();
  paint();

  assert.match(read(element, ".dp-problem"), /^Disconnected, last update \d\d:\d\d:\d\d$/);
});

test("a finished run never shows a lost connection", () => {
  show(scenes["10 finished"]);

  pass(60_000);

  assert.equal(read(element, ".dp-problem"), "");
});

test("a kernel without Redis looks different from a lost kernel", () => {
  show(
    run(
      { processing: 2 },
      { 0: { elapsed: 5 } },
      { connected: false, lost_at: new Date(2026, 10, 24, 7, 8, 9).toISOString() },
    ),
  );

  for (let second = 0; second < 8; second += 1) {
    pass(1000);
    view.beat();
  }
  paint();

  assert.equal(
    read(element, ".dp-problem"),
    "Redis is unreachable since 07:08:09; the view shows the last known state",
  );
  assert.equal(read(rows()[0], ".dp-time"), "0:05");
});

test("a filter shows one state, and once more all", () => {
  show(scenes["1000 running"]);

  button(element, "8processing").click();
  paint();
  assert.deepEqual(
    new Set(rows().map((each) => each.dataset.state)),
    new Set(["stalled", "processing"]),
  );
  assert.equal(rows().length, 8);

  button(element, "8processing").click();
  paint();
  assert.equal(rows()[0].dataset.state, "failed");
});

test("names are found in upper and lower case, and an empty result is shown", () => {
  show(scenes["1000 running"]);
  const search = /** @type {HTMLInputElement} */ (element.querySelector(".dp-search"));

  search.value = "ÜBERNAHME";
  search.dispatchEvent(new Event("input"));
  paint();
  assert.equal(
    names().every((name) => name.startsWith("Übernahme")),
    true,
  );

  search.value = "nothing like it";
  search.dispatchEvent(new Event("input"));
  paint();
  assert.equal(read(element, ".dp-empty"), "No document with “nothing like it” in its name, message or error");
});

test("no row moves away under a pointer, and all move when it has gone", () => {
  const whole = run({ processing: 3 });
  show(whole);
  const grid = /** @type {HTMLElement} */ (element.querySelector(".dp-grid"));
  const before = names();

  grid.dispatchEvent(new Event("pointermove"));
  view.update({
    summary: whole.summary,
    rows: [{ index: 2, status: "failed", error: "broken" }],
  });
  paint();
  assert.deepEqual(names(), before);
  assert.equal(rows()[2].dataset.state, "failed");

  grid.dispatchEvent(new Event("pointerleave"));
  paint();
  assert.deepEqual(names(), [before[2], before[0], before[1]]);
});

test("a pointer that was left lying does not keep a failure from the top", () => {
  const whole = run({ processing: 3 });
  show(whole);
  element.querySelector(".dp-grid")?.dispatchEvent(new Event("pointermove"));
  view.update({
    summary: whole.summary,
    rows: [{ index: 2, status: "failed", error: "broken" }],
  });

  pass(16_000);

  assert.equal(rows()[0].dataset.state, "failed");
});

test("one document is drawn without a table", () => {
  show(scenes["1 running"]);

  assert.equal(isHidden(/** @type {Element} */ (element.querySelector(".dp-grid"))), true);
  assert.equal(isHidden(/** @type {Element} */ (element.querySelector(".dp-tools"))), true);
  assert.equal(read(element, ".dp-headline > .dp-percent"), "43 %");
  assert.equal(
    read(element, ".dp-current > .dp-message"),
    "Extracting page 143 of 200",
  );
  assert.equal(read(element, ".dp-segment.dp-now"), "extraction");
});

test("a text is shown as text, whatever it holds", () => {
  show(scenes.hostile);

  assert.equal(element.querySelectorAll("script, img").length, 0);
  assert.equal(names().includes("<script>alert(1)</script>.pdf"), true);
  assert.equal(names().includes("harmless\ufffdgpj.exe"), true);
  assert.equal(names().includes("(no name)"), true);
});

test("a text of any length is laid out in part, and can be read whole", () => {
  show(scenes.hostile);

  const long = rows().find((each) => read(each, ".dp-name").startsWith("aaa"));
  const name = /** @type {HTMLElement} */ (long?.querySelector(".dp-name"));
  assert.equal((name.textContent ?? "").length <= 301, true);
  assert.equal(name.title, "a".repeat(5000));
});

test("keys move through the documents, open one, and close it", () => {
  show(scenes["10 running"]);
  const grid = /** @type {HTMLElement} */ (element.querySelector(".dp-grid"));
  const pointed = () => {
    const cell = document.getElementById(grid.getAttribute("aria-activedescendant") ?? "");
    return cell?.closest("[role=row]");
  };

  press(grid, "ArrowDown");
  press(grid, "ArrowDown");
  paint();
  assert.equal(pointed()?.getAttribute("aria-rowindex"), "3");

  press(grid, "End");
  press(grid, "ArrowUp");
  paint();
  assert.equal(pointed()?.getAttribute("aria-rowindex"), "10");

  press(grid, "Enter");
  paint();
  assert.equal(read(/** @type {Element} */ (pointed()), "[aria-expanded=true]").length > 0, true);
  assert.deepEqual(asked, [{ details: scenes["10 running"].rows[8].id }]);

  press(grid, "Escape");
  paint();
  assert.equal(pointed()?.querySelector("[aria-expanded=true]"), null);
  assert.equal(read(element, ".dp-panel"), "");
});

test("details show the whole error, what each step took, and the history", () => {
  const whole = run({ completed: 1, failed: 1 });
  const failed = /** @type {Row} */ (whole.rows.find(({ status }) => status === "failed"));
  show(whole);
  rows()[0].click();
  paint();

  const error = `${failed.name}: ${"and so on ".repeat(100)}`;
  view.showDetails(details({ ...failed, error }));
  paint();

  // The name stands above it.
  assert.equal(read(element, ".dp-reason"), `And so on ${"and so on ".repeat(99)}`);
  assert.equal(read(element, ".dp-duration"), "12.3 s · 120 pages|0.4 s|attempt 2");
  assert.equal(element.querySelectorAll(".dp-history tbody tr").length, 14);
  assert.match(read(element, ".dp-history tbody tr:first-child"), /Extracting page 14 of 14$/);
});

test("details show a name and a message whole of which a row has the beginning", () => {
  const name = `${"a long name ".repeat(400)}.pdf`;
  const message = "a long message ".repeat(300).trim();
  const part = { name: `${name.slice(0, 299)}…`, message: `${message.slice(0, 299)}…` };
  const whole = run({ processing: 2 }, { 0: part });
  show(whole);
  rows()[0].click();
  paint();
  assert.equal(read(element, "h2"), part.name);

  view.showDetails(details({ ...whole.rows[0], name, message }));
  paint();
  assert.equal(read(element, "h2"), name);
  assert.equal(read(element, ".dp-full-message"), message.replace("a", "A"));

  view.update({ summary: whole.summary, rows: [{ index: 0, message: "something else" }] });
  paint();
  assert.equal(read(element, ".dp-full-message"), "Something else");
});

test("details of another document than the one that is open are not shown", () => {
  const whole = run({ completed: 2 });
  show(whole);
  rows()[0].click();

  view.showDetails(details(whole.rows[1]));
  paint();

  assert.equal(read(element, ".dp-history"), "");
});

test("details are asked for again when the document has moved on", () => {
  const whole = run({ processing: 2 });
  show(whole);
  rows()[0].click();
  view.showDetails(details(whole.rows[0]));
  pass(1500);

  view.update({ summary: whole.summary, rows: [{ index: 0, progress: 50 }] });
  assert.equal(asked.length, 1);
  view.update({ summary: whole.summary, rows: [{ index: 0, step: "embedding" }] });

  assert.equal(asked.length, 2);
});

test("an incomplete history shows why", () => {
  const whole = run({ processing: 2 });
  show(whole);
  rows()[0].click();

  view.showDetails({
    ...details(whole.rows[0]),
    history: [],
    problem: "Redis cannot be reached: only the store is shown",
  });
  paint();

  assert.equal(
    read(element, ".dp-waiting"),
    "Redis cannot be reached: only the store is shown",
  );
});

test("a run is cancelled, and its failures are retried, by one button each", () => {
  show(scenes["10 running"]);

  button(element, "Cancel").click();
  button(element, "Retry 1 failed").click();

  assert.deepEqual(asked, [
    { action: "cancel", ids: null },
    { action: "retry", ids: null },
  ]);
});

test("one document is retried from its details", () => {
  show(scenes["10 running"]);
  rows()[0].click();
  paint();

  button(element, "Retry").click();

  assert.deepEqual(asked[1], { action: "retry", ids: ["document-2"] });
});

test("documents that are only watched offer nothing that cannot be done", () => {
  show(scenes["30 foreign"]);
  rows()[0].click();
  paint();

  const labels = [...element.querySelectorAll("button")]
    .filter((each) => !isHidden(each))
    .map((each) => each.textContent);
  assert.equal(
    labels.some((label) => /Cancel|Retry/.test(label ?? "")),
    false,
  );
});

test("an action's answer is shown, and only in the page that asked", () => {
  show(scenes["10 running"]);
  button(element, "Cancel").click();
  paint();
  assert.equal(read(element, ".dp-notice"), "Cancelling …");

  view.showResult({ request: 99, ok: true, text: "somebody else's" });
  view.showResult({ request: 1, ok: true, text: "6 documents are cancelled" });
  paint();
  assert.equal(read(element, ".dp-notice"), "6 documents are cancelled");

  pass(9000);
  assert.equal(read(element, ".dp-notice"), "");
});

/** Two documents that have failed, of three. */
function twoFailed(attempt = 1) {
  const failed = { status: /** @type {const} */ ("failed"), attempt };
  return run({ completed: 3 }, { 1: failed, 2: failed });
}

test("the notice of a retry is taken away once what it is about has ended again", () => {
  show(twoFailed());
  button(element, "Retry 2 failed").click();
  view.showResult({ request: 1, ok: true, text: "2 documents retried" });
  paint();
  assert.equal(read(element, ".dp-notice"), "2 documents retried");

  const again = { status: /** @type {const} */ ("processing"), attempt: 2 };
  show(run({ completed: 3 }, { 1: again, 2: { status: "failed", attempt: 2 } }));
  assert.equal(read(element, ".dp-notice"), "2 documents retried");

  show(twoFailed(2));
  assert.equal(read(element, ".dp-notice"), "");
});

test("an answer that comes after the retried documents have ended is not shown", () => {
  show(twoFailed());
  button(element, "Retry 2 failed").click();
  show(twoFailed(2));
  view.showResult({ request: 1, ok: true, text: "2 documents retried" });
  paint();

  assert.equal(read(element, ".dp-notice"), "");
});

test("the notice of a retry stays until its first event", () => {
  show(twoFailed());
  button(element, "Retry 2 failed").click();
  view.showResult({ request: 1, ok: true, text: "2 documents retried" });

  show(twoFailed());

  assert.equal(read(element, ".dp-notice"), "2 documents retried");
});

test("what could not be retried stays to be read", () => {
  show(twoFailed());
  button(element, "Retry 2 failed").click();
  view.showResult({ request: 1, ok: false, text: "1 document retried; 1 failed" });

  show(twoFailed(2));

  assert.equal(read(element, ".dp-notice"), "1 document retried; 1 failed");
});

test("an action without an answer shows what it waits for", () => {
  show(scenes["10 running"]);
  button(element, "Cancel").click();

  pass(3500);

  assert.equal(
    read(element, ".dp-notice"),
    "Cancelling: waiting for the kernel, which is busy",
  );
});

test("screen readers get an update now and then, and errors at once", () => {
  const whole = run({ processing: 2, queued: 1 });
  const announcement = () => element.querySelector("[role=status]")?.textContent;
  show(whole);
  const first = announcement();

  view.update({ summary: { ...whole.summary, text: "other words" }, rows: [] });
  pass(2000);
  assert.equal(announcement(), first);

  view.disconnect();
  paint();
  assert.match(announcement() ?? "", /^disconnected/);

  view.update({ summary: { ...whole.summary, text: "other words" }, rows: [] });
  pass(500);
  assert.equal(announcement(), "other words");
});

test("a view that is closed leaves nothing behind", () => {
  const before = document.body.querySelectorAll("*").length;
  const closed = place();

  for (let turn = 0; turn < 10; turn += 1) {
    const other = createProgressView(closed, { onAction: () => 1 });
    other.replace(scenes["1000 running"]);
    paint();
    button(closed, "Cancel").click();
    other.close();
    other.close();
  }
  closed.remove();

  assert.equal(document.body.querySelectorAll("*").length, before);
});

test("members stand below their container, however late they were found", () => {
  const ids = ["a", "b", "c", "a.1", "a.2", "b.1", "a.1.1", "zzz.1"];
  const rows = ids.map((id, index) => row(index, { id, name: id, status: "queued" }));

  show({ summary: summary(rows), rows });

  assert.deepEqual(names(), ["a", "a.1", "a.1.1", "a.2", "b", "b.1", "c", "zzz.1"]);
});
