/** What is done where a page does not draw the widget of an output. */

/**
 * Live views where a page shows the table of an output instead of its widget.
 *
 * JupyterLab does so in notebooks that it does not trust, such as one that somebody
 * else runs in a shared document. The model of the widget is in that page all the same.
 */

/**
 * @param {(element: HTMLElement) => () => void} show draws a view, and returns what
 *   removes it
 */
export function createStandIns(show) {
  /** @type {Map<HTMLElement, () => void>} what removes the view of each table */
  const shown = new Map();

  /** @param {HTMLElement} table */
  function replace(table) {
    const place = document.createElement("div");
    table.before(place);
    table.style.display = "none";
    const remove = show(place);
    shown.set(table, () => {
      remove();
      place.remove();
      table.style.display = "";
    });
  }

  /** @param {(table: HTMLElement) => boolean} gone */
  function removeIf(gone) {
    for (const [table, remove] of shown) {
      if (!gone(table)) continue;
      shown.delete(table);
      remove();
    }
  }

  return {
    /**
     * Find the tables that were shown or removed since the last time.
     *
     * @param {string} session the session whose tables they are
     */
    update(session) {
      removeIf((table) => !table.isConnected);
      if (!session) return;
      /** @type {NodeListOf<HTMLElement>} */
      const tables = document.querySelectorAll(`.docprogress-live-${session}`);
      for (const table of tables) if (!shown.has(table)) replace(table);
    },
    close() {
      removeIf(() => true);
    },
  };
}

/**
 * Whether JupyterLab shows an output whose widget it did not know when it drew it. It
 * stays so until the output changes.
 */
export function showsLostWidget() {
  const outputs = [...document.querySelectorAll(".jp-OutputArea-output")];
  return outputs.some((output) =>
    /^(Error displaying widget|Loading widget)/.test(output.textContent?.trim() ?? ""),
  );
}
