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
  withRole,
} from "../shared/dom.js";
import { createIcon, setIcon } from "../shared/icons.js";
import { MAX_CELL, sentence, setName, singleLine, truncate } from "../shared/text.js";
import { ROW_HEIGHT } from "./grid-layout.js";
import { attemptOf, detailOf, messageOf, timeOf } from "./row-text.js";
import { nameOf, percentOf, stateOf } from "./status.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {ReturnType<typeof createGridRow>} GridRow */

/**
 * Where a row is drawn.
 *
 * @typedef {object} RowPlace
 * @property {number} position
 * @property {number} height of each row, in pixels
 * @property {boolean} opened whether its details are shown
 */

/** @param {string} id */
export function createGridRow(id) {
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
  const cells = [state, name, progress, step, message, worker, time];
  // Some are hidden where there is no room, so each says which column it is.
  cells.forEach((cell, position) => cell.setAttribute("aria-colindex", String(position + 1)));
  const element = withRole(createElement("div", "row", ...cells), "row");
  element.id = id;

  const gridRow = {
    element,
    /** @type {Row | null} */
    row: null,
    /**
     * @param {Row} row
     * @param {RowPlace} place
     * @param {number} now
     */
    draw(row, { position, height, opened }, now) {
      gridRow.row = row;
      const rowState = stateOf(row);
      setStyle(element, "transform", `translateY(${position * height}px)`);
      setAttribute(element, "aria-rowindex", position + 2);
      setAttribute(element, "data-state", rowState);
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
      setText(text, truncate(detail, MAX_CELL) || (height > ROW_HEIGHT ? sentence(rowState) : ""));
      setTitle(message, rowState === "failed" ? messageOf(row) : detail);
      setText(number, attemptOf(row));
      setHidden(attempt, !number.textContent);
      const hasStep = row.status === "processing" || row.status === "failed";
      setText(step, hasStep ? truncate(singleLine(row.step), 60) : "");
      setText(worker, truncate(singleLine(row.worker ?? ""), 60));
      setText(time, timeOf(row, now));
    },
  };
  return gridRow;
}
