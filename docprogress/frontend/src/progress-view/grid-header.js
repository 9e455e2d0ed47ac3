/** The headers of the grid's columns, by which documents are sorted. */

import { createElement, setAttribute, setText, setTitle, toggleClass, withRole } from "../shared/dom.js";
import { COLUMNS } from "./columns.js";

/** @typedef {import("./columns.js").ColumnKey} ColumnKey */
/** @typedef {import("./types.js").Sort} Sort */

/** @param {string} idPrefix */
export function createGridHeader(idPrefix) {
  const check = withRole(createElement("span", "check"), "checkbox");
  check.setAttribute("aria-label", "Select all that are listed");
  const headers = COLUMNS.map(({ key, title, value }, position) => {
    const arrow = createElement("span", "arrow");
    arrow.setAttribute("aria-hidden", "true");
    const children = value ? [createElement("span", "head-title", title), arrow] : [check];
    const element = withRole(createElement("div", `head head-${key}`, ...children), "columnheader");
    element.id = `${idPrefix}-head-${key}`;
    element.setAttribute("aria-colindex", String(position + 1));
    if (value) setTitle(element, `Sort by ${title.toLowerCase()}`);
    return { key, title, element, arrow, sorts: value !== null };
  });
  const row = withRole(
    createElement("div", "columns", ...headers.map((header) => header.element)),
    "row",
  );
  row.setAttribute("aria-rowindex", "1");

  return {
    element: withRole(createElement("div", "head-group", row), "rowgroup"),
    /** The columns that are displayed at this width. */
    visibleKeys() {
      const visible = headers.filter(({ element }) => element.offsetWidth > 0);
      // Where nothing is laid out, nothing has a width.
      return (visible.length ? visible : headers).map(({ key }) => key);
    },
    /** @param {ColumnKey} key */
    idOf(key) {
      return `${idPrefix}-head-${key}`;
    },
    /**
     * The column whose header contains a node.
     *
     * @param {Node} node
     */
    keyAt(node) {
      return headers.find(({ element }) => element.contains(node))?.key ?? null;
    },
    /**
     * @param {object} state
     * @param {Sort | null} state.sort
     * @param {boolean} state.paused whether the order is out of date
     * @param {ColumnKey | null} state.activeKey
     * @param {"true" | "false" | "mixed"} state.allSelected
     */
    draw({ sort, paused, activeKey, allSelected }) {
      setAttribute(check, "aria-checked", allSelected);
      for (const { key, title, element, arrow, sorts } of headers) {
        toggleClass(element, "active-cell", key === activeKey);
        if (!sorts) continue;
        const sorted = sort?.key === key;
        const direction = sort?.descending ? "descending" : "ascending";
        setAttribute(element, "aria-sort", sorted ? direction : "none");
        setText(arrow, sorted ? (sort.descending ? "↓" : "↑") : "");
        toggleClass(element, "paused", sorted && paused);
        setTitle(
          element,
          sorted && paused
            ? "The order is updated when neither the pointer nor the focus is on a document"
            : `Sort by ${title.toLowerCase()}`,
        );
      }
    },
  };
}
