/** One row of the grid's pool, redrawn for whichever document is scrolled there. */

import {
  clamp,
  createElement,
  rounded,
  setAttribute,
  setHidden,
  setProgress,
  setStyle,
  setText,
  setTitle,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { createIcon, setIcon } from "../shared/icons.js";
import { MAX_CELL, sentence, setName, singleLine, truncate } from "../shared/text.js";
import { COLUMNS } from "./columns.js";
import { attemptOf, detailOf, messageOf, stepOf, timeOf } from "./row-text.js";
import { nameOf, percentOf, stateOf } from "./status.js";

/** @typedef {import("./columns.js").ColumnKey} ColumnKey */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {ReturnType<typeof createGridRow>} GridRow */

/**
 * How a row is drawn.
 *
 * @typedef {object} RowPlace
 * @property {number} position
 * @property {number} top in pixels
 * @property {number} rowIndex for accessibility
 * @property {boolean} narrow whether the message has a line of its own
 * @property {boolean} opened whether its details are shown
 * @property {boolean} selected
 * @property {number} now
 * @property {ColumnKey | null} activeKey the cell that the keys have reached
 */

/** @param {string} id */
export function createGridRow(id) {
  const check = withRole(createElement("span", "check"), "checkbox");
  const select = withRole(createElement("div", "select", check), "gridcell");
  const icon = createIcon();
  const state = withRole(createElement("div", "state", icon), "gridcell");
  const name = withRole(createElement("div", "name"), "gridcell");
  const fill = createElement("div", "fill");
  const bar = withRole(createElement("div", "bar segmented", fill), "progressbar");
  const percent = createElement("span", "percent");
  const progress = withRole(createElement("div", "progress", bar, percent), "gridcell");
  const step = withRole(createElement("div", "step"), "gridcell");
  const number = createElement("span");
  const word = createElement("span", "word", "attempt ");
  const attempt = createElement("span", "attempt", word, number);
  const text = createElement("span", "message-text");
  text.dir = "auto";
  const message = withRole(createElement("div", "message", attempt, text), "gridcell");
  const worker = withRole(createElement("div", "worker"), "gridcell");
  const time = withRole(createElement("div", "time"), "gridcell");
  /** @type {Record<ColumnKey, HTMLElement>} */
  const cells = { select, state, name, progress, step, message, worker, time };
  // Some are hidden where there is no room, so each says which column it is.
  COLUMNS.forEach(({ key }, position) => {
    cells[key].id = `${id}-${key}`;
    cells[key].setAttribute("aria-colindex", String(position + 1));
  });
  const element = withRole(createElement("div", "row", ...Object.values(cells)), "row");
  element.id = id;

  const gridRow = {
    element,
    /** @type {Row | null} */
    row: null,
    /** @param {ColumnKey} key */
    cellId(key) {
      return `${id}-${key}`;
    },
    /**
     * @param {Row} row
     * @param {RowPlace} place
     */
    draw(row, { top, rowIndex, narrow, opened, selected, now, activeKey }) {
      gridRow.row = row;
      const rowState = stateOf(row);
      setStyle(element, "transform", `translateY(${top}px)`);
      setAttribute(element, "aria-rowindex", rowIndex);
      setAttribute(element, "data-state", rowState);
      setAttribute(element, "aria-selected", selected);
      setAttribute(check, "aria-checked", selected);
      setAttribute(check, "aria-label", `Select ${truncate(nameOf(row), 80)}`);
      toggleClass(element, "opened", opened);
      toggleClass(element, "active", activeKey !== null);
      for (const { key } of COLUMNS) toggleClass(cells[key], "active-cell", key === activeKey);
      setIcon(icon, rowState);
      setAttribute(state, "aria-label", rowState);
      setName(name, nameOf(row));
      setAttribute(name, "aria-expanded", opened);
      const share = clamp(row.progress, 0, 100);
      setStyle(fill, "transform", `translateX(${rounded(share - 100)}%)`);
      setText(percent, rowState === "queued" ? "" : percentOf(row));
      setProgress(bar, share, `${rowState}, ${percentOf(row)}`);
      setAttribute(bar, "aria-label", truncate(nameOf(row), 80));
      const detail = detailOf(row, now);
      setText(text, truncate(detail, MAX_CELL) || (narrow ? sentence(rowState) : ""));
      setTitle(message, rowState === "failed" ? messageOf(row) : detail);
      setText(number, attemptOf(row));
      setHidden(attempt, !number.textContent);
      setText(step, stepOf(row));
      setText(worker, truncate(singleLine(row.worker ?? ""), 60));
      setText(time, timeOf(row, now));
    },
  };
  return gridRow;
}
