import "./page.js";

import assert from "node:assert/strict";
import { test } from "node:test";

import { duration, rate, remaining, remainingBetween, stopwatch } from "../../docprogress/frontend/src/shared/format.js";
import { singleLine } from "../../docprogress/frontend/src/shared/text.js";

test("time that runs is shown as on a stopwatch", () => {
  assert.deepEqual([0, 7.9, 750, 3723].map(stopwatch), ["0:00", "0:07", "12:30", "1:02:03"]);
});

test("durations have two units", () => {
  const texts = [0.04, 12.34, 59.94, 59.96, 245, 7800, 90000].map(duration);

  assert.deepEqual(texts, [
    "< 0.1 s",
    "12.3 s",
    "59.9 s",
    "1 min",
    "4 min 5 s",
    "2 h 10 min",
    "1 d 1 h",
  ]);
});

test("the time left is no more precise than the estimate", () => {
  const texts = [null, 0, 12, 56, 61, 131, 700, 5400].map(remaining);

  assert.deepEqual(texts, [
    "time left unknown",
    "a few seconds left",
    "about 10 s left",
    "about 55 s left",
    "about 1 min left",
    "about 2 min left",
    "about 10 min left",
    "about 1 h 30 min left",
  ]);
});

test("a rate has the unit that makes it readable", () => {
  const texts = [652.4, 9.96, 1.25, 0.9, 0.002].map((value) => rate(value, "pages"));

  assert.deepEqual(texts, [
    "652 pages/s",
    "10 pages/s",
    "1.3 pages/s",
    "54 pages/min",
    "7.2 pages/h",
  ]);
});

test("a text becomes one line that turns nothing around", () => {
  assert.equal(singleLine(" a\n\tb\u2028c "), "a b c");
  assert.equal(
    singleLine("gpj\u202eexe\u2066\u0000\u001b[31m"),
    "gpj\ufffdexe\ufffd\ufffd\ufffd[31m",
  );
  assert.equal(singleLine("half \ud83d"), "half \ufffd");
  assert.equal(singleLine("👩‍👧 שלום"), "👩‍👧 שלום");
});

test("a range of the time left is rounded to a wider one", () => {
  const ranges = [[1, 4], [2, 11], [12, 55], [125, 290], [2000, 4000], [86400, 2e5]];
  const texts = ranges.map(([low, high]) => remainingBetween(low, high));

  assert.deepEqual(texts, [
    "a few seconds left",
    "up to 15 s left",
    "10 s to 1 min left",
    "2 to 5 min left",
    "30 min to 2 h left",
    "1 to 3 d left",
  ]);
});
