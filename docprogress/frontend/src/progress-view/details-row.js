/** The row below a document in which its details are shown. */

import { createElement, setAttribute, setHidden, setStyle, withRole } from "../shared/dom.js";
import { COLUMNS } from "./columns.js";

/**
 * @param {string} id
 * @param {() => void} onResize
 */
export function createDetailsRow(id, onResize) {
  const cell = withRole(createElement("div", "details-cell"), "gridcell");
  cell.setAttribute("aria-colindex", "1");
  cell.setAttribute("aria-colspan", String(COLUMNS.length));
  const element = withRole(createElement("div", "details-row", cell), "row");
  element.id = id;
  element.hidden = true;
  /** Where the document is above it; -1 if none is open. */
  let position = -1;
  let measured = 0;
  let rowHeight = 1;
  let grown = false;

  const observer = new ResizeObserver(() => {
    if (element.offsetHeight === measured) return;
    grown ||= element.offsetHeight > measured;
    measured = element.offsetHeight;
    onResize();
  });
  observer.observe(element);

  return {
    element,
    /** @param {HTMLElement} panel */
    place(panel) {
      if (panel.parentElement !== cell) cell.append(panel);
    },
    get height() {
      return position < 0 ? 0 : measured;
    },
    /**
     * How much of the details lies above a row.
     *
     * @param {number} row
     */
    heightAbove(row) {
      return position >= 0 && row > position ? measured : 0;
    },
    /**
     * A distance from the top, as if no details were shown.
     *
     * @param {number} distance
     */
    withoutDetails(distance) {
      if (position < 0) return distance;
      return Math.max(Math.min(distance, (position + 1) * rowHeight), distance - measured);
    },
    /** Whether the details have grown since this was last asked. */
    takeGrowth() {
      const result = grown && position >= 0;
      grown = false;
      return result;
    },
    /**
     * @param {number} opened the position of the document; -1 if none is open
     * @param {number} height of each row
     */
    draw(opened, height) {
      position = opened;
      rowHeight = height;
      setHidden(element, opened < 0);
      if (opened < 0) measured = 0;
      else {
        setStyle(element, "transform", `translateY(${(opened + 1) * height}px)`);
        setAttribute(element, "aria-rowindex", opened + 3);
      }
    },
    close() {
      observer.disconnect();
    },
  };
}
