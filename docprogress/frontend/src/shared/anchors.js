/**
 * Live views in place of the HTML of a notebook's outputs.
 *
 * What a notebook keeps of an output is HTML with anchors: elements that are named for a
 * session. While the session's model is in the page, a view is drawn for each anchor, and
 * the HTML is hidden. The view stands beside the output's node, so the HTML under it can be
 * replaced without touching the view.
 */

/** The class of an anchor without the session's key. */
export const ANCHOR = "docprogress-live-";

/** The node of an output in JupyterLab, whose content it replaces. */
const OUTPUT = ".jp-OutputArea-output";

/** What has the views of one output: in an output that has anchors of several sessions,
 * the modules of all of them draw into one. */
const STAGE = "docprogress-stage";

/** Milliseconds after which a notebook that has disappeared is closed, not just hidden. */
const CLOSING = 1000;

/**
 * @param {(element: HTMLElement) => () => void} show draws a view, and returns what
 *   removes it
 * @param {() => boolean} isClosed whether the notebook is closed
 */
export function createAnchors(show, isClosed) {
  /** @type {Map<HTMLElement, () => void>} what removes each view, by where it is drawn */
  const views = new Map();
  let key = "";
  const observer = new MutationObserver((records) => {
    const concerned = records.some(({ addedNodes, removedNodes }) =>
      [...addedNodes, ...removedNodes].some((node) => hasAnchor(node, key)),
    );
    if (!concerned) return;
    refresh();
    clearTimeout(timer);
    timer = setTimeout(() => isClosed() && close(), CLOSING);
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function refresh() {
    for (const slot of [...views.keys()]) if (isGone(slot)) remove(slot);
    for (const anchor of anchorsIn(document.documentElement, key)) {
      const slot = createSlot(anchor, key);
      if (slot) views.set(slot, show(slot));
      arrange(outputOf(anchor));
    }
  }

  /** @param {HTMLElement} slot */
  function remove(slot) {
    views.get(slot)?.();
    views.delete(slot);
    const stage = slot.parentElement;
    slot.remove();
    const output = stage?.previousElementSibling;
    if (!stage?.childElementCount) stage?.remove();
    if (output) arrange(/** @type {HTMLElement} */ (output));
  }

  function close() {
    clearTimeout(timer);
    observer.disconnect();
    for (const slot of [...views.keys()]) remove(slot);
  }

  return {
    /**
     * Draw a view for every anchor of a session, from now on.
     *
     * @param {string} session its key
     */
    watch(session) {
      if (!session || session === key) return;
      for (const slot of [...views.keys()]) remove(slot);
      key = session;
      observer.observe(document.documentElement, { childList: true, subtree: true });
      refresh();
    },
    close,
  };
}

/**
 * Whether the anchor of a view is gone. JupyterLab takes cells out of the page that are
 * scrolled out of sight, and puts them back.
 *
 * @param {HTMLElement} slot
 */
function isGone(slot) {
  const output = slot.parentElement?.previousElementSibling;
  if (!output || !hasAnchor(output, slot.dataset.session ?? "")) return true;
  return !slot.isConnected && !slot.closest(".jp-Cell");
}

/**
 * @param {Node} node
 * @param {string} key
 */
function hasAnchor(node, key) {
  return node instanceof Element && anchorsIn(node, key).length > 0;
}

/**
 * @param {Element} element
 * @param {string} key
 * @returns {HTMLElement[]}
 */
function anchorsIn(element, key) {
  const name = `${ANCHOR}${key}`;
  const found = /** @type {HTMLElement[]} */ ([...element.getElementsByClassName(name)]);
  return element.classList.contains(name)
    ? [/** @type {HTMLElement} */ (element), ...found]
    : found;
}

/**
 * @param {HTMLElement} anchor
 * @returns {HTMLElement}
 */
function outputOf(anchor) {
  return anchor.closest(OUTPUT) ?? anchor;
}

/**
 * All anchors of an output, of any session, with their sessions' keys.
 *
 * @param {HTMLElement} output
 * @returns {[HTMLElement, string][]}
 */
function allAnchors(output) {
  const elements = [output, ...output.querySelectorAll(`[class*="${ANCHOR}"]`)];
  return elements.flatMap((element) => {
    const name = [...element.classList].find((each) => each.startsWith(ANCHOR));
    return name ? [[/** @type {HTMLElement} */ (element), name.slice(ANCHOR.length)]] : [];
  });
}

/** @param {HTMLElement} output */
function stageOf(output) {
  const next = output.nextElementSibling;
  return next?.classList.contains(STAGE) ? /** @type {HTMLElement} */ (next) : null;
}

/**
 * @param {HTMLElement | null} stage
 * @param {string} key
 */
function slotOf(stage, key) {
  const slots = /** @type {HTMLElement[]} */ ([...(stage?.children ?? [])]);
  return slots.find(({ dataset }) => dataset.session === key) ?? null;
}

/**
 * Make the place of an anchor's view, unless it is there already.
 *
 * @param {HTMLElement} anchor
 * @param {string} key
 */
function createSlot(anchor, key) {
  const output = outputOf(anchor);
  const stage = stageOf(output) ?? document.createElement("div");
  if (slotOf(stage, key)) return null;
  if (!stage.parentElement) {
    stage.className = STAGE;
    output.after(stage);
  }
  const slot = document.createElement("div");
  slot.dataset.session = key;
  const keys = allAnchors(output).map(([, each]) => each);
  const later = keys.slice(keys.indexOf(key) + 1).map((each) => slotOf(stage, each));
  // Those that are there stay where they are: an element that is moved loses the focus.
  stage.insertBefore(slot, later.find(Boolean) ?? null);
  return slot;
}

/**
 * Hide what of an output has a view.
 *
 * @param {HTMLElement} output
 */
function arrange(output) {
  const stage = stageOf(output);
  const anchors = allAnchors(output);
  for (const [anchor, key] of anchors) setDisplayed(anchor, !slotOf(stage, key));
  if (anchors[0]?.[0] === output) return;
  setDisplayed(output, !anchors.length || anchors.some(([, key]) => !slotOf(stage, key)));
}

/**
 * @param {HTMLElement} element
 * @param {boolean} displayed
 */
function setDisplayed(element, displayed) {
  const display = displayed ? "" : "none";
  if (element.style.display !== display) element.style.display = display;
}
