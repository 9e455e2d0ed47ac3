/** The work of a run, as the server's page adds it up: with the same vectors as in Python. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  createSharesOfWork,
  learnWork,
  sharesOfWork,
  UNKNOWN_WORK,
} from "../../docprogress/frontend/src/progress-view/shares.js";

const vectors = JSON.parse(
  readFileSync(new URL("work-vectors.json", import.meta.url), "utf8"),
);

/** @param {any} event */
function weighed(event) {
  const { name, progress, status } = event;
  return { ...learnWork(UNKNOWN_WORK, event), name, progress, status };
}

for (const { why, events, done, whole } of vectors) {
  test(why, () => {
    const { fraction, shares } = sharesOfWork(events.map(weighed));

    let sum = 0;
    for (const [status, share] of Object.entries(shares)) {
      const expected = (done[status] ?? 0) / whole;
      assert.ok(Math.abs(share - expected) < 1e-5, `${status}: ${share}, not ${expected}`);
      sum += share;
    }
    assert.ok(Math.abs(fraction - sum) < 1e-9);
  });
}

const half = { status: /** @type {const} */ ("processing"), progress: 50, pages: 9 };
const found = { status: /** @type {const} */ ("queued"), progress: 0, pages: 89 };

test("documents that are found in others take nothing back", () => {
  const shares = createSharesOfWork();
  assert.equal(shares([half], 1).fraction, 0.5);

  assert.equal(shares([half, found], 1).fraction, 0.5);
  const ended = { ...half, status: /** @type {const} */ ("completed") };
  const later = shares([ended, { ...found, status: "processing", progress: 90 }], 1);
  assert.equal(later.fraction, 0.91);
});

test("documents that somebody adds are more work", () => {
  const shares = createSharesOfWork();
  shares([half], 1);

  assert.equal(shares([half, found], 2).fraction, 0.05);
});

test("a document that is tried again is more work", () => {
  const shares = createSharesOfWork();
  shares([half, { ...found, status: "failed", progress: 50 }], 2);

  assert.equal(shares([half, found], 2).fraction, 0.05);
});

test("nothing but the end of all documents is the whole", () => {
  const all = { status: /** @type {const} */ ("completed"), progress: 100, pages: 1e9 };
  assert.ok(sharesOfWork([all, { ...found, pages: 0 }]).fraction < 1);
  assert.ok(sharesOfWork([all, { ...found, status: "failed" }]).fraction < 1);
  assert.equal(sharesOfWork([all]).fraction, 1);
});
