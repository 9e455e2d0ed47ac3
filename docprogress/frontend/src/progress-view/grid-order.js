/**
 * The order of the grid's rows, which changes only when it disturbs nobody.
 *
 * No row moves under a pointer or the focus. Where a column's values change all the
 * time, rows are sorted again once a second.
 */

import { arrange } from "./arrangement.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").ViewState} ViewState */

/** Milliseconds that rows keep their places after a pointer or a key moved there. */
const HOLD = 15_000;

/** Milliseconds between two sortings by a column. */
const SORT_INTERVAL = 1000;

export function createGridOrder() {
  let key = "";
  let revision = -1;
  let sortedAt = -Infinity;
  let heldUntil = 0;
  let engaged = false;
  /** The arguments of the current order, to see whether they were replaced. */
  let found = /** @type {Set<string> | null} */ (null);

  const order = {
    /** @type {Row[]} */
    rows: [],
    /** Whether rows would be sorted differently by now. */
    paused: false,
    /** The pointer or a key has moved among the rows. */
    hold() {
      heldUntil = performance.now() + HOLD;
      engaged = true;
    },
    /** Neither the pointer nor the focus is on a row any more. */
    release() {
      heldUntil = 0;
      engaged = false;
    },
    /** Let the next update move rows, even under a pointer. */
    releaseOnce() {
      heldUntil = 0;
      sortedAt = -Infinity;
    },
    /**
     * @param {ViewState} state
     * @param {string} openedId the document whose details are open
     * @returns {"" | "updated" | "replaced"} whether the order was made anew, and whether it
     *   is of something else than before
     */
    update(state, openedId) {
      const { store, filter, search, sort } = state;
      const now = performance.now();
      const newKey = JSON.stringify([filter, search.query, sort]);
      const same = newKey === key && order.rows.length > 0;
      // The rows were replaced if the first is another object.
      const kept = same && store.rows.get(order.rows[0].index) === order.rows[0];
      const changed = revision !== store.revision || found !== search.found;
      if (kept && sort) {
        if (now < sortedAt + SORT_INTERVAL) return "";
        if (engaged && now >= sortedAt + SORT_INTERVAL && heldUntil) {
          sortedAt = now;
          const wanted = arrange(store.sorted(), { filter, search, sort, keptId: openedId });
          order.paused = wanted.some((row, position) => row !== order.rows[position]);
          return "";
        }
      } else if (kept && (!changed || now < heldUntil)) return "";
      else if (same && !changed) return "";
      order.rows = arrange(store.sorted(), {
        filter,
        search,
        sort,
        keptId: same ? openedId : "",
      });
      order.paused = false;
      const replaced = newKey !== key;
      key = newKey;
      revision = store.revision;
      found = search.found;
      sortedAt = now;
      return replaced ? "replaced" : "updated";
    },
  };
  return order;
}
