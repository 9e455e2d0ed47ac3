/**
 * A page without a browser, whose clock and frames a test moves by hand.
 *
 * It has to be there before the drawing module runs: import this first.
 */

import { setMaxListeners } from "node:events";
import { mock } from "node:test";
import { Window } from "happy-dom";

const window = new Window({ url: "http://localhost/" });

let now = 0;
/** Where the wall's clock stands when the page's begins. */
const BEGINNING = Date.parse("2026-11-24T15:04:05.000Z");

/** @type {Map<number, () => void>} */
const frames = new Map();
let frame = 0;

/** Sizes are nobody's business where nothing is laid out. */
class Unmeasured {
  observe() {}
  disconnect() {}
}

Object.assign(globalThis, {
  window,
  document: window.document,
  Event: window.Event,
  Element: window.Element,
  MutationObserver: window.MutationObserver,
  getSelection: () => null,
  ResizeObserver: Unmeasured,
  requestAnimationFrame(/** @type {() => void} */ callback) {
    frames.set((frame += 1), callback);
    return frame;
  },
  cancelAnimationFrame(/** @type {number} */ handle) {
    frames.delete(handle);
  },
});
// One signal ends every listener of a view, of which Node thinks that it leaks.
setMaxListeners(0);
mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: BEGINNING });
mock.method(performance, "now", () => now);

/** Draw one frame, and do what is due right after it. */
export function paint() {
  const due = [...frames.values()];
  frames.clear();
  for (const callback of due) callback();
  mock.timers.tick(0);
}

/**
 * Let time go by, and draw what it has changed.
 *
 * @param {number} milliseconds
 */
export function pass(milliseconds) {
  for (let left = milliseconds; left > 0; left -= 500) {
    const step = Math.min(left, 500);
    now += step;
    mock.timers.tick(step);
    paint();
  }
}

/**
 * Let the machine sleep: only the wall's clock goes on.
 *
 * @param {number} milliseconds
 */
export function sleep(milliseconds) {
  mock.timers.tick(milliseconds);
  paint();
}

/** An element of the page to draw into. */
export function place() {
  const element = document.createElement("div");
  document.body.append(element);
  return element;
}

/**
 * What can be read in the one place that matches.
 *
 * @param {Element} within
 * @param {string} selector
 */
export function read(within, selector) {
  const found = [...within.querySelectorAll(selector)].filter((each) => !isHidden(each));
  return found.map((each) => each.textContent ?? "").join("|");
}

/** @param {Element} element */
export function isHidden(element) {
  return element.closest("[hidden]") !== null;
}

/**
 * @param {Element} within
 * @param {string} label
 */
export function button(within, label) {
  const found = [...within.querySelectorAll("button")].find(
    (each) =>
      !isHidden(each) &&
      (each.textContent === label ||
        each.ariaLabel === label ||
        each.getAttribute("aria-label") === label),
  );
  if (!found) throw new Error(`there is no button ${label}`);
  return found;
}

/**
 * @param {Element} element
 * @param {string} key
 */
export function press(element, key) {
  const event = new window.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  element.dispatchEvent(/** @type {any} */ (event));
}
