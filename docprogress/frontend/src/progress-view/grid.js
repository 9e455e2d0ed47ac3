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
import { VISIBLE_ROWS } from "./arrangement.js";
import { COLUMNS, nextSort } from "./columns.js";
import { createDetailsRow } from "./details-row.js";
import { createGridHeader } from "./grid-header.js";
import { handleGridKey } from "./grid-keys.js";
import {
  createColumnShares,
  hasSeveralHosts,
  HEADER_HEIGHT,
  NARROW,
  ROW_HEIGHT,
  TALL_ROW_HEIGHT,
} from "./grid-layout.js";
import { createGridOrder } from "./grid-order.js";
import { createGridRow } from "./grid-row.js";
import { emptyText, isEmpty } from "./summary-text.js";

/** @typedef {import("./columns.js").ColumnKey} ColumnKey */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Sort} Sort */
/** @typedef {import("./types.js").ViewState} ViewState */

/** Rows beyond the edges that are drawn, so that scrolling never shows a gap. */
const OVERSCAN = 4;

/**
 * @param {object} options
 * @param {AbortSignal} options.signal removes the listeners
 * @param {string} options.idPrefix
 * @param {ReturnType<typeof import("./selection.js").createSelection>} options.selection
 * @param {(row: Row) => void} options.onOpen
 * @param {() => boolean} options.onDismiss returns whether anything was closed
 * @param {(sort: Sort | null) => void} options.onSort
 * @param {() => void} options.onSearch moves the focus to the search
 * @param {() => void} options.onHelp
 * @param {() => void} options.scheduleDraw
 */
export function createGrid(options) {
  const { signal, idPrefix, selection, onOpen, onDismiss, onSort, scheduleDraw } = options;
  const header = createGridHeader(idPrefix);
  const details = createDetailsRow(`${idPrefix}-details`, scheduleDraw);
  const body = withRole(createElement("div", "rows", details.element), "rowgroup");
  const empty = createElement("p", "empty");
  const element = withRole(createElement("div", "grid", header.element, body, empty), "grid");
  element.setAttribute("aria-label", "Documents");
  element.setAttribute("aria-colcount", String(COLUMNS.length));
  element.setAttribute("aria-multiselectable", "true");
  element.tabIndex = 0;
  suppressShortcuts(element);

  /** @type {import("./grid-row.js").GridRow[]} */
  let pool = [];
  const order = createGridOrder();
  /** @type {Sort | null} */
  let sort = null;
  let scrollTop = 0;
  let height = 0;
  let rowHeight = ROW_HEIGHT;
  const columnShares = createColumnShares();
  /** The row that the keys have reached; null on the headers. @type {Row | null} */
  let active = null;
  /** Where it was when it was last drawn. */
  let activePosition = 0;
  /** @type {ColumnKey | null} null before any key was pressed */
  let activeKey = null;

  /**
   * @param {string} type
   * @param {() => void} listener
   */
  function listen(type, listener) {
    element.addEventListener(type, listener, { signal, passive: true });
  }

  listen("scroll", () => {
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  for (const type of ["pointermove", "pointerdown", "keydown", "wheel"]) listen(type, order.hold);
  for (const type of ["pointerleave", "focusout"]) {
    listen(type, () => {
      order.release();
      scheduleDraw();
    });
  }
  listen("focusin", scheduleDraw);
  element.addEventListener("click", handleClick, { signal });
  element.addEventListener("mousedown", keepTextUnselected, { signal });
  element.addEventListener(
    "keydown",
    (event) => {
      // The details have keys of their own.
      if (event.target === element && handleGridKey(event, keyActions)) event.preventDefault();
    },
    { signal },
  );
  const observer = new ResizeObserver(() => {
    height = element.clientHeight - HEADER_HEIGHT;
    measureRows();
    // An element that is removed from the page and inserted again loses its position.
    scrollTop = element.scrollTop;
    scheduleDraw();
  });
  observer.observe(element);

  function measureRows() {
    if (!element.offsetWidth) return;
    const before = rowHeight;
    rowHeight = element.offsetWidth > NARROW ? ROW_HEIGHT : TALL_ROW_HEIGHT;
    if (rowHeight !== before) element.scrollTop *= rowHeight / before;
  }

  /** @param {ColumnKey} key */
  function sortBy(key) {
    if (key === "select") toggleAll();
    else onSort(nextSort(sort, key));
  }

  function toggleAll() {
    const all = order.rows.length > 0 && order.rows.every(({ id }) => selection.has(id));
    if (all) selection.removeAll(order.rows);
    else selection.addAll(order.rows);
  }

  /**
   * A click with Shift selects documents, not the text between two clicks.
   *
   * @param {MouseEvent} event
   */
  function keepTextUnselected(event) {
    const target = /** @type {Element} */ (event.target);
    if (!event.shiftKey || !target.closest(".dp-row")) return;
    event.preventDefault();
    element.focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  function handleClick(event) {
    const target = /** @type {Element} */ (event.target);
    const head = header.keyAt(target);
    if (head) sortBy(head);
    const row = pool.find((each) => each.element.contains(target))?.row;
    if (!row) return;
    active = row;
    activePosition = order.rows.indexOf(row);
    activeKey ??= "name";
    if (event.shiftKey) selection.extendTo(row, order.rows);
    else if (event.ctrlKey || event.metaKey || target.closest(".dp-select")) selection.toggle(row);
    else onOpen(row);
  }

  /** @type {import("./grid-keys.js").GridActions} */
  const keyActions = {
    pageSize: () => Math.max(Math.floor(height / rowHeight) - 1, 1),
    moveBy(rows, extend) {
      const position = active ? order.rows.indexOf(active) : -1;
      // Up from the first row lie the headers, which are no part of a selection.
      if (position === 0 && rows === -1 && !extend) {
        active = null;
        scheduleDraw();
      } else moveTo(position < 0 ? Math.max(rows - 1, 0) : position + rows, extend);
    },
    moveTo(position, extend) {
      moveTo(position < 0 ? order.rows.length - 1 : position, extend);
    },
    moveAcross(columns) {
      const keys = header.visibleKeys();
      const position = keys.indexOf(activeKey ?? "name");
      activeKey = keys[clamp(position + columns, 0, keys.length - 1)];
      scheduleDraw();
    },
    open() {
      if (active && activeKey === "select") selection.toggle(active);
      else if (active) onOpen(active);
      else if (activeKey) sortBy(activeKey);
    },
    select() {
      if (active) selection.toggle(active);
      else if (activeKey) sortBy(activeKey);
    },
    selectAll: () => selection.addAll(order.rows),
    dismiss() {
      if (!onDismiss()) order.release();
      scheduleDraw();
    },
    search: options.onSearch,
    help: options.onHelp,
  };

  /**
   * @param {number} wanted
   * @param {boolean} extend
   */
  function moveTo(wanted, extend) {
    const position = clamp(wanted, 0, order.rows.length - 1);
    if (extend && active && !selection.size) selection.toggle(active);
    active = order.rows[position] ?? null;
    activePosition = position;
    activeKey ??= "name";
    if (extend && active) selection.extendTo(active, order.rows);
    const above = position * rowHeight + details.heightAbove(position);
    reveal(above, above + rowHeight);
    scheduleDraw();
  }

  /**
   * @param {number} above
   * @param {number} below
   */
  function reveal(above, below) {
    if (above < scrollTop) element.scrollTop = above;
    else if (below > scrollTop + height) element.scrollTop = Math.min(below - height, above);
    scrollTop = element.scrollTop;
  }

  /**
   * @param {ViewState} state
   * @param {string} openedId
   */
  function updateOrder(state, openedId) {
    sort = state.sort;
    const result = order.update(state, openedId);
    if (!result) return;
    if (result === "replaced") element.scrollTop = scrollTop = 0;
    if (active) followActive(state.store.rows.get(active.index));
    const all = state.store.sorted();
    const shares = columnShares.measure(all, state.now);
    setStyle(element, "--docprogress-names", `${shares.names}fr`);
    setStyle(element, "--docprogress-name-width", `${shares.nameWidth}px`);
    setStyle(element, "--docprogress-messages", `${shares.messages}fr`);
    toggleClass(element, "several-hosts", hasSeveralHosts(all));
  }

  /**
   * Keep the focus on a document: where it is gone, on the one that took its place.
   *
   * @param {Row | undefined} row
   */
  function followActive(row) {
    const position = row ? order.rows.indexOf(row) : -1;
    if (position >= 0) activePosition = position;
    active = order.rows[Math.min(activePosition, order.rows.length - 1)] ?? null;
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
    setHidden(element, state.store.single || !state.summary || isEmpty(state));
    if (element.hidden) return;
    if (!pool.length) measureRows();
    updateOrder(state, openedId);
    const { rows } = order;
    const opened = openedId ? rows.findIndex(({ id }) => id === openedId) : -1;
    details.draw(opened, rowHeight);
    const total = rows.length * rowHeight + details.height;
    const long = rows.length > VISIBLE_ROWS;
    toggleClass(element, "long", long);
    setStyle(element, "max-height", long ? `${total + HEADER_HEIGHT}px` : "none");
    setStyle(body, "height", `${total}px`);
    setStyle(element, "--docprogress-row", `${rowHeight}px`);
    setStyle(element, "--docprogress-panel", `${details.height}px`);
    setAttribute(element, "aria-rowcount", rows.length + (opened < 0 ? 1 : 2));
    setText(empty, rows.length ? "" : emptyText(state));
    setHidden(empty, rows.length > 0);
    if (details.takeGrowth()) reveal(opened * rowHeight, (opened + 1) * rowHeight + details.height);

    const visible = Math.ceil((height > 0 ? height : VISIBLE_ROWS * rowHeight) / rowHeight) + 1;
    const size = Math.min(visible + 2 * OVERSCAN, rows.length);
    resizePool(size);
    const top = Math.floor(details.withoutDetails(scrollTop) / rowHeight) - OVERSCAN;
    const first = clamp(top, 0, rows.length - size);
    let activeId = active || !activeKey ? "" : header.idOf(activeKey);
    const ids = [];
    for (let position = first; position < first + size; position += 1) {
      const row = rows[position];
      const drawn = pool[position % size];
      drawn.draw(row, {
        position,
        top: position * rowHeight + details.heightAbove(position),
        rowIndex: position + (opened >= 0 && position > opened ? 3 : 2),
        narrow: rowHeight > ROW_HEIGHT,
        opened: position === opened,
        selected: selection.has(row.id),
        now: state.now,
        activeKey: row === active ? activeKey : null,
      });
      if (row === active && activeKey) activeId = drawn.cellId(activeKey);
      ids.push(drawn.element.id);
      if (position === opened) ids.push(details.element.id);
    }
    // Rows are drawn in any order; this is the order in which they are read.
    setAttribute(body, "aria-owns", ids.join(" "));
    if (activeId) setAttribute(element, "aria-activedescendant", activeId);
    else element.removeAttribute("aria-activedescendant");
    const count = rows.filter(({ id }) => selection.has(id)).length;
    header.draw({
      sort,
      paused: order.paused,
      activeKey: active ? null : activeKey,
      allSelected: count === 0 ? "false" : count === rows.length ? "true" : "mixed",
    });
    toggleClass(element, "selecting", selection.size > 0);
  }

  return {
    element,
    draw,
    details,
    /** The documents that are listed now, in their order. */
    listed: () => order.rows,
    /** Let the next drawing move rows, even under a pointer. */
    releaseRows: order.releaseOnce,
    close() {
      observer.disconnect();
      details.close();
      pool = [];
      order.rows = [];
    },
  };
}
