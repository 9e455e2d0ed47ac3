/** The documents: a pool of as many rows as can be seen, which are moved and redrawn. */

import {
  clamp,
  createElement,
  setAttribute,
  setHidden,
  setStyle,
  setText,
  suppressShortcuts,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { arrange, VISIBLE_ROWS } from "./arrangement.js";
import {
  createColumnShares,
  hasSeveralHosts,
  NARROW,
  ROW_HEIGHT,
  TALL_ROW_HEIGHT,
} from "./grid-layout.js";
import { createGridRow } from "./grid-row.js";
import { emptyText } from "./summary-text.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").ViewState} ViewState */

/** Rows beyond the edges that are drawn, so that scrolling never shows a gap. */
const OVERSCAN = 4;

/** Milliseconds that rows keep their places after a pointer or a key moved there. */
const HOLD = 15_000;

/** The titles of the columns, and the class of their cells. */
const COLUMNS = [
  ["State", "state"],
  ["Document", "name"],
  ["Progress", "progress"],
  ["Step", "step"],
  ["Message", "message"],
  ["Worker", "worker"],
  ["Time", "time"],
];

/**
 * @param {object} options
 * @param {AbortSignal} options.signal removes the listeners
 * @param {string} options.idPrefix
 * @param {(row: Row) => void} options.onOpen
 * @param {() => void} options.onDismiss
 * @param {() => void} options.scheduleDraw
 */
export function createGrid({ signal, idPrefix, onOpen, onDismiss, scheduleDraw }) {
  const headers = COLUMNS.map(([title, name], position) => {
    const header = withRole(createElement("span", `head-${name}`, title), "columnheader");
    header.setAttribute("aria-colindex", String(position + 1));
    return header;
  });
  const heading = withRole(createElement("div", "columns hidden-text", ...headers), "row");
  heading.setAttribute("aria-rowindex", "1");
  const body = withRole(createElement("div", "rows", heading), "rowgroup");
  const empty = createElement("p", "empty");
  const element = withRole(createElement("div", "grid", body, empty), "grid");
  element.setAttribute("aria-label", "Documents");
  element.setAttribute("aria-colcount", String(COLUMNS.length));
  element.tabIndex = 0;
  suppressShortcuts(element);

  /** @type {import("./grid-row.js").GridRow[]} */
  let pool = [];
  /** @type {Row[]} */
  let order = [];
  let orderKey = "";
  let revision = -1;
  let scrollTop = 0;
  let height = 0;
  let rowHeight = ROW_HEIGHT;
  const columnShares = createColumnShares();
  let heldUntil = 0;
  /** @type {Row | null} */
  let active = null;

  /**
   * @param {string} type
   * @param {() => void} listener
   */
  function listen(type, listener) {
    element.addEventListener(type, listener, { signal, passive: true });
  }

  function hold() {
    heldUntil = performance.now() + HOLD;
  }

  function release() {
    heldUntil = 0;
    scheduleDraw();
  }

  listen("scroll", () => {
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  for (const type of ["pointermove", "pointerdown", "keydown", "wheel"]) listen(type, hold);
  for (const type of ["pointerleave", "focusout"]) listen(type, release);
  listen("focusin", scheduleDraw);
  element.addEventListener("click", openClicked, { signal });
  element.addEventListener("keydown", handleKey, { signal });
  const observer = new ResizeObserver(() => {
    height = element.clientHeight;
    const before = rowHeight;
    rowHeight = element.offsetWidth > NARROW ? ROW_HEIGHT : TALL_ROW_HEIGHT;
    if (rowHeight !== before) element.scrollTop *= rowHeight / before;
    // An element that is removed from the page and inserted again loses its position.
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  observer.observe(element);

  /** @param {MouseEvent} event */
  function openClicked(event) {
    const target = /** @type {Node} */ (event.target);
    const row = pool.find((each) => each.element.contains(target))?.row;
    if (!row) return;
    active = row;
    onOpen(row);
  }

  /** @param {KeyboardEvent} event */
  function handleKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(height / rowHeight) - 1, 1);
    const position = active ? order.indexOf(active) : -1;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowDown: position + 1,
      ArrowUp: Math.max(position, 1) - 1,
      PageDown: position + page,
      PageUp: position - page,
      Home: 0,
      End: order.length - 1,
    };
    if (event.key in moves) moveTo(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && active) onOpen(active);
    else if (event.key === "Escape") onDismiss();
    else return;
    event.preventDefault();
  }

  /** @param {number} wanted */
  function moveTo(wanted) {
    const position = clamp(wanted, 0, order.length - 1);
    active = order[position] ?? null;
    const above = position * rowHeight;
    const below = above + rowHeight;
    if (above < scrollTop) element.scrollTop = above;
    else if (below > scrollTop + height) element.scrollTop = below - height;
    scrollTop = element.scrollTop;
    scheduleDraw();
  }

  /** @param {ViewState} state */
  function updateOrder({ store, filter, query }) {
    const key = `${filter} ${query}`;
    const sorted = store.sorted();
    const unchanged = key === orderKey && order.length > 0;
    if (unchanged && revision === store.revision) return;
    // No row moves under a pointer, unless the rows were replaced.
    const current = unchanged && store.rows.get(order[0].index) === order[0];
    if (current && performance.now() < heldUntil) return;
    if (key !== orderKey) element.scrollTop = scrollTop = 0;
    orderKey = key;
    revision = store.revision;
    order = arrange(sorted, filter, query);
    const shares = columnShares.measure(sorted);
    setStyle(element, "--docprogress-names", `${shares.names}fr`);
    setStyle(element, "--docprogress-messages", `${shares.messages}fr`);
    toggleClass(element, "several-hosts", hasSeveralHosts(sorted));
    if (active) active = store.rows.get(active.index) ?? null;
  }

  /** @param {number} size */
  function resizePool(size) {
    while (pool.length < size) {
      const row = createGridRow(`${idPrefix}-${pool.length}`);
      pool.push(row);
      body.append(row.element);
    }
    for (const row of pool.splice(size)) row.element.remove();
  }

  /**
   * @param {ViewState} state
   * @param {string} openedId the document whose details are open
   */
  function draw(state, openedId) {
    setHidden(element, state.store.single || !state.summary);
    if (element.hidden) return;
    updateOrder(state);
    const long = order.length > VISIBLE_ROWS;
    toggleClass(element, "long", long);
    setStyle(element, "max-height", long ? `${order.length * rowHeight}px` : "none");
    setStyle(body, "height", `${order.length * rowHeight}px`);
    setAttribute(element, "aria-rowcount", order.length + 1);
    setStyle(element, "--docprogress-row", `${rowHeight}px`);
    setText(empty, order.length ? "" : emptyText(state));
    setHidden(empty, order.length > 0);

    const visible = Math.ceil((height || VISIBLE_ROWS * rowHeight) / rowHeight) + 1;
    const size = Math.min(visible + 2 * OVERSCAN, order.length);
    resizePool(size);
    const top = Math.floor(scrollTop / rowHeight) - OVERSCAN;
    const first = clamp(top, 0, order.length - size);
    let activeId = "";
    for (let position = first; position < first + size; position += 1) {
      const row = order[position];
      const { element: drawn, draw: drawRow } = pool[position % size];
      drawRow(row, { position, height: rowHeight, opened: row.id === openedId }, state.now);
      toggleClass(drawn, "active", row === active);
      setAttribute(drawn, "aria-selected", row.id === openedId);
      if (row === active) activeId = drawn.id;
    }
    if (activeId) setAttribute(element, "aria-activedescendant", activeId);
    else element.removeAttribute("aria-activedescendant");
  }

  return {
    element,
    draw,
    /** Let the next drawing move rows, even under a pointer. */
    releaseRows() {
      heldUntil = 0;
    },
    close() {
      observer.disconnect();
      pool = [];
      order = [];
    },
  };
}
