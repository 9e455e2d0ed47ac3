/** Why a document waits, as the server's page says it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { summarize } from "../../docprogress/frontend/src/page/summary.js";
import { shownMessage, waitingText } from "../../docprogress/frontend/src/progress-view/waiting.js";

const NOW = Date.parse("2026-01-01T12:00:00Z");

/** @param {object} fields */
function event(fields) {
  const known = { document_id: "a", step: "", progress: 0, timestamp: "2026-01-01T12:00:00Z" };
  return /** @type {any} */ ({ ...known, status: "queued", message: "Queued", ...fields });
}

test("a rate limit ends at its time, in the viewer's time zone", () => {
  const until = new Date(NOW + 30_000);
  const limited = event({
    message: "Waiting for the endpoint until 03:04:05 (rate limit)",
    waiting_until: until.toISOString(),
  });
  const time = until.toTimeString().slice(0, 8);

  assert.equal(waitingText(limited, NOW), `waiting for the endpoint until ${time} (rate limit)`);
  assert.equal(shownMessage(limited, NOW), `Waiting for the endpoint until ${time} (rate limit)`);
  assert.equal(waitingText(limited, NOW + 31_000), "");
  assert.equal(shownMessage(limited, NOW + 31_000), "Queued");
});

test("a summary says what keeps a run from moving, until it moves", () => {
  /** @param {object[]} events @param {Record<string, string>} waiting */
  const waitingOf = (events, waiting = {}) => {
    const entries = events.map((each, index) => ({
      ...{ index, id: String(index), upload: null, startedAt: null, finishedAt: null },
      ...{ silent: null, pages: null },
      work: { size: 0, pages: null, toRecognise: 0, recognised: 0 },
      event: event(each),
    }));
    const context = { caseId: "", incomplete: false, sending: null, waiting };
    return summarize(/** @type {any} */ (entries), context).waiting;
  };
  const behind = { x: "waiting behind run y: 3 documents to go" };

  assert.equal(waitingOf([{ run_id: "x" }], behind), behind.x);
  assert.equal(waitingOf([{ run_id: "z" }], behind), undefined);
  assert.equal(waitingOf([{ run_id: "x" }, { status: "processing" }], behind), undefined);
  const storage = { status: "processing", message: "Waiting for the storage" };
  assert.equal(waitingOf([storage]), "waiting for the storage");
  assert.equal(waitingOf([storage, { status: "processing" }]), undefined);
});
