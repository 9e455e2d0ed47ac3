/** The files that are uploaded, one line each. */

import {
  createButton,
  createElement,
  setAttribute,
  setHidden,
  setStyle,
  setText,
  setTitle,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { fileSize, formatNumber } from "../shared/format.js";
import { CLOSE_PATH, createIcon, createSvg, setIcon } from "../shared/icons.js";
import { sentence, setName, singleLine } from "../shared/text.js";

/** @typedef {import("../shared/icons.js").State} State */
/** @typedef {import("./types.js").FileEntry} FileEntry */

/** The most files that are listed. */
const MAX_LISTED = 1000;

/**
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {(key: string) => void} options.onRemove
 */
export function createFileList({ signal, onRemove }) {
  /** @type {Map<string, ReturnType<typeof createFileRow>>} */
  const rows = new Map();
  const list = withRole(createElement("ul", "files"), "list");
  list.setAttribute("aria-label", "files");
  const more = createElement("p", "more");

  /**
   * @param {FileEntry[]} entries
   * @param {boolean} gone whether the kernel is gone
   */
  function draw(entries, gone) {
    // Failures come first; the others keep their order.
    const failed = entries.filter(({ status }) => status === "failed");
    const others = entries.filter(({ status }) => status !== "failed");
    const shown = [...failed, ...others].slice(0, MAX_LISTED);
    removeOthers(new Set(shown.map(({ key }) => key)));
    let next = list.firstElementChild;
    for (const entry of shown) {
      let row = rows.get(entry.key);
      if (!row) {
        row = createFileRow(signal, () => onRemove(entry.key));
        rows.set(entry.key, row);
      }
      row.draw(entry, gone);
      if (row.element === next) next = next.nextElementSibling;
      else list.insertBefore(row.element, next);
    }
    setHidden(list, !shown.length);
    setText(more, `… and ${formatNumber(entries.length - shown.length)} more`);
    setHidden(more, entries.length === shown.length);
  }

  /** @param {Set<string>} keys */
  function removeOthers(keys) {
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      // Keeps the focus in the uploader.
      setHidden(row.element, true);
      row.element.remove();
      rows.delete(key);
    }
  }

  return { elements: [list, more], draw };
}

/**
 * @param {AbortSignal} signal
 * @param {() => void} onRemove
 */
function createFileRow(signal, onRemove) {
  const icon = createIcon();
  const name = createElement("span", "name");
  const fill = createElement("div", "fill");
  const bar = withRole(createElement("div", "bar", fill), "progressbar");
  setAttribute(bar, "aria-valuemin", 0);
  setAttribute(bar, "aria-valuemax", 100);
  const status = createElement("span", "message-text");
  const size = createElement("span", "size");
  const remove = createButton("", signal, onRemove);
  toggleClass(remove, "close", true);
  remove.replaceChildren(createSvg(CLOSE_PATH));
  const element = createElement("li", "file", icon, name, bar, status, size, remove);

  /**
   * @param {FileEntry} entry
   * @param {boolean} gone
   */
  function draw(entry, gone) {
    const arriving = entry.status === "arriving" && !gone;
    const state = entry.status === "arriving" && gone ? "failed" : stateOf(entry);
    setAttribute(element, "data-state", state);
    setIcon(icon, state);
    setName(name, singleLine(entry.name) || "unnamed");
    const percent = percentOf(entry);
    setAttribute(bar, "aria-valuenow", percent);
    setAttribute(bar, "aria-label", name.title);
    setStyle(fill, "width", `${percent}%`);
    setHidden(bar, !arriving);
    const text = sentence(statusText(entry, gone));
    setText(status, text);
    setTitle(status, text);
    setText(size, fileSize(entry.size));
    const verb = arriving ? "Cancel" : "Remove";
    setAttribute(remove, "aria-label", `${verb} ${name.title}`);
    setTitle(remove, verb);
    setHidden(remove, gone);
  }

  return { element, draw };
}

/**
 * @param {FileEntry} entry
 * @returns {State}
 */
function stateOf({ status, received }) {
  if (status === "arrived") return "completed";
  if (status !== "arriving") return status;
  return received ? "processing" : "queued";
}

/**
 * The part that has arrived, which is not all until the kernel has said so.
 *
 * @param {FileEntry} entry
 */
function percentOf({ size, received, status }) {
  const percent = Math.floor((100 * received) / Math.max(size, 1));
  return status === "arrived" ? 100 : Math.min(percent, 99);
}

/**
 * @param {FileEntry} entry
 * @param {boolean} gone
 */
function statusText(entry, gone) {
  if (entry.status === "failed") return singleLine(entry.error ?? "failed");
  if (entry.status === "cancelled") return "cancelled";
  if (entry.status === "arrived") return gone ? "was uploaded" : "uploaded";
  if (gone) return "did not arrive";
  if (!entry.received) return entry.own === false ? "from another window" : "waiting";
  return `${percentOf(entry)} %${entry.own === false ? ", from another window" : ""}`;
}
