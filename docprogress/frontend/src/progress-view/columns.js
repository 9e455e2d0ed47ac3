/** The columns of the grid, and how documents are sorted by them. */

import { singleLine } from "../shared/text.js";
import { messageOf, stepOf } from "./row-text.js";
import { STATES, stateOf } from "./status.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Sort} Sort */

/** @typedef {"select" | "state" | "name" | "progress" | "step" | "message" | "worker" | "time"} ColumnKey */

/**
 * @typedef {object} Column
 * @property {ColumnKey} key also the class of its cells
 * @property {string} title
 * @property {((row: Row) => string | number | null) | null} value by which documents are
 *   sorted; an empty one comes last
 */

/** @type {Column[]} */
export const COLUMNS = [
  { key: "select", title: "Selection", value: null },
  { key: "state", title: "State", value: (row) => STATES.indexOf(stateOf(row)) },
  { key: "name", title: "Document", value: ({ name }) => singleLine(name) },
  { key: "progress", title: "Progress", value: progressOf },
  { key: "step", title: "Step", value: stepOf },
  { key: "message", title: "Message", value: messageOf },
  { key: "worker", title: "Worker", value: ({ worker }) => worker },
  { key: "time", title: "Time", value: elapsedOf },
];

/** Numbers in names count as numbers: "page 9" comes before "page 10". */
const COLLATOR = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** @param {Row} row */
function progressOf({ progress, status }) {
  return status === "queued" && progress === 0 ? null : progress;
}

/**
 * A row's time, as it is compared with those of others.
 *
 * Of a running document it is the time since a start that all clocks share, so that the
 * order of running documents does not depend on when their rows were sent.
 *
 * @param {Row} row
 */
function elapsedOf(row) {
  if (row.status === "queued") return null;
  if (row.status !== "processing" || row.startedAt === undefined) return row.elapsed;
  return (performance.now() - row.startedAt) / 1000;
}

/**
 * The sort order after a column's header was used: ascending, descending, none.
 *
 * @param {Sort | null} sort
 * @param {ColumnKey} key
 * @returns {Sort | null}
 */
export function nextSort(sort, key) {
  if (sort?.key !== key) return { key, descending: false };
  return sort.descending ? null : { key, descending: true };
}

/**
 * Documents in the order of a column. What is equal keeps its order.
 *
 * @param {Row[]} rows
 * @param {Sort} sort
 * @returns {Row[]}
 */
export function sortRows(rows, { key, descending }) {
  const value = COLUMNS.find((column) => column.key === key)?.value;
  if (!value) return rows;
  const direction = descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: value(row) }))
    .sort((one, other) => {
      const empty = Number(isEmpty(one.value)) - Number(isEmpty(other.value));
      return empty || direction * compare(one.value, other.value);
    })
    .map(({ row }) => row);
}

/** @param {string | number | null} value */
function isEmpty(value) {
  return value === null || value === "";
}

/**
 * @param {string | number | null} one
 * @param {string | number | null} other
 */
function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return COLLATOR.compare(String(one ?? ""), String(other ?? ""));
}
