/**
 * The progress view: draws rows and a summary, wherever they come from.
 *
 * It draws what was received last. Nothing moves by itself except clocks, and these
 * stop when the sender falls silent.
 */

import {
  createElement,
  setAttribute,
  setText,
  suppressShortcuts,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { singleLine } from "../shared/text.js";
import { createActions } from "./actions.js";
import { VISIBLE_ROWS } from "./arrangement.js";
import { createBulkBar } from "./bulk-bar.js";
import { createDetailsPanel } from "./details-panel.js";
import { createGrid } from "./grid.js";
import { createHeader } from "./header.js";
import { createHeartbeat } from "./heartbeat.js";
import { createHelp } from "./help.js";
import { createRowStore } from "./row-store.js";
import { createSearch } from "./search.js";
import { createSelection } from "./selection.js";

/** @typedef {import("./types.js").Filter} Filter */
/** @typedef {import("./types.js").Options} Options */
/** @typedef {import("./types.js").ProgressView} ProgressView */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Sort} Sort */
/** @typedef {import("./types.js").ViewState} ViewState */

/** Milliseconds between two announcements to screen readers. */
const ANNOUNCEMENT_INTERVAL = 10_000;

/**
 * Draw a view into `element`.
 *
 * @param {HTMLElement} element gets one child, which `close` removes
 * @param {Options} [options]
 * @returns {ProgressView}
 */
export function createProgressView(element, options = {}) {
  const { sender = "kernel" } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const store = createRowStore();
  const heartbeat = createHeartbeat();
  let frame = 0;
  /** @type {Filter} */
  let filter = "all";
  /** @type {Sort | null} */
  let sort = null;
  const idPrefix = `docprogress-${Math.random().toString(36).slice(2)}`;
  const selection = createSelection(scheduleDraw);
  const search = createSearch({
    onSearch: options.onSearch,
    onChange() {
      grid.releaseRows();
      scheduleDraw();
    },
  });

  const actions = createActions({
    store,
    sender,
    isLost: heartbeat.isLost,
    onAction: options.onAction,
    onChange: scheduleDraw,
  });
  const bulkBar = createBulkBar({
    signal,
    store,
    selection,
    listed: () => grid.listed(),
    onAction: actions.request,
    onChange: scheduleDraw,
    onErrors: options.onErrors,
  });
  const help = createHelp(`${idPrefix}-help`);
  const header = createHeader({
    signal,
    onAction: actions.request,
    onFilter: toggleFilter,
    onQuery: search.set,
    onDetails: () => openDetails(store.sorted()[0]),
    onHelp: toggleHelp,
    helpId: help.id,
    bulkBar,
  });
  const grid = createGrid({
    signal,
    idPrefix,
    selection,
    onOpen: openDetails,
    onDismiss: dismiss,
    onSort: sortBy,
    onSearch: () => header.focusSearch(),
    onHelp: toggleHelp,
    scheduleDraw,
  });
  const panel = createDetailsPanel({
    signal,
    onAction: actions.request,
    onDismiss: closeDetails,
    sender,
  });
  const announcer = createAnnouncer();
  // Below the documents, so that none moves when the first is selected.
  const footer = createElement("div", "footer");
  const children = [header.element, help, grid.element, footer, announcer.element];
  const root = withRole(createElement("div", "", ...children), "group");
  root.className = "docprogress";
  root.dir = "ltr";
  root.tabIndex = -1;
  suppressShortcuts(root);
  root.style.setProperty("--docprogress-rows", String(VISIBLE_ROWS));
  element.append(root);

  const clock = setInterval(() => {
    if (!document.hidden) scheduleDraw();
  }, 1000);
  document.addEventListener("visibilitychange", scheduleDraw, { signal });

  function scheduleDraw() {
    if (!frame && !signal.aborted) frame = requestAnimationFrame(draw);
  }

  function draw() {
    frame = 0;
    const { summary } = store;
    /** @type {ViewState} */
    const state = {
      store,
      summary,
      lost: heartbeat.isLost(),
      problem: heartbeat.problem(summary),
      now: heartbeat.now(summary),
      filter,
      search,
      sort,
      selection,
      helping: !help.hidden,
      notice: actions.notice,
    };
    toggleClass(root, "single", store.single);
    toggleClass(root, "stale", state.problem !== "");
    setAttribute(root, "aria-label", singleLine(summary?.title ?? "") || "documents");
    if (store.single) place(panel.element, root);
    else grid.details.place(panel.element);
    grid.draw(state, panel.openedId);
    header.draw(state);
    place(bulkBar.element, selection.size ? footer : header.element);
    panel.draw(state);
    const listed = store.single || grid.listed().some(({ id }) => id === panel.openedId);
    if (panel.openedId && !listed) closeDetails();
    announcer.announce(state);
  }

  /** @param {Filter} selected */
  function toggleFilter(selected) {
    filter = filter === selected ? "all" : selected;
    grid.releaseRows();
    scheduleDraw();
  }

  /** @param {Sort | null} selected */
  function sortBy(selected) {
    sort = selected;
    grid.releaseRows();
    options.onSort?.(sort);
    scheduleDraw();
  }

  function toggleHelp() {
    help.hidden = !help.hidden;
    scheduleDraw();
  }

  /** Close what is open, one at a time; return whether anything was. */
  function dismiss() {
    if (!help.hidden) toggleHelp();
    else if (panel.openedId) closeDetails();
    else if (selection.size) selection.clear();
    else return false;
    return true;
  }

  /**
   * @param {HTMLElement} child
   * @param {HTMLElement} parent
   */
  function place(child, parent) {
    if (child.parentElement === parent) return;
    const focused = child.contains(document.activeElement);
    parent.append(child);
    if (focused) root.focus();
  }

  /** @param {Row | undefined} row */
  function openDetails(row) {
    if (!row) return;
    if (panel.openedId === row.id) {
      closeDetails();
      return;
    }
    panel.open(row.id);
    requestDetails();
    scheduleDraw();
  }

  function requestDetails() {
    panel.markRequested();
    options.onDetails?.(panel.openedId);
  }

  function closeDetails() {
    if (!panel.openedId) return;
    const focused = panel.element.contains(document.activeElement);
    panel.close();
    if (focused) (store.single ? root : grid.element).focus();
    scheduleDraw();
  }

  function rowsChanged() {
    actions.rowsChanged();
    heartbeat.beat();
    if (panel.isOutdated(store)) requestDetails();
    scheduleDraw();
  }

  return {
    update(delta) {
      store.update(delta);
      rowsChanged();
    },
    replace(snapshot) {
      store.replace(snapshot);
      rowsChanged();
    },
    showDetails(details) {
      panel.show(details);
      scheduleDraw();
    },
    act: actions.request,
    showResult: actions.showResult,
    beat(time) {
      heartbeat.beat(time);
      scheduleDraw();
    },
    disconnect(reason) {
      heartbeat.disconnect(reason);
      scheduleDraw();
    },
    close() {
      closing.abort();
      clearInterval(clock);
      cancelAnimationFrame(frame);
      actions.close();
      bulkBar.close();
      search.close();
      grid.close();
      panel.close();
      root.remove();
    },
  };
}

/** A live region: problems and results are announced at once, progress now and then. */
function createAnnouncer() {
  const element = withRole(createElement("div", "hidden-text"), "status");
  let announced = { text: "", urgent: "", at: -Infinity };

  /** @param {ViewState} state */
  function announce({ summary, problem, notice }) {
    if (!summary) return;
    const text = [problem, notice.text, summary.text].filter(Boolean).join(". ");
    const urgent = [problem, notice.text, summary.finished, summary.counts.failed > 0].join();
    const due = performance.now() - announced.at > ANNOUNCEMENT_INTERVAL;
    if (text === announced.text || (!due && urgent === announced.urgent)) return;
    announced = { text, urgent, at: performance.now() };
    setText(element, text);
  }

  return { element, announce };
}
