/** The time that each step of a document took, and its history. */

import { createElement, rounded } from "../shared/dom.js";
import { duration, plural, timeOfDay } from "../shared/format.js";
import { sentence, singleLine, truncate, withoutName } from "../shared/text.js";

/** @typedef {import("./types.js").Details} Details */

/**
 * The steps of a document, one below the other, each starting where the last ended.
 *
 * @param {Details} details
 * @returns {HTMLElement[]}
 */
export function createTimeline({ steps }) {
  if (steps.every((step) => step.seconds === null)) return [];
  const total = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0) || 1;
  let start = 0;
  return steps.map((step) => {
    const seconds = step.seconds ?? 0;
    const span = createElement("div", "span");
    span.hidden = !seconds;
    span.style.marginInlineStart = `${rounded((start / total) * 100)}%`;
    span.style.width = `${rounded((seconds / total) * 100)}%`;
    start += seconds;
    const facts = step.seconds === null ? [] : [duration(step.seconds)];
    if (step.pages) facts.push(plural(step.pages, "page"));
    if (step.attempt && step.attempt > 1) facts.push(`attempt ${step.attempt}`);
    return createElement(
      "div",
      "timeline-row",
      createElement("span", "step", singleLine(step.name)),
      createElement("div", "timeline-track", span),
      createElement("span", "duration", facts.join(" · ")),
    );
  });
}

/**
 * The events of a document, newest first.
 *
 * @param {Details} details
 */
export function createHistoryTable({ history, row: { name } }) {
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const title of ["Time", "Attempt", "State", "Step", "%", "Message"]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const event of [...history].reverse()) {
    const row = body.insertRow();
    row.dataset.state = event.status;
    for (const text of [
      timeOfDay(Date.parse(event.timestamp)),
      event.attempt === null ? "" : String(event.attempt),
      sentence(event.status),
      truncate(singleLine(event.step), 60),
      String(Math.floor(event.progress)),
    ]) {
      row.insertCell().textContent = text;
    }
    const message = row.insertCell();
    message.dir = "auto";
    const text = withoutName(singleLine(event.error || event.message), singleLine(name));
    message.textContent = truncate(sentence(text), 1000);
  }
  return table;
}
