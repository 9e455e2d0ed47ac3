/** What can be done with several documents at once: those selected, or all that failed. */

import { createButton, createElement, setHidden, setText, withRole } from "../shared/dom.js";
import { copyToClipboard } from "../shared/clipboard.js";
import { formatNumber, plural } from "../shared/format.js";
import { isFinal } from "../shared/status.js";
import { downloadCsv, toCsv } from "./csv.js";
import { isRetryable } from "./status.js";

/** @typedef {import("./types.js").Action} Action */
/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").ViewState} ViewState */

/** Milliseconds that "Copied" stands on a button. */
const COPIED = 2000;

/** Milliseconds after which a button says that it waits for whole errors. */
const SLOW_ERRORS = 300;

/**
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {import("./row-store.js").RowStore} options.store
 * @param {ReturnType<typeof import("./selection.js").createSelection>} options.selection
 * @param {() => Row[]} options.listed the documents that are listed now
 * @param {(action: Action, ids: string[]) => void} options.onAction
 * @param {() => void} options.onChange
 * @param {((ids: string[]) => Promise<Map<string, string>>)} [options.onErrors] the whole
 *   errors of documents
 */
export function createBulkBar({
  signal,
  store,
  selection,
  listed,
  onAction,
  onChange,
  onErrors,
}) {
  const label = createElement("span", "bulk-label");
  const retry = createButton("Retry", signal, () => act("retry"));
  const cancel = createButton("Cancel", signal, () => act("cancel"));
  const copy = createButton("Copy as CSV", signal, copyCsv);
  const download = createButton("Download CSV", signal, async () => {
    downloadCsv(await csv(download), `${fileName()}.csv`);
  });
  const clear = createButton("Clear selection", signal, () => selection.clear());
  const buttons = createElement("span", "actions", retry, cancel, copy, download, clear);
  const element = withRole(createElement("div", "bulk", label, buttons), "group");
  element.setAttribute("aria-label", "Actions on several documents");
  element.hidden = true;
  let exporting = false;
  /** Whether only some documents are listed. */
  let narrowed = false;
  let timer = 0;

  /** What the bar is about: the selection, else what was looked for, else failures. */
  function subjects() {
    if (selection.size) return selection.of(store.sorted());
    if (narrowed) return listed();
    const failed = store.sorted().filter(({ status }) => status === "failed");
    return failed.length ? failed : listed();
  }

  /** @param {Action} action */
  function applicable(action) {
    return selection
      .of(store.rows.values())
      .filter(({ status }) => (action === "retry" ? isRetryable(status) : !isFinal(status)));
  }

  /** @param {Action} action */
  function act(action) {
    // Some may have ended since the button was drawn; the sender says what it has done.
    const ids = applicable(action).map(({ id }) => id);
    if (ids.length) onAction(action, ids);
    else onChange();
  }

  /**
   * What the bar is about as CSV, with the whole of errors that rows have in part.
   *
   * @param {HTMLElement} button says so if that takes time
   */
  async function csv(button) {
    const rows = subjects();
    const cut = rows.filter(({ error }) => error?.endsWith("…")).map(({ id }) => id);
    if (!cut.length) return toCsv(rows);
    const label = button.textContent ?? "";
    const slow = setTimeout(() => setText(button, "Collecting errors …"), SLOW_ERRORS);
    const errors = await onErrors?.(cut).catch(() => undefined);
    clearTimeout(slow);
    setText(button, label);
    return toCsv(rows, errors);
  }

  async function copyCsv() {
    const copied = await copyToClipboard(await csv(copy));
    if (signal.aborted) return;
    clearTimeout(timer);
    setText(copy, copied ? "Copied" : "The browser does not allow copying");
    timer = Number(setTimeout(() => setText(copy, "Copy as CSV"), COPIED));
  }

  function fileName() {
    const title = store.summary?.title ?? "";
    return (selection.size ? `${title} selected` : title).replace(/[^\p{L}\p{N}-]+/gu, "-") || "documents";
  }

  return {
    element,
    get exporting() {
      return exporting;
    },
    toggleExport() {
      exporting = !exporting;
      onChange();
    },
    /** @param {ViewState} state */
    draw({ summary, filter, search }) {
      narrowed = filter !== "all" || search.query !== "";
      const shown = !store.single && (selection.size > 0 || exporting);
      setHidden(element, !shown);
      if (!shown) return;
      setText(label, selection.size ? selectionText() : exportText());
      for (const [action, button] of /** @type {const} */ ([
        ["retry", retry],
        ["cancel", cancel],
      ])) {
        const count = summary?.actions ? applicable(action).length : 0;
        setHidden(button, !count);
        setText(button, `${action === "retry" ? "Retry" : "Cancel"} ${formatNumber(count)}`);
      }
      setHidden(clear, !selection.size);
    },
    close() {
      clearTimeout(timer);
    },
  };

  function selectionText() {
    const count = selection.of(store.rows.values()).length;
    const visible = selection.of(listed()).length;
    const others = count - visible;
    const hidden = others ? `, ${formatNumber(others)} of them not listed` : "";
    return `${formatNumber(count)} selected${hidden}`;
  }

  function exportText() {
    const rows = subjects();
    const failed = rows.length > 0 && rows.every(({ status }) => status === "failed");
    return failed ? plural(rows.length, "failure") : `${plural(rows.length, "document")} listed`;
  }
}
