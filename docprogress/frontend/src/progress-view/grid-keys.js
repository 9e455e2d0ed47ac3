/** The keys of the grid, by the grid pattern of ARIA: one element has the focus. */

/** @typedef {import("./columns.js").ColumnKey} ColumnKey */

/**
 * @typedef {object} GridActions
 * @property {(rows: number, extend: boolean) => void} moveBy rows down, or up if negative
 * @property {(position: number, extend: boolean) => void} moveTo -1 is the last row
 * @property {(columns: number) => void} moveAcross
 * @property {() => number} pageSize rows that are visible
 * @property {() => void} open
 * @property {() => void} select
 * @property {() => void} selectAll
 * @property {() => void} dismiss
 * @property {() => void} search
 * @property {() => void} help
 */

/**
 * Do what a key stands for.
 *
 * @param {KeyboardEvent} event
 * @param {GridActions} actions
 * @returns {boolean} whether the key stands for anything
 */
export function handleGridKey(event, actions) {
  const { key, shiftKey: extend } = event;
  if (event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    if (key.toLowerCase() !== "a") return false;
    actions.selectAll();
    return true;
  }
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => actions.moveBy(1, extend),
    ArrowUp: () => actions.moveBy(-1, extend),
    PageDown: () => actions.moveBy(actions.pageSize(), extend),
    PageUp: () => actions.moveBy(-actions.pageSize(), extend),
    Home: () => actions.moveTo(0, extend),
    End: () => actions.moveTo(-1, extend),
    ArrowRight: () => actions.moveAcross(1),
    ArrowLeft: () => actions.moveAcross(-1),
    Enter: actions.open,
    " ": actions.select,
    Escape: actions.dismiss,
    "/": actions.search,
    "?": actions.help,
  };
  if (!Object.hasOwn(keys, key)) return false;
  keys[key]();
  return true;
}
