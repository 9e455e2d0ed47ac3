/** Where files and folders are dropped or chosen. */

import { createButton, createElement, setText, toggleClass } from "../shared/dom.js";
import { fileSize, formatNumber, plural } from "../shared/format.js";
import { createSvg, UPLOAD_PATH } from "../shared/icons.js";
import { readFolder, selectSupported } from "./folders.js";

/** @typedef {import("./folders.js").FoundFile} FoundFile */
/** @typedef {import("./types.js").UploadState} UploadState */

/** Seconds that the uploader has to stay on the page while the user chooses, or drags. */
const CHOOSING = 120;
const DRAGGING = 10;

/**
 * @param {object} options
 * @param {AbortSignal} options.signal
 * @param {(files: Iterable<File>, note?: string) => void} options.onFiles
 * @param {(seconds: number) => void} options.onHold
 */
export function createDropZone({ signal, onFiles, onHold }) {
  /** @type {UploadState | null} */
  let state = null;

  const filesInput = createFileInput("Choose files");
  const folderInput = createFileInput("Choose a folder");
  folderInput.setAttribute("webkitdirectory", "");
  const chooseFiles = createButton("Choose files", signal, () => choose(filesInput));
  const chooseFolder = createButton("Choose a folder", signal, () => choose(folderInput));
  const invitation = createElement("span", "invitation", "Drop documents here, or");
  const limits = createElement("p", "limits");
  const element = createElement(
    "div",
    "drop-zone",
    createElement("span", "arrow", createSvg(UPLOAD_PATH)),
    createElement("div", "offer", invitation, chooseFiles, chooseFolder),
    limits,
    filesInput,
    folderInput,
  );

  /** @param {HTMLInputElement} input */
  function choose(input) {
    onHold(CHOOSING);
    input.click();
  }

  for (const input of [filesInput, folderInput]) {
    input.addEventListener("change", () => addChosen(input), { signal });
    input.addEventListener("cancel", () => onHold(0), { signal });
  }

  /** @param {HTMLInputElement} input */
  function addChosen(input) {
    onHold(0);
    const chosen = [...(input.files ?? [])];
    if (input === folderInput) {
      const found = chosen.map((file) => ({ path: file.webkitRelativePath, file }));
      const { files, leftOut } = selectSupported(found, state?.limits.suffixes);
      onFiles(files, leftOutNote(leftOut));
    } else onFiles(chosen);
    // Lets the user choose the same file again.
    input.value = "";
  }

  /** @param {DataTransfer} transfer */
  async function addDropped(transfer) {
    // The items are gone after the first await.
    const items = [...transfer.items]
      .filter(({ kind }) => kind === "file")
      .map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
    /** @type {File[]} */
    const files = [];
    /** @type {FoundFile[]} */
    const found = [];
    let unreadable = 0;
    const limit = (state?.limits.max_files ?? 0) + 1;
    for (const { entry, file } of items) {
      if (entry?.isDirectory) {
        const folder = /** @type {FileSystemDirectoryEntry} */ (entry);
        unreadable += await readFolder(folder, found, limit);
      } else if (file) files.push(file);
    }
    const supported = selectSupported(found, state?.limits.suffixes);
    const notes = [leftOutNote(supported.leftOut)];
    if (unreadable) notes.push(`${plural(unreadable, "item")} in folders could not be read.`);
    onFiles([...files, ...supported.files], notes.filter(Boolean).join(" "));
  }

  /** @param {DragEvent} event */
  function hasFiles(event) {
    return Boolean(event.dataTransfer?.types.includes("Files")) && state?.silence !== "gone";
  }

  /**
   * Accept files that are dropped anywhere on the uploader.
   *
   * @param {HTMLElement} root
   */
  function listenOn(root) {
    let dragging = false;

    /** @param {boolean} over */
    function setDragging(over) {
      dragging = over;
      toggleClass(root, "dragging", over);
    }

    /** @param {DragEvent} event */
    function dragOver(event) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
      if (!dragging) onHold(DRAGGING);
      setDragging(true);
    }

    /** @param {DragEvent} event */
    function dragLeave({ relatedTarget }) {
      const target = /** @type {Node | null} */ (relatedTarget);
      if (!target || !root.contains(target)) setDragging(false);
    }

    /** @param {DragEvent} event */
    function drop(event) {
      setDragging(false);
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      event.stopPropagation();
      addDropped(event.dataTransfer);
    }

    root.addEventListener("dragenter", dragOver, { signal });
    root.addEventListener("dragover", dragOver, { signal });
    root.addEventListener("dragleave", dragLeave, { signal });
    root.addEventListener("drop", drop, { signal });
  }

  /** @param {UploadState} next */
  function draw(next) {
    state = next;
    const { max_bytes, max_files, processed } = state.limits;
    const limit = `Up to ${fileSize(max_bytes)} each, ${formatNumber(max_files)} files`;
    setText(limits, limit + (processed ? "; processed as soon as they arrive" : ""));
    for (const button of [chooseFiles, chooseFolder]) button.disabled = state.silence === "gone";
  }

  return {
    element,
    listenOn,
    draw,
    /** @param {UploadState} next known before it is drawn */
    setState(next) {
      state = next;
    },
  };
}

/** @param {string} label */
function createFileInput(label) {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.hidden = true;
  // Keyboards and screen readers use the button that opens it.
  input.setAttribute("aria-label", label);
  return input;
}

/** @param {number} count */
function leftOutNote(count) {
  return count ? `${plural(count, "file")} of other kinds in folders left out.` : "";
}
