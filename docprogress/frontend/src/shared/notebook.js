/**
 * The notebook that a page of JupyterLab or Notebook 7 shows, and saves.
 *
 * A page that was loaded anew does not know which of its outputs the kernel means when it
 * updates one. It finds them by their HTML.
 */

/** @typedef {import("./widget.js").Model} Model */

/** Milliseconds until an output is replaced that the kernel's own update has not reached;
 * and in a shared notebook, for each page that may do it first: what that has changed must
 * have arrived by then. */
const PATIENCE = 1000;
const SHARED_PATIENCE = 5000;

/** The media type of a widget. */
const WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";

/**
 * The outputs of a widget's notebook; null where the page has none that it could change.
 *
 * @param {Model} model
 */
export function createNotebook(model) {
  const manager = model.widget_manager;
  if (!manager?.context?.model?.cells) return null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /**
   * @param {string} key the session whose outputs are wanted
   * @returns {{outputs: any, position: number, output: any, html: string}[]}
   */
  function find(key) {
    const name = `docprogress-output-${key}`;
    const found = [];
    // The context is gone once the notebook is closed.
    for (const { outputs } of manager.context?.model?.cells ?? []) {
      for (let position = 0; position < (outputs?.length ?? 0); position += 1) {
        const output = outputs.get(position).toJSON();
        const html = [output.data?.["text/html"] ?? ""].flat().join("");
        if (html.includes(name)) found.push({ outputs, position, output, html });
      }
    }
    return found;
  }

  return {
    /** Whether the notebook is closed. */
    get closed() {
      return !manager.context || manager.context.isDisposed === true;
    },
    /** @param {string} key */
    shows: (key) => find(key).length > 0,
    /**
     * Leave only what can be shown without the kernel in a session's outputs.
     *
     * @param {string} key
     * @returns {boolean} whether there was a widget
     */
    removeWidgets(key) {
      const live = find(key).filter(({ output }) => output.data[WIDGET_VIEW]);
      // In a shared notebook, the kernel does it for all.
      if (manager.context?.model?.collaborative) return live.length > 0;
      for (const { outputs, position, output } of live) {
        const { [WIDGET_VIEW]: _, ...data } = output.data;
        outputs.set(position, { ...output, data });
      }
      return live.length > 0;
    },
    /**
     * Have a session's outputs be what the kernel says, unless they become so by themselves.
     *
     * @param {string} key
     * @param {Record<string, string>} data
     * @param {number} rank how many pages come before this one. Of a shared notebook, two
     *   that change it at the same time would duplicate the output
     */
    replace(key, data, rank) {
      const turn = manager.context?.model?.collaborative ? rank : 0;
      if (turn < 0) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        for (const { outputs, position, output, html } of find(key)) {
          if (html !== data["text/html"]) outputs.set(position, { ...output, data });
        }
      }, PATIENCE + turn * SHARED_PATIENCE);
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
