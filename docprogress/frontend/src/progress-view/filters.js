/** Choose which documents are shown, by state and by their texts, and what is done with them. */

import {
  createButton,
  createElement,
  setAttribute,
  setHidden,
  setText,
  setTitle,
  suppressShortcuts,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { formatNumber } from "../shared/format.js";
import { createIcon } from "../shared/icons.js";
import { STATES } from "./status.js";
import { countOf, isEmpty } from "./summary-text.js";

/** @typedef {import("./types.js").Filter} Filter */
/** @typedef {import("./types.js").ViewState} ViewState */

/** @type {Filter[]} */
const FILTERS = ["all", ...STATES];

/** @type {Set<Filter>} shown even if no document is in that state */
const ALWAYS_SHOWN = new Set(["all", "failed", "completed"]);

/** @type {Set<Filter>} likewise, until the run has finished */
const SHOWN_UNTIL_FINISHED = new Set(["processing", "queued"]);

/**
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {(filter: Filter) => void} options.onFilter
 * @param {(query: string) => void} options.onQuery
 * @param {() => void} options.onExport
 * @param {() => void} options.onHelp
 * @param {string} options.helpId the element that explains the keys
 */
export function createFilters({ signal, onFilter, onQuery, onExport, onHelp, helpId }) {
  const chips = FILTERS.map((filter) => {
    const count = createElement("b", "count");
    const chip = createButton("", signal, () => onFilter(filter));
    toggleClass(chip, "chip", true);
    toggleClass(chip, filter, true);
    if (filter !== "all") chip.append(createIcon(filter));
    chip.append(count, createElement("span", "", filter));
    return { filter, chip, count };
  });
  const search = document.createElement("input");
  search.type = "search";
  toggleClass(search, "search", true);
  search.placeholder = "Search";
  search.setAttribute("aria-label", "Search names, messages and errors");
  search.autocomplete = "off";
  search.spellcheck = false;
  suppressShortcuts(search);
  search.addEventListener("input", () => onQuery(search.value), { signal });
  const exporting = createButton("CSV", signal, onExport);
  const help = createButton("?", signal, onHelp);
  setTitle(search, "Search names, messages and errors");
  setTitle(exporting, "Copy or download failures as CSV");
  setTitle(help, "Keys");
  setAttribute(help, "aria-label", "Keys");
  setAttribute(help, "aria-controls", helpId);
  toggleClass(help, "help-button", true);
  const group = withRole(createElement("div", "filters", ...chips.map(({ chip }) => chip)), "group");
  group.setAttribute("aria-label", "Filter documents by state");
  const element = createElement(
    "div",
    "tools",
    group,
    createElement("div", "finding", search, exporting, help),
  );

  /**
   * @param {ViewState} state
   * @param {{exporting: boolean, helping: boolean}} open
   */
  function draw(state, open) {
    const { store, summary, filter: selected } = state;
    setHidden(element, store.single || isEmpty(state));
    if (!summary) return;
    setAttribute(exporting, "aria-expanded", open.exporting);
    setAttribute(help, "aria-expanded", open.helping);
    for (const { filter, chip, count } of chips) {
      const documents = countOf(summary, filter);
      setText(count, formatNumber(documents));
      setAttribute(chip, "aria-pressed", filter === selected);
      toggleClass(chip, "none", !documents);
      const kept =
        ALWAYS_SHOWN.has(filter) || (SHOWN_UNTIL_FINISHED.has(filter) && !summary.finished);
      setHidden(chip, !documents && !kept && filter !== selected);
    }
  }

  return {
    element,
    draw,
    focusSearch() {
      search.focus();
      search.select();
    },
  };
}
