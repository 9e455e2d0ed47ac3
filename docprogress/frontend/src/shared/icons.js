/** Icons: one shape for each state, because some people cannot tell the colours apart. */

import { createElement } from "./dom.js";

const STATE_PATHS = {
  queued: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2Z",
  processing:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm0 1.5a5 5 0 1 1 0 10A5 5 0 0 1 8 3Zm0 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  stalled:
    "M8 1.2c.35 0 .66.19.83.5l6.2 11.4a.95.95 0 0 1-.83 1.4H1.8a.95.95 0 0 1-.83-1.4L7.17 1.7c.17-.31.48-.5.83-.5ZM7.2 5.6l.2 4.4h1.2l.2-4.4Zm.8 5.3a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z",
  completed:
    "M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Zm3.1 3.9 1.1 1-4.9 5.5-3-2.8 1-1.1 1.9 1.7Z",
  failed:
    "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2ZM5.7 4.6 4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9Z",
  cancelled:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM4.9 7.25h6.2v1.5H4.9Z",
};

/** @typedef {keyof typeof STATE_PATHS} State */

export const CLOSE_PATH =
  "M3.7 2.6 8 6.9l4.3-4.3 1.1 1.1L9.1 8l4.3 4.3-1.1 1.1L8 9.1l-4.3 4.3-1.1-1.1L6.9 8 2.6 3.7Z";

export const UPLOAD_PATH =
  "M8 1.5 12.6 6l-1.1 1.1-2.7-2.6V11H7.2V4.5L4.5 7.1 3.4 6ZM2 12.5h12V14H2Z";

/** @param {string} path */
export function createSvg(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill-rule", "evenodd");
  svg.append(shape);
  return svg;
}

/** @param {State} [state] */
export function createIcon(state = "queued") {
  const icon = createElement("span", "icon", createSvg(STATE_PATHS[state]));
  icon.dataset.state = state;
  return icon;
}

/**
 * @param {HTMLElement} icon
 * @param {State} state
 */
export function setIcon(icon, state) {
  if (icon.dataset.state === state) return;
  icon.dataset.state = state;
  icon.querySelector("path")?.setAttribute("d", STATE_PATHS[state]);
}
