/** The status of a document, as events carry it. */

/** @typedef {"queued" | "processing" | "completed" | "failed" | "cancelled"} Status */

/** @param {Status | undefined} status */
export function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}
