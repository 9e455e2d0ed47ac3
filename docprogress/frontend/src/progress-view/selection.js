/** The documents that are selected, by their ids: rows may move and change. */

/** @typedef {import("./types.js").Row} Row */

/** @param {() => void} onChange */
export function createSelection(onChange) {
  /** @type {Set<string>} */
  const ids = new Set();
  /** Where a range begins. */
  let anchor = "";
  /** What the newest range has added, which another range from there replaces. */
  let extended = /** @type {string[]} */ ([]);

  const selection = {
    get size() {
      return ids.size;
    },
    /** @param {string} id */
    has(id) {
      return ids.has(id);
    },
    /** @param {Row} row */
    toggle({ id }) {
      if (!ids.delete(id)) ids.add(id);
      anchor = id;
      extended = [];
      onChange();
    },
    /**
     * Select the documents from the last one that was toggled to this one.
     *
     * @param {Row} row
     * @param {Row[]} order
     */
    extendTo(row, order) {
      const to = order.indexOf(row);
      const from = order.findIndex(({ id }) => id === anchor);
      if (to < 0) return;
      const [first, last] = from < 0 ? [to, to] : [Math.min(from, to), Math.max(from, to)];
      for (const id of extended) ids.delete(id);
      const range = order.slice(first, last + 1).map(({ id }) => id);
      extended = range.filter((id) => !ids.has(id));
      for (const id of extended) ids.add(id);
      if (from < 0) {
        anchor = row.id;
        extended = [];
      }
      onChange();
    },
    /** @param {Row[]} rows */
    addAll(rows) {
      for (const { id } of rows) ids.add(id);
      extended = [];
      onChange();
    },
    /** @param {Row[]} rows */
    removeAll(rows) {
      for (const { id } of rows) ids.delete(id);
      extended = [];
      onChange();
    },
    clear() {
      ids.clear();
      anchor = "";
      extended = [];
      onChange();
    },
    /**
     * The selected rows, without documents that are gone, in the given order.
     *
     * @param {Iterable<Row>} rows
     */
    of(rows) {
      return ids.size ? [...rows].filter(({ id }) => ids.has(id)) : [];
    },
  };
  return selection;
}
