/** What is written about a run as a whole. */

import {
  formatNumber,
  percentage,
  plural,
  rate,
  remaining,
  remainingBetween,
  stopwatch,
} from "../shared/format.js";
import { isFinal } from "../shared/status.js";
import { sentence, singleLine } from "../shared/text.js";
import { percentOf } from "./status.js";

/** @typedef {import("./types.js").Filter} Filter */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Status} Status */
/** @typedef {import("./types.js").Summary} Summary */
/** @typedef {import("./types.js").ViewState} ViewState */

/**
 * How far the run is, or how it ended.
 *
 * @param {Summary} summary
 * @param {Row | null} row the only document, if there is only one
 */
export function headlineOf(summary, row) {
  if (row) return isFinal(row.status) ? sentence(row.status) : percentOf(row);
  const { counts, finished, fraction, total } = summary;
  if (!total) return "No documents";
  if (!finished) return `${percentage(fraction)} %`;
  const all = plural(total, "document");
  if (counts.failed) return `${formatNumber(counts.failed)} of ${all} failed`;
  if (counts.cancelled) return `${formatNumber(counts.cancelled)} of ${all} cancelled`;
  return total === 1 ? "Completed" : `All ${formatNumber(total)} documents completed`;
}

/**
 * What the documents are, without their number where the headline has it.
 *
 * @param {Summary} summary
 */
export function titleOf({ title, total, finished }) {
  const text = singleLine(title);
  const number = plural(total, "document");
  if (!finished || !text.startsWith(number)) return text;
  return sentence(text.slice(number.length).replace(/^, /, ""));
}

/**
 * How long the run will take, or what it waits for.
 *
 * @param {Summary} summary
 * @param {number} now
 */
export function outlookOf(summary, now) {
  if (summary.loading) {
    const listed = formatNumber(summary.rows);
    return `${listed} of ${formatNumber(summary.total)} listed so far`;
  }
  const { counts, finished, stalled, remaining: seconds, total, sending, waiting } = summary;
  if (finished || !total) return summary.missing_text ?? "";
  if (sending) {
    const [sent, all] = [formatNumber(sending.sent), formatNumber(sending.total)];
    return sending.total === 1 ? "sending the file" : `sending files: ${sent} of ${all} sent`;
  }
  if (counts.processing && stalled >= counts.processing) return "stalled";
  if (waiting) return waiting;
  if (!counts.processing) return "waiting for a worker";
  const passed = secondsSince(summary, now);
  if (seconds === null) {
    if (!summary.remaining_range) return remaining(null);
    const [low, high] = summary.remaining_range.map((end) => Math.max(end - passed, 0));
    return remainingBetween(low, high);
  }
  return remaining(Math.max(seconds - passed, 0));
}

/**
 * The number of pages, or how fast they are read.
 *
 * @param {Summary} summary
 * @param {string} problem
 */
export function pagesOf({ finished, pages, pages_per_second }, problem) {
  if (finished) return pages ? plural(pages, "page") : "";
  return problem ? "" : rateOf(pages_per_second, "pages");
}

/**
 * @param {number | null} perSecond
 * @param {string} noun
 */
export function rateOf(perSecond, noun) {
  return perSecond ? rate(perSecond, noun) : "";
}

/**
 * @param {Summary} summary
 * @param {number} now
 */
export function elapsedOf(summary, now) {
  const { elapsed, finished } = summary;
  if (elapsed === null) return "";
  return stopwatch(elapsed + (finished ? 0 : Math.max(secondsSince(summary, now), 0)));
}

/**
 * @param {Summary} summary
 * @param {number} now
 */
function secondsSince({ receivedAt }, now) {
  return (now - (receivedAt ?? now)) / 1000;
}

/**
 * @param {Summary} summary
 * @param {Filter} filter
 */
export function countOf({ counts, stalled, total }, filter) {
  if (filter === "all") return total;
  return filter === "stalled" ? stalled : counts[filter];
}

/** @param {Record<Status, number>} counts */
export function retryLabel({ failed, cancelled }) {
  if (failed && cancelled) return `Retry ${formatNumber(failed + cancelled)}`;
  return failed
    ? `Retry ${formatNumber(failed)} failed`
    : `Retry ${formatNumber(cancelled)} cancelled`;
}

/**
 * Whether there is nothing to show: no document, and none is known to come.
 *
 * @param {ViewState} state
 */
export function isEmpty({ store, summary }) {
  return !store.rows.size && !summary?.total;
}

/**
 * Why no row is shown.
 *
 * @param {ViewState} state
 */
export function emptyText({ store, filter, search: { query, pending } }) {
  if (!store.rows.size) return "Loading documents …";
  if (pending) return `Searching for “${query}” …`;
  const noun = filter === "all" ? "document" : `${filter} document`;
  return query ? `No ${noun} with “${query}” in its name, message or error` : `No ${noun}`;
}
