/** What is written about one document. */

import { duration, stopwatch } from "../shared/format.js";
import { isFinal } from "../shared/status.js";
import { MAX_CELL, sentence, singleLine, truncate, withoutName } from "../shared/text.js";
import { percentOf, stateOf } from "./status.js";

/** @typedef {import("./types.js").Row} Row */

/** How the message of a document begins that is tried again; its attempt is shown beside it. */
const AGAIN = /^Trying again \(attempt \d+ of \d+\): /;

/** The most characters of a step's name. */
const MAX_STEP = 60;

/**
 * What is happening to a document, or why nothing is.
 *
 * @param {Row} row
 * @param {number} now
 */
export function detailOf(row, now) {
  return sentence(plainDetailOf(row, now));
}

/**
 * @param {Row} row
 * @param {number} now
 */
function plainDetailOf(row, now) {
  const state = stateOf(row);
  const message = messageOf(row);
  if (state === "stalled") {
    const silent = Math.max(now - (row.silentSince ?? now), 0) / 1000;
    const since = row.silentSince === undefined ? "" : ` for ${stopwatch(silent)}`;
    return `stalled${since}${message ? `, after “${message}”` : ""}`;
  }
  if (state === "failed") return message || "no reason was given";
  const lowerCase = message.toLocaleLowerCase();
  if (lowerCase !== state && lowerCase !== row.step.toLocaleLowerCase()) return message;
  if (state === "processing" && row.current !== null && row.total) {
    return `${singleLine(row.unit ?? "")} ${row.current} of ${row.total}`.trim();
  }
  return "";
}

/**
 * A document's message or error, without its name and status, which have columns of their own.
 *
 * @param {Row} row
 */
export function messageOf(row) {
  let text = singleLine((row.status === "failed" && row.error) || row.message || "");
  const name = singleLine(row.name);
  for (const prefix of [name, row.status]) text = withoutName(text, prefix);
  const again = AGAIN.exec(text);
  return again ? `Trying again: ${withoutName(text.slice(again[0].length), name)}` : text;
}

/**
 * The step that a document is in or has failed in.
 *
 * @param {Row} row
 */
export function stepOf({ step, status }) {
  return status === "processing" || status === "failed" ? truncate(singleLine(step), MAX_STEP) : "";
}

/**
 * The number of the attempt, except where it is the first or no longer matters.
 *
 * @param {Row} row
 */
export function attemptOf({ attempt, attempts, status }) {
  if (attempt === null || attempt <= 1 || status === "completed") return "";
  return attempts ? `${attempt} of ${attempts}` : String(attempt);
}

/**
 * @param {Row} row
 * @param {number} now
 */
export function timeOf(row, now) {
  if (row.status === "queued" || row.elapsed === null) return "";
  const seconds = secondsOf(row, now);
  return isFinal(row.status) && seconds < 59.95 ? duration(seconds) : stopwatch(seconds);
}

/**
 * @param {Row} row
 * @param {number} now
 */
function secondsOf(row, now) {
  if (row.status !== "processing" || row.startedAt === undefined) return row.elapsed ?? 0;
  return Math.max(now - row.startedAt, 0) / 1000;
}

/**
 * @param {Row} row
 * @param {number} now
 */
export function factsOf(row, now) {
  const facts = [sentence(row.status), unbroken(percentOf(row))];
  if (row.step) facts.push(truncate(singleLine(row.step), MAX_CELL));
  if (row.attempt !== null) {
    const most = row.attempts ? ` of ${row.attempts}` : "";
    facts.push(unbroken(`attempt ${row.attempt}${most}`));
  }
  if (row.elapsed !== null && row.status !== "queued") {
    facts.push(unbroken(duration(secondsOf(row, now))));
  }
  for (const text of [row.worker, row.id]) {
    if (text) facts.push(truncate(singleLine(text), MAX_CELL));
  }
  return facts;
}

/**
 * A fact that stays on one line.
 *
 * @param {string} text
 */
function unbroken(text) {
  return text.replaceAll(" ", "\u00a0");
}
