/**
 * Where a page shows the views of a widget: where its front end displays the widget, and
 * in a notebook that it can change, in place of the HTML of the outputs.
 *
 * There only HTML stays in the notebook, so that it can be shown without the kernel.
 */

import { createAnchors } from "./anchors.js";
import { createNotebook } from "./notebook.js";

/** Milliseconds in which a front end certainly, and possibly, is still displaying a
 * widget, and must not be interrupted; and between two looks whether it has. */
const SETTLE = 300;
const LONGEST_SETTLE = 5000;
const LOOK = 50;

/**
 * @param {object} options
 * @param {import("./widget.js").Model} options.model
 * @param {string} options.page its id
 * @param {(element: HTMLElement) => () => void} options.show draws a view, and returns
 *   what removes it
 * @param {(found: {type: "anchors", page: string, restored: boolean}) => unknown} options.onFound tells
 *   the kernel, once, that the notebook needs no widget in its outputs; `restored` says
 *   that it did not get them from the kernel
 */
export function createPlaces({ model, page, show, onFound }) {
  const notebook = createNotebook(model);
  const createdAt = performance.now();
  /** @type {Map<HTMLElement, number>} where it is about to display a view, and since when */
  const displaying = new Map();
  let key = "";
  let found = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const anchors = createAnchors(drawInAnchor, () => notebook?.closed === true);

  /** @param {HTMLElement} element */
  function drawInAnchor(element) {
    const remove = show(element);
    look();
    return remove;
  }

  /** Look for the outputs in the notebook, once nothing is about to be displayed. */
  function look() {
    if (!notebook || found || timer || !key) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        for (const [element, since] of displaying) {
          const late = performance.now() > since + LONGEST_SETTLE;
          if (late || element.closest(".jp-OutputArea-output")) displaying.delete(element);
        }
        if (displaying.size) look();
        else if (notebook.shows(key)) {
          found = true;
          onFound({ type: "anchors", page, restored: !notebook.removeWidgets(key) });
        }
      },
      Math.max(createdAt + SETTLE - performance.now(), LOOK),
    );
  }

  return {
    /**
     * Draw a view where the front end displays the widget.
     *
     * @param {HTMLElement} element
     */
    show(element) {
      const remove = show(element);
      displaying.set(element, performance.now());
      look();
      return () => {
        displaying.delete(element);
        remove();
      };
    },
    /**
     * Draw views in the anchors of a session, from now on: its kernel has answered.
     *
     * @param {string} session its key
     */
    enter(session) {
      if (session === key) return;
      key = session;
      anchors.watch(key);
      look();
    },
    /**
     * Keep what the outputs are to be saved as.
     *
     * @param {{data: Record<string, string>, pages: string[]}} message by media type, and
     *   the pages that have such outputs
     */
    replace({ data, pages }) {
      notebook?.replace(key, data, pages.indexOf(page));
    },
    close() {
      clearTimeout(timer);
      anchors.close();
    },
  };
}
