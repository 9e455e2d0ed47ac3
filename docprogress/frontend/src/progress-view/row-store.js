/** The newest summary, and every row by its index. */

import { nested } from "./arrangement.js";
import { stateOf } from "./status.js";

/** @typedef {import("./types.js").Delta} Delta */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").RowChange} RowChange */
/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").Summary} Summary */
/** @typedef {ReturnType<typeof createRowStore>} RowStore */

/** @type {Omit<Row, "index" | "id" | "name" | "status">} fields that a row may omit */
const DEFAULTS = {
  step: "",
  progress: 0,
  message: "",
  error: null,
  attempt: null,
  attempts: null,
  current: null,
  total: null,
  unit: null,
  worker: null,
  elapsed: null,
  stalled: false,
  silent: null,
};

/** Milliseconds by which a start may move before the row's clock follows. */
const CLOCK_TOLERANCE = 1000;

export function createRowStore() {
  /** @type {Map<number, Row>} */
  const rows = new Map();
  /** @type {Map<string, Row>} */
  const rowsById = new Map();
  /** @type {Row[] | null} */
  let sorted = null;
  const store = {
    /** @type {Summary | null} */
    summary: null,
    /** Increases whenever the position of a row may change. */
    revision: 0,
    rows,
    /** The rows in the order of submission, members below their container. */
    sorted() {
      sorted ??= nested(rows.values());
      return sorted;
    },
    /** @param {string} id */
    byId(id) {
      return rowsById.get(id);
    },
    get single() {
      return rows.size === 1 && (store.summary?.total ?? 0) <= 1;
    },
    /** @param {Delta} delta */
    update({ summary, rows: changes }) {
      const now = performance.now();
      store.summary = { ...summary, receivedAt: summary.receivedAt ?? now };
      for (const change of changes) {
        const known = rows.get(change.index);
        if (!known && !isComplete(change)) continue;
        const before = known && stateOf(known);
        const row = known ?? /** @type {Row} */ ({ ...DEFAULTS, ...change });
        if (known) {
          // A file gets another id once the server has it.
          if (rowsById.get(known.id) === known) rowsById.delete(known.id);
          Object.assign(known, change);
          rowsById.set(known.id, known);
        } else {
          rows.set(row.index, row);
          rowsById.set(row.id, row);
          sorted = null;
        }
        startClocks(row, change, now);
        if (before !== stateOf(row)) store.revision += 1;
      }
    },
    /** @param {Snapshot} snapshot */
    replace(snapshot) {
      rows.clear();
      rowsById.clear();
      sorted = null;
      store.revision += 1;
      store.update(snapshot);
    },
  };
  return store;
}

/**
 * Whether a change has all fields that a new row needs.
 *
 * @param {RowChange} change
 * @returns {change is Row}
 */
function isComplete(change) {
  return change.id !== undefined && change.name !== undefined && change.status !== undefined;
}

/**
 * Convert durations to points on the page's clock. Differences in latency do not make
 * a clock jump.
 *
 * @param {Row} row
 * @param {RowChange} change
 * @param {number} now
 */
function startClocks(row, change, now) {
  if (typeof change.elapsed === "number" && change.startedAt === undefined) {
    const startedAt = now - change.elapsed * 1000;
    const moved = Math.abs((row.startedAt ?? -Infinity) - startedAt);
    if (moved > CLOCK_TOLERANCE) row.startedAt = startedAt;
  }
  if (typeof change.silent === "number" && change.silentSince === undefined) {
    row.silentSince = now - change.silent * 1000;
  }
}
