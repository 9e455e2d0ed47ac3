/** Which of two events of a document is the newer. */

import { isFinal } from "../shared/status.js";

/** @typedef {import("../document-progress.js").ProgressEvent} ProgressEvent */

/**
 * Whether an event says more than the one that is known.
 *
 * @param {ProgressEvent} event
 * @param {ProgressEvent | undefined} known
 */
export function isNewer(event, known) {
  if (!known) return true;
  const attempt = attemptOf(event);
  const knownAttempt = attemptOf(known);
  const later = Date.parse(event.timestamp) > Date.parse(known.timestamp);
  if (attempt !== null && knownAttempt !== null && attempt !== knownAttempt) {
    return attempt > knownAttempt;
  }
  if (isFinal(known.status)) {
    // Nothing follows a final state, except a new attempt that nobody counted.
    return (attempt === null || knownAttempt === null) && !isFinal(event.status) && later;
  }
  if (event.id !== undefined && known.id !== undefined) {
    // A Redis that lost its data counts from the start again.
    return sequenceOf(event.id) > sequenceOf(known.id) || later;
  }
  return event.timestamp !== known.timestamp || event.message !== known.message;
}

/** @param {ProgressEvent} event */
export function attemptOf({ id, attempt }) {
  return id === undefined ? (attempt ?? null) : Number(id.split("-")[0]);
}

/** @param {string} id */
function sequenceOf(id) {
  return BigInt(id.split("-")[1]);
}
