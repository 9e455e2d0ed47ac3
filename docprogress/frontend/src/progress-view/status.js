/** States of documents and of a run. */

import { clamp } from "../shared/dom.js";
import { singleLine } from "../shared/text.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Status} Status */
/** @typedef {import("./types.js").Summary} Summary */

/** @type {State[]} those that need attention first, those that are done last */
export const STATES = ["failed", "stalled", "processing", "queued", "cancelled", "completed"];

/**
 * @param {Row} row
 * @returns {State}
 */
export function stateOf(row) {
  return row.status === "processing" && row.stalled ? "stalled" : row.status;
}

/** @param {Status} status */
export function isRetryable(status) {
  return status === "failed" || status === "cancelled";
}

/** @param {Row} row */
export function nameOf(row) {
  return singleLine(row.name) || "(no name)";
}

/**
 * A percentage that is 100 only when everything is done.
 *
 * @param {Row} row
 */
export function percentOf({ progress, status }) {
  return `${status === "completed" ? 100 : Math.floor(clamp(progress, 0, 99.9))} %`;
}

/**
 * The state of a whole run.
 *
 * @param {Summary} summary
 * @returns {State}
 */
export function runState({ counts, finished, stalled }) {
  if (!finished) {
    if (stalled && stalled >= counts.processing) return "stalled";
    return counts.processing || counts.completed ? "processing" : "queued";
  }
  if (counts.failed) return "failed";
  return counts.cancelled ? "cancelled" : "completed";
}
