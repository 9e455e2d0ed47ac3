/** The title of the browser's tab. */

import { headlineOf } from "../progress-view/summary-text.js";

const TITLE = document.title;

/**
 * Show the headline of the view in the browser's tab.
 *
 * @param {import("../progress-view/types.js").Summary} summary
 */
export function drawTitle(summary) {
  const headline = summary.total ? `${headlineOf(summary, null)} · ` : "";
  if (document.title !== headline + TITLE) document.title = headline + TITLE;
}
