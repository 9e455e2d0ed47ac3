/** The keys of the view, shown on request. */

import { createElement, withRole } from "../shared/dom.js";

const COMMAND = /Mac|iP(hone|ad)/.test(globalThis.navigator?.platform ?? "") ? "⌘" : "Ctrl";

/** @type {[string[], string][]} */
const KEYS = [
  [["↑", "↓"], "previous and next document; above the first, the headers"],
  [["←", "→"], "previous and next column"],
  [["Home", "End", "Page Up", "Page Down"], "move further"],
  [["Enter"], "show or hide the details of a document; sort by a header"],
  [["Space"], "select a document"],
  [["Shift ↑", "Shift ↓"], "select further documents"],
  [["Shift click", `${COMMAND} click`], "select all up to a document; select one more"],
  [[`${COMMAND} A`], "select all that are listed"],
  [["/"], "search"],
  [["Escape"], "close the details, then clear the selection"],
  [["?"], "show or hide this help"],
];

/** @param {string} id */
export function createHelp(id) {
  const list = KEYS.flatMap(([keys, text]) => {
    return [
      createElement("dt", "", ...keys.map((name) => createElement("kbd", "key", name))),
      createElement("dd", "", text),
    ];
  });
  const element = withRole(
    createElement(
      "div",
      "help",
      createElement("p", "help-title", "Keys in the list of documents"),
      createElement("dl", "keys", ...list),
    ),
    "group",
  );
  element.id = id;
  element.setAttribute("aria-label", "Keys");
  element.hidden = true;
  return element;
}
