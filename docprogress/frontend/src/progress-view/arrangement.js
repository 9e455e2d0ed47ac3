/** Which rows are shown, and in which order. */

import { sortRows } from "./columns.js";
import { matches } from "./search.js";
import { STATES, stateOf } from "./status.js";

/** @typedef {import("./types.js").Filter} Filter */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Search} Search */
/** @typedef {import("./types.js").Sort} Sort */

/** The most rows that are visible at once, unless the user resizes the grid. */
export const VISIBLE_ROWS = 14;

/** How the id of a container's member ends: with its position in the container. */
const MEMBER = /\.\d+$/;

/**
 * Rows in the order of submission, each container followed by its members.
 *
 * @param {Iterable<Row>} rows
 * @returns {Row[]}
 */
export function nested(rows) {
  const ordered = [...rows].sort((one, other) => one.index - other.index);
  const members = ordered.filter(({ id }) => MEMBER.test(id));
  if (members.length === 0) return ordered;
  const known = new Set(ordered.map(({ id }) => id));
  /** @type {Map<string, Row[]>} */
  const below = new Map();
  const waiting = ordered.filter((row) => {
    const container = row.id.replace(MEMBER, "");
    if (container === row.id || !known.has(container)) return true;
    const beside = below.get(container);
    if (beside) beside.push(row);
    else below.set(container, [row]);
    return false;
  });
  waiting.reverse();
  /** @type {Row[]} */
  const found = [];
  for (let row = waiting.pop(); row; row = waiting.pop()) {
    found.push(row);
    for (const member of (below.get(row.id) ?? []).reverse()) waiting.push(member);
  }
  return found;
}

/**
 * The rows that match, in the order in which they are shown.
 *
 * Unless they are sorted by a column: if all rows fit, failures come first and the others
 * keep the order of submission, so that nothing moves needlessly. Otherwise rows are
 * ordered by the attention they need; running documents would end up far below completed
 * ones.
 *
 * @param {Row[]} rows in the order of submission
 * @param {object} wanted
 * @param {Filter} wanted.filter
 * @param {Search} wanted.search
 * @param {Sort | null} wanted.sort
 * @param {string} [wanted.keptId] a document that is shown although it does not match
 * @returns {Row[]}
 */
export function arrange(rows, { filter, search, sort, keptId }) {
  const matching = rows.filter((row) => {
    if (row.id === keptId) return true;
    if (filter !== "all" && stateOf(row) !== filter && row.status !== filter) return false;
    return matches(row, search);
  });
  if (sort) return sortRows(matching, sort);
  const fits = rows.length <= VISIBLE_ROWS;
  /** @type {Row[][]} */
  const groups = STATES.map(() => []);
  for (const row of matching) {
    const state = stateOf(row);
    groups[fits && state !== "failed" ? 1 : STATES.indexOf(state)].push(row);
  }
  return groups.flat();
}
