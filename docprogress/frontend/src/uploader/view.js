/** The uploader: a drop zone, the upload's progress, and the files. */

import {
  createButton,
  createElement,
  setAttribute,
  setHidden,
  setStyle,
  setText,
  toggleClass,
  withRole,
} from "../shared/dom.js";
import { plural } from "../shared/format.js";
import { createDropZone } from "./drop-zone.js";
import { createFileList } from "./file-list.js";
import { progressText, resultText, totalsOf } from "./totals.js";

/** @typedef {import("./types.js").Actions} Actions */
/** @typedef {import("./types.js").FileEntry} FileEntry */
/** @typedef {import("./types.js").Silence} Silence */
/** @typedef {import("./types.js").UploadState} UploadState */
/** @typedef {import("./types.js").UploaderView} UploaderView */

/** Milliseconds between two drawings: more would slow down the upload. */
const DRAW_INTERVAL = 100;

/** Milliseconds between two announcements to screen readers. */
const ANNOUNCEMENT_INTERVAL = 2000;

/** @type {Record<Silence, string>} */
const SILENCE_TEXT = {
  "": "",
  busy: "Waiting for the kernel, which is busy. The upload resumes when it answers.",
  lost: "The connection to the kernel is lost. The upload resumes when it is restored.",
  gone: "The kernel was restarted or has ended, and the uploaded files were deleted with it. Run the cell again.",
};

/**
 * Draw an uploader into `element`.
 *
 * @param {HTMLElement} element gets one child, which `close` removes
 * @param {Actions} actions
 * @returns {UploaderView}
 */
export function createUploader(element, actions) {
  const closing = new AbortController();
  const { signal } = closing;
  /** @type {UploadState | null} */
  let state = null;
  let frame = 0;
  let timer = 0;
  let drawnAt = -Infinity;

  const zone = createDropZone({ signal, onFiles: actions.onFiles, onHold: actions.onHold });
  const status = createStatus({ signal, onRemoveAll: removeAll, onRetry: actions.onRetry });
  const files = createFileList({ signal, onRemove: remove });
  const announcer = createAnnouncer();
  const children = [zone.element, status.element, ...files.elements, announcer.element];
  const root = withRole(createElement("div", "", ...children), "group");
  root.className = "docprogress";
  toggleClass(root, "uploader", true);
  root.setAttribute("aria-label", "Upload documents");
  root.tabIndex = -1;
  zone.listenOn(root);
  element.append(root);

  function removeAll() {
    if (!state) return;
    const shown = visibleEntries(state);
    const arriving = shown.filter((entry) => entry.status === "arriving");
    if (arriving.length) actions.onCancel(arriving.map(({ key }) => key));
    else actions.onForget(shown.map(({ key }) => key));
  }

  /** @param {string} key */
  function remove(key) {
    const entry = state?.entries.find((each) => each.key === key);
    if (entry?.status === "arriving") actions.onCancel([key]);
    else actions.onForget([key]);
  }

  function drawFrame() {
    frame = 0;
    drawnAt = performance.now();
    if (!state) return;
    const gone = state.silence === "gone";
    toggleClass(root, "disconnected", gone);
    zone.draw(state);
    const text = status.draw(state);
    files.draw(visibleEntries(state), gone);
    announcer.announce([text, state.note].filter(Boolean).join(". "));
  }

  function scheduleFrame() {
    timer = 0;
    frame = requestAnimationFrame(drawFrame);
  }

  return {
    draw(next) {
      state = next;
      zone.setState(next);
      if (frame || timer) return;
      const wait = drawnAt + DRAW_INTERVAL - performance.now();
      if (wait <= 0) scheduleFrame();
      else timer = Number(setTimeout(scheduleFrame, wait));
    },
    close() {
      closing.abort();
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      announcer.close();
      root.remove();
    },
  };
}

/**
 * The files that are listed. Those that belong to a run are shown by its view.
 *
 * @param {UploadState} state
 */
function visibleEntries({ entries, limits }) {
  return entries.filter(({ submitted }) => !(limits.processed && submitted));
}

/**
 * All files together: how far their upload is, and what is wrong.
 *
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {() => void} options.onRemoveAll
 * @param {() => void} options.onRetry
 */
function createStatus({ signal, onRemoveAll, onRetry }) {
  /** @type {Set<string>} the files whose upload is one bar, until all have ended */
  const batch = new Set();
  const percent = createElement("span", "percent");
  const facts = createElement("span", "rates");
  const all = createButton("Cancel all", signal, onRemoveAll);
  const headline = createElement("div", "headline", percent, facts, all);
  const fill = createElement("div", "fill");
  const bar = withRole(createElement("div", "bar uploaded", fill), "progressbar");
  bar.setAttribute("aria-label", "uploaded of all files");
  setAttribute(bar, "aria-valuemin", 0);
  setAttribute(bar, "aria-valuemax", 100);
  const silence = createElement("p", "problem");
  const problemText = createElement("span", "full-message");
  const retry = createButton("Try again", signal, onRetry);
  const problem = createElement("p", "problem", problemText, retry);
  const note = createElement("p", "notice");
  const element = createElement("div", "header", headline, bar, silence, problem, note);

  /**
   * @param {UploadState} state
   * @returns {string} what to announce
   */
  function draw(state) {
    const { entries } = state;
    const gone = state.silence === "gone";
    const arriving = entries.filter(({ status }) => status === "arriving");
    if (!arriving.length) batch.clear();
    for (const { key } of arriving) batch.add(key);
    const totals = totalsOf(entries, batch);
    const uploading = totals.arriving > 0 && !gone;
    const text = uploading ? progressText(totals, state.speed) : resultText(totals);
    setHidden(headline, !text);
    setHidden(bar, !uploading);
    setHidden(percent, !uploading);
    setText(percent, `${totals.percent} %`);
    setStyle(fill, "width", `${totals.percent}%`);
    setAttribute(bar, "aria-valuenow", totals.percent);
    setText(facts, text);
    setText(all, totals.arriving ? "Cancel all" : "Remove all");
    setHidden(all, gone || !visibleEntries(state).length);
    setText(silence, SILENCE_TEXT[state.silence]);
    setHidden(silence, !state.silence);
    setText(problemText, state.problem);
    setHidden(problem, !state.problem || gone);
    setText(note, state.note);
    setHidden(note, !state.note);
    setHidden(element, !entries.length && !state.silence && !state.note);
    if (state.silence || state.problem) return SILENCE_TEXT[state.silence] || state.problem;
    return uploading ? `Uploading ${plural(totals.arriving, "file")}` : resultText(totals);
  }

  return { element, draw };
}

/** A live region, updated no more often than a screen reader can follow. */
function createAnnouncer() {
  const element = createElement("div", "hidden-text");
  element.setAttribute("aria-live", "polite");
  let announced = { text: "", at: -Infinity };
  let timer = 0;

  return {
    element,
    /** @param {string} text */
    announce(text) {
      if (text === announced.text) return;
      clearTimeout(timer);
      const wait = Math.max(announced.at + ANNOUNCEMENT_INTERVAL - performance.now(), 0);
      timer = Number(
        setTimeout(() => {
          announced = { text, at: performance.now() };
          setText(element, text);
        }, wait),
      );
    },
    close() {
      clearTimeout(timer);
    },
  };
}
