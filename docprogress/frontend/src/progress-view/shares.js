/** The work that is done, by status. */

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Status} Status */
/** @typedef {import("./types.js").Summary} Summary */

/**
 * The fraction of the work that is done, and what each status contributes to it.
 *
 * @param {Iterable<{status: Status, progress: number}>} documents
 * @returns {Pick<Summary, "fraction" | "shares">}
 */
export function sharesOfWork(documents) {
  const work = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  let total = 0;
  for (const { status, progress } of documents) {
    work[status] += status === "completed" ? 100 : progress;
    total += 100;
  }
  const done = Object.values(work).reduce((sum, each) => sum + each, 0);
  const shares = { ...work };
  for (const status of /** @type {Status[]} */ (Object.keys(work))) {
    shares[status] = total ? work[status] / total : 0;
  }
  return { fraction: total ? done / total : 0, shares };
}

/**
 * The part of the run's bar that each state takes.
 *
 * @param {Summary} summary
 * @returns {Partial<Record<State, number>>}
 */
export function sharesByState({ counts, shares, stalled }) {
  const { processing, ...rest } = shares;
  const allStalled = stalled > 0 && stalled >= counts.processing;
  return { ...rest, [allStalled ? "stalled" : "processing"]: processing };
}
