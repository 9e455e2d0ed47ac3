/** Choose which documents are shown: by state and by name. */

import {
  createButton,
  createElement,
  setAttribute,
  setHidden,
  setText,
  suppressShortcuts,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { formatNumber } from "../shared/format.js";
import { createIcon } from "../shared/icons.js";
import { STATES } from "./status.js";
import { countOf } from "./summary-text.js";

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
 */
export function createFilters({ signal, onFilter, onQuery }) {
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
  search.placeholder = "Filter names";
  search.setAttribute("aria-label", "filter documents by name");
  search.autocomplete = "off";
  search.spellcheck = false;
  suppressShortcuts(search);
  search.addEventListener("input", () => onQuery(search.value), { signal });
  const group = withRole(createElement("div", "filters", ...chips.map(({ chip }) => chip)), "group");
  group.setAttribute("aria-label", "filter documents by state");
  const element = createElement("div", "tools", group, search);

  /** @param {ViewState} state */
  function draw({ store, summary, filter: selected }) {
    setHidden(element, store.single || !summary);
    if (!summary) return;
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

  return { element, draw };
}
