/** The run as a whole: how far it is, how long it will take, and what is wrong. */

import {
  clamp,
  createButton,
  createElement,
  rounded,
  setAttribute,
  setHidden,
  setProgress,
  setStyle,
  setText,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { percentage } from "../shared/format.js";
import { createIcon, setIcon } from "../shared/icons.js";
import { isFinal } from "../shared/status.js";
import { MAX_CELL, sentence, setName, singleLine, truncate } from "../shared/text.js";
import { createFilters } from "./filters.js";
import { detailOf } from "./row-text.js";
import { sharesByState } from "./shares.js";
import { nameOf, runState, stateOf } from "./status.js";
import {
  elapsedOf,
  headlineOf,
  isEmpty,
  outlookOf,
  pagesOf,
  rateOf,
  retryLabel,
  titleOf,
} from "./summary-text.js";

/** @typedef {import("./types.js").Action} Action */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Segment} Segment */
/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Summary} Summary */
/** @typedef {import("./types.js").ViewState} ViewState */

/** Milliseconds that a rate is shown: nobody can read ten a second. */
const RATE_INTERVAL = 1000;

/**
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {(action: Action, ids: string[] | null) => void} options.onAction
 * @param {(filter: import("./types.js").Filter) => void} options.onFilter
 * @param {(query: string) => void} options.onQuery
 * @param {() => void} options.onDetails
 * @param {() => void} options.onHelp
 * @param {string} options.helpId
 * @param {ReturnType<typeof import("./bulk-bar.js").createBulkBar>} options.bulkBar
 */
export function createHeader({
  signal,
  onAction,
  onFilter,
  onQuery,
  onDetails,
  onHelp,
  helpId,
  bulkBar,
}) {
  const changes = createElement("p", "changes");
  const icon = createIcon();
  const name = createElement("span", "name");
  const percent = createElement("strong", "percent");
  const outlook = createElement("span", "outlook");
  const title = createElement("span", "title");
  const cancel = createButton("Cancel", signal, () => onAction("cancel", null));
  const retry = createButton("Retry", signal, () => onAction("retry", null));
  const rates = createRates();
  const problemText = createElement("span");
  const problem = createElement("span", "problem", createIcon("stalled"), problemText);
  const notice = createElement("span", "notice");
  const headline = createElement(
    "div",
    "headline",
    icon,
    name,
    percent,
    outlook,
    title,
    problem,
    notice,
    rates.element,
    createElement("span", "actions", retry, cancel),
  );
  const bar = createRunBar();
  const steps = createStepScale();
  const message = createElement("span", "message");
  const details = createButton("Details", signal, onDetails);
  const current = createElement("div", "current", message, details);
  const filters = createFilters({
    signal,
    onFilter,
    onQuery,
    onExport: bulkBar.toggleExport,
    onHelp,
    helpId,
  });

  /** @param {ViewState} state */
  function draw(state) {
    const { store, summary, now } = state;
    const row = store.single ? store.sorted()[0] : null;
    setText(problemText, sentence(state.problem));
    setHidden(problem, !state.problem);
    setText(notice, state.notice.text);
    setHidden(notice, !state.notice.text);
    toggleClass(notice, "bad", state.notice.bad);
    // They take the place of what is less important, so that no row moves.
    const urgent = Boolean(state.problem || state.notice.text);
    for (const each of [title, rates.element]) setHidden(each, urgent);
    setHidden(outlook, Boolean(state.problem));
    setHidden(current, !row);
    setHidden(steps.element, !row || !summary?.steps?.length);
    setHidden(bar.element, !summary || isEmpty(state));
    setHidden(name, !row);
    setText(changes, singleLine(summary?.changes ?? ""));
    setHidden(changes, !summary?.changes);
    filters.draw(state, { exporting: bulkBar.exporting, helping: state.helping });
    bulkBar.draw(state);
    if (!summary) {
      setIcon(icon, "queued");
      setText(percent, state.lost ? "" : "Connecting …");
      setHidden(cancel, true);
      setHidden(retry, true);
      return;
    }
    const mask = steps.setSegments(summary.steps ?? []);
    if (mask) element.parentElement?.style.setProperty("--docprogress-segments", mask);
    const headlineState = row ? stateOf(row) : runState(summary);
    const outlookText = outlookOf(summary, now);
    setIcon(icon, headlineState);
    setAttribute(headline, "data-state", headlineState);
    setText(percent, headlineOf(summary, row));
    setText(outlook, state.problem ? "" : outlookText);
    setText(title, row ? "" : titleOf(summary));
    if (row) setName(name, nameOf(row));
    rates.draw(state, summary, row);
    bar.draw(summary, row, outlookText);
    setHidden(cancel, !summary.actions || summary.finished || !summary.total);
    const retryable = summary.counts.failed + summary.counts.cancelled;
    setHidden(retry, !summary.actions || !retryable);
    setText(retry, row ? "Retry" : retryLabel(summary.counts));
    if (!row) return;
    // The names below the bar say which step it is.
    const step = summary.steps?.length || isFinal(row.status) ? "" : singleLine(row.step);
    const text = [sentence(step), detailOf(row, now)].filter(Boolean).join(" · ");
    setText(message, truncate(text, MAX_CELL) || sentence(stateOf(row)));
    setAttribute(current, "data-state", stateOf(row));
    steps.draw(row);
  }

  const element = createElement(
    "div",
    "header",
    changes,
    headline,
    bar.element,
    steps.element,
    current,
    filters.element,
  );
  return { element, draw, focusSearch: filters.focusSearch };
}

/** The time elapsed, and how fast pages and documents are processed. */
function createRates() {
  const elapsed = createElement("span", "elapsed");
  const pages = createElement("span", "pages");
  const documents = createElement("span", "documents");
  // If space is short, the last one is hidden first.
  const element = createElement("span", "rates", elapsed, pages, documents);
  let nextUpdate = -Infinity;
  let shownKey = "";

  /**
   * @param {ViewState} state
   * @param {Summary} summary
   * @param {Row | null} row
   */
  function draw({ now, problem }, summary, row) {
    setText(elapsed, elapsedOf(summary, now));
    const key = `${summary.finished} ${problem}`;
    if (performance.now() < nextUpdate && key === shownKey) return;
    nextUpdate = performance.now() + RATE_INTERVAL;
    shownKey = key;
    setText(pages, pagesOf(summary, problem));
    const rate = row || problem ? "" : rateOf(summary.documents_per_second, "documents");
    setText(documents, rate);
  }

  return { element, draw };
}

/** One bar for all documents, with a part for each state. */
function createRunBar() {
  const parts = {
    completed: createElement("div", "part completed"),
    failed: createElement("div", "part failed"),
    cancelled: createElement("div", "part cancelled"),
    stalled: createElement("div", "part stalled"),
    processing: createElement("div", "part processing"),
    queued: createElement("div", "part queued"),
  };
  const bar = createElement("div", "bar total", ...Object.values(parts));
  const element = withRole(bar, "progressbar");
  element.setAttribute("aria-label", "all documents");

  /**
   * @param {Summary} summary
   * @param {Row | null} row
   * @param {string} outlook
   */
  function draw(summary, row, outlook) {
    const shares = row ? { [stateOf(row)]: row.progress / 100 } : sharesByState(summary);
    for (const [key, part] of Object.entries(parts)) {
      const state = /** @type {State} */ (key);
      const share = shares[state] ?? 0;
      setStyle(part, "width", `${rounded(clamp(share, 0, 1) * 100)}%`);
      // One failure among thousands is visible, even if no work was done on it.
      const ended =
        !row && (state === "failed" || state === "cancelled") && summary.counts[state] > 0;
      setHidden(part, share === 0 && !ended);
    }
    toggleClass(element, "segmented", row !== null);
    const percent = row ? row.progress : percentage(summary.fraction);
    setProgress(element, percent, [headlineOf(summary, row), outlook].filter(Boolean).join(", "));
  }

  return { element, draw };
}

/** The names of the steps below the bar of a single document. */
function createStepScale() {
  const element = createElement("div", "scale");
  element.setAttribute("aria-hidden", "true");
  let shownKey = "";

  return {
    element,
    /**
     * @param {Segment[]} segments
     * @returns {string} the new mask of segmented bars; empty if nothing has changed
     */
    setSegments(segments) {
      const key = JSON.stringify(segments);
      if (key === shownKey) return "";
      shownKey = key;
      element.replaceChildren(
        ...segments.map(({ name, from, to }) => {
          const label = createElement("span", "segment", createElement("span", "", singleLine(name)));
          label.style.left = `${from}%`;
          label.style.width = `${to - from}%`;
          return label;
        }),
      );
      return maskOf(segments);
    },
    /** @param {Row} row */
    draw(row) {
      const step = row.status === "completed" ? null : singleLine(row.step);
      for (const label of element.children) toggleClass(label, "now", label.textContent === step);
    },
  };
}

/**
 * A mask that cuts the gaps between steps out of a bar.
 *
 * @param {Segment[]} segments
 */
function maskOf(segments) {
  if (segments.length < 2) return "none";
  const gaps = segments
    .slice(1)
    .map(({ from }) => `#000 calc(${from}% - 1px), transparent 0 calc(${from}% + 1px), #000 0`);
  return `linear-gradient(to right, ${gaps.join(", ")})`;
}
