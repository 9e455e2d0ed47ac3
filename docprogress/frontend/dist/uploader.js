/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

// src/shared/widget.js
function createWidget(createSession) {
  return () => {
    let session = null;
    return {
      /** @param {{model: Model}} context */
      initialize({ model }) {
        session = createSession(model);
        return () => {
          session?.close();
          session = null;
        };
      },
      /** @param {{model: Model, el: HTMLElement}} context */
      render({ model, el }) {
        session ??= createSession(model);
        return session.show(el);
      }
    };
  };
}
function pageId() {
  return Math.random().toString(36).slice(2);
}

// src/shared/format.js
var NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
function formatNumber(value) {
  return NUMBERS.format(value);
}
function plural(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}
function duration(seconds) {
  if (seconds < 0.05) return "< 0.1 s";
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const units = [
    [86400, "d", 3600, "h"],
    [3600, "h", 60, "min"],
    [60, "min", 1, "s"]
  ];
  for (const [unit, name, smaller, smallName] of units) {
    if (whole < unit) continue;
    const rest = Math.floor(whole % unit / smaller);
    const count = `${Math.floor(whole / unit)} ${name}`;
    return rest ? `${count} ${rest} ${smallName}` : count;
  }
  return `${whole} s`;
}
function remaining(seconds) {
  if (seconds === null) return "time left unknown";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  const shown = minutes >= 10 ? Math.round(minutes / 5) * 5 : Math.max(minutes, 1);
  return `about ${duration(shown * 60)} left`;
}
var ROUND = [
  ...[5, 10, 15, 20, 30, 45],
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50].map((each) => each * 60),
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 18].map((each) => each * 3600),
  ...[1, 2, 3, 4, 5, 7, 10, 14, 21, 30].map((each) => each * 86400)
];
function fileSize(size) {
  for (
    const [unit, name] of
    /** @type {[number, string][]} */
    [
      [1e9, "GB"],
      [1e6, "MB"],
      [1e3, "kB"]
    ]
  ) {
    const value = size / unit;
    if (value >= 1) return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${name}`;
  }
  return plural(Math.round(size), "byte");
}

// src/shared/anchors.js
var ANCHOR = "docprogress-live-";
var OUTPUT = ".jp-OutputArea-output";
var STAGE = "docprogress-stage";
var CLOSING = 1e3;
function createAnchors(show, isClosed) {
  const views = /* @__PURE__ */ new Map();
  let key = "";
  const observer = new MutationObserver((records) => {
    const concerned = records.some(
      ({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes].some((node) => hasAnchor(node, key))
    );
    if (!concerned) return;
    refresh();
    clearTimeout(timer);
    timer = setTimeout(() => isClosed() && close(), CLOSING);
  });
  let timer;
  function refresh() {
    for (const slot of [...views.keys()]) if (isGone(slot)) remove(slot);
    for (const anchor of anchorsIn(document.documentElement, key)) {
      const slot = createSlot(anchor, key);
      if (slot) views.set(slot, show(slot));
      arrange(outputOf(anchor));
    }
  }
  function remove(slot) {
    views.get(slot)?.();
    views.delete(slot);
    const stage = slot.parentElement;
    slot.remove();
    const output = stage?.previousElementSibling;
    if (!stage?.childElementCount) stage?.remove();
    if (output) arrange(
      /** @type {HTMLElement} */
      output
    );
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
    close
  };
}
function isGone(slot) {
  const output = slot.parentElement?.previousElementSibling;
  if (!output || !hasAnchor(output, slot.dataset.session ?? "")) return true;
  return !slot.isConnected && !slot.closest(".jp-Cell");
}
function hasAnchor(node, key) {
  return node instanceof Element && anchorsIn(node, key).length > 0;
}
function anchorsIn(element, key) {
  const name = `${ANCHOR}${key}`;
  const found = (
    /** @type {HTMLElement[]} */
    [...element.getElementsByClassName(name)]
  );
  return element.classList.contains(name) ? [
    /** @type {HTMLElement} */
    element,
    ...found
  ] : found;
}
function outputOf(anchor) {
  return anchor.closest(OUTPUT) ?? anchor;
}
function allAnchors(output) {
  const elements = [output, ...output.querySelectorAll(`[class*="${ANCHOR}"]`)];
  return elements.flatMap((element) => {
    const name = [...element.classList].find((each) => each.startsWith(ANCHOR));
    return name ? [[
      /** @type {HTMLElement} */
      element,
      name.slice(ANCHOR.length)
    ]] : [];
  });
}
function stageOf(output) {
  const next = output.nextElementSibling;
  return next?.classList.contains(STAGE) ? (
    /** @type {HTMLElement} */
    next
  ) : null;
}
function slotOf(stage, key) {
  const slots = (
    /** @type {HTMLElement[]} */
    [...stage?.children ?? []]
  );
  return slots.find(({ dataset }) => dataset.session === key) ?? null;
}
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
  stage.insertBefore(slot, later.find(Boolean) ?? null);
  return slot;
}
function arrange(output) {
  const stage = stageOf(output);
  const anchors = allAnchors(output);
  for (const [anchor, key] of anchors) setDisplayed(anchor, !slotOf(stage, key));
  if (anchors[0]?.[0] === output) return;
  setDisplayed(output, !anchors.length || anchors.some(([, key]) => !slotOf(stage, key)));
}
function setDisplayed(element, displayed) {
  const display = displayed ? "" : "none";
  if (element.style.display !== display) element.style.display = display;
}

// src/shared/notebook.js
var PATIENCE = 1e3;
var SHARED_PATIENCE = 5e3;
var WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";
function createNotebook(model) {
  const manager = model.widget_manager;
  if (!manager?.context?.model?.cells) return null;
  let timer;
  function find(key) {
    const name = `docprogress-output-${key}`;
    const found = [];
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
    }
  };
}

// src/shared/places.js
var SETTLE = 300;
var LONGEST_SETTLE = 5e3;
var LOOK = 50;
function createPlaces({ model, page, show, onFound }) {
  const notebook = createNotebook(model);
  const createdAt = performance.now();
  const displaying = /* @__PURE__ */ new Map();
  let key = "";
  let found = false;
  let timer;
  const anchors = createAnchors(drawInAnchor, () => notebook?.closed === true);
  function drawInAnchor(element) {
    const remove = show(element);
    look();
    return remove;
  }
  function look() {
    if (!notebook || found || timer || !key) return;
    timer = setTimeout(
      () => {
        timer = void 0;
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
      Math.max(createdAt + SETTLE - performance.now(), LOOK)
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
    }
  };
}

// src/uploader/speed.js
var WINDOW = 4e3;
var MINIMUM = 300;
function createSpeedMeter() {
  let samples = [];
  return {
    /** @param {number} received bytes so far */
    add(received) {
      const now = performance.now();
      samples = [...samples.filter(({ at }) => at > now - WINDOW), { at: now, received }];
    },
    reset() {
      samples = [];
    },
    /** Bytes a second; null if unknown. */
    value() {
      const first = samples[0];
      const last = samples[samples.length - 1];
      if (!first || last.at - first.at < MINIMUM) return null;
      return Math.max(1e3 * (last.received - first.received) / (last.at - first.at), 0);
    }
  };
}

// src/uploader/transfer.js
var WINDOW2 = 4;
function createTransfer({ send, chunkSize, onUnreadable }) {
  const files = /* @__PURE__ */ new Map();
  const inFlight = /* @__PURE__ */ new Map();
  function dropInFlight(key) {
    for (const [id, chunk] of inFlight) if (chunk.key === key) inFlight.delete(id);
  }
  function nextChunk() {
    for (const [key, outgoing] of files) {
      if (!outgoing.accepted) continue;
      const lost = outgoing.lost.shift();
      if (lost !== void 0) return { key, outgoing, offset: lost };
      if (outgoing.nextOffset < outgoing.file.size) {
        const offset = outgoing.nextOffset;
        outgoing.nextOffset += chunkSize();
        return { key, outgoing, offset };
      }
    }
    return null;
  }
  async function sendChunk(key, { file }, offset) {
    const chunk = { key, offset, message: 0 };
    const id = `${key} ${offset}`;
    inFlight.set(id, chunk);
    const end = Math.min(offset + chunkSize(), file.size);
    const bytes = await file.slice(offset, end).arrayBuffer().catch(() => null);
    if (inFlight.get(id) !== chunk) return;
    if (bytes?.byteLength === end - offset) {
      chunk.message = send({ type: "chunk", key, offset }, [bytes]);
    } else onUnreadable(key);
  }
  const transfer = {
    files,
    /**
     * @param {string} key
     * @param {File} file
     * @param {string} drop
     */
    add(key, file, drop) {
      const state = { announcedAt: 0, accepted: false, nextOffset: 0, lost: [] };
      files.set(key, { file, drop, ...state });
    },
    /** @param {string} key */
    remove(key) {
      files.delete(key);
      dropInFlight(key);
    },
    clear() {
      files.clear();
      inFlight.clear();
    },
    /**
     * @param {string} key
     * @param {number} offset
     */
    acknowledge(key, offset) {
      inFlight.delete(`${key} ${offset}`);
    },
    /**
     * Start over with a file of which the kernel knows nothing.
     *
     * @param {string} key
     */
    restart(key) {
      Object.assign(files.get(key) ?? {}, { accepted: false, nextOffset: 0, lost: [] });
      dropInFlight(key);
    },
    /**
     * Send again what was sent before the kernel was asked, but has not arrived.
     *
     * @param {string} key
     * @param {Set<number>} arrived offsets
     * @param {number} asked the number of the question
     */
    resendLost(key, arrived, asked) {
      for (const [id, chunk] of inFlight) {
        if (chunk.key !== key || !chunk.message || chunk.message >= asked) continue;
        inFlight.delete(id);
        if (!arrived.has(chunk.offset)) files.get(key)?.lost.push(chunk.offset);
      }
    },
    /** Send as many chunks as may be in flight. */
    pump() {
      while (inFlight.size < WINDOW2) {
        const next = nextChunk();
        if (!next) break;
        sendChunk(next.key, next.outgoing, next.offset);
      }
    }
  };
  return transfer;
}

// src/shared/dom.js
var CLASS_PREFIX = "dp-";
function createElement(tag, classNames = "", ...children) {
  const element = document.createElement(tag);
  for (const name of classNames.split(" ").filter(Boolean)) toggleClass(element, name, true);
  element.append(...children);
  return element;
}
function createButton(label, signal, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  toggleClass(button, "button", true);
  button.textContent = label;
  suppressShortcuts(button);
  button.addEventListener("click", () => onClick(), { signal });
  return button;
}
function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}
function suppressShortcuts(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
}
function setText(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}
function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}
function setAttribute(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}
function toggleClass(element, name, present) {
  const className = `${CLASS_PREFIX}${name}`;
  if (element.classList.contains(className) !== present) {
    element.classList.toggle(className, present);
  }
}
function setStyle(element, property, value) {
  if (element.style.getPropertyValue(property) !== value) {
    element.style.setProperty(property, value);
  }
}
function setHidden(element, hidden) {
  if (element.hidden === hidden) return;
  const focused = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (focused) element.closest(".docprogress")?.focus();
}

// src/shared/icons.js
var STATE_PATHS = {
  queued: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2Z",
  processing: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm0 1.5a5 5 0 1 1 0 10A5 5 0 0 1 8 3Zm0 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  stalled: "M8 1.2c.35 0 .66.19.83.5l6.2 11.4a.95.95 0 0 1-.83 1.4H1.8a.95.95 0 0 1-.83-1.4L7.17 1.7c.17-.31.48-.5.83-.5ZM7.2 5.6l.2 4.4h1.2l.2-4.4Zm.8 5.3a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8Z",
  completed: "M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Zm3.1 3.9 1.1 1-4.9 5.5-3-2.8 1-1.1 1.9 1.7Z",
  failed: "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2ZM5.7 4.6 4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9Z",
  cancelled: "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM4.9 7.25h6.2v1.5H4.9Z"
};
var CLOSE_PATH = "M3.7 2.6 8 6.9l4.3-4.3 1.1 1.1L9.1 8l4.3 4.3-1.1 1.1L8 9.1l-4.3 4.3-1.1-1.1L6.9 8 2.6 3.7Z";
var UPLOAD_PATH = "M8 1.5 12.6 6l-1.1 1.1-2.7-2.6V11H7.2V4.5L4.5 7.1 3.4 6ZM2 12.5h12V14H2Z";
function createSvg(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  shape.setAttribute("fill-rule", "evenodd");
  svg.append(shape);
  return svg;
}
function createIcon(state = "queued") {
  const icon = createElement("span", "icon", createSvg(STATE_PATHS[state]));
  icon.dataset.state = state;
  return icon;
}
function setIcon(icon, state) {
  if (icon.dataset.state === state) return;
  icon.dataset.state = state;
  icon.querySelector("path")?.setAttribute("d", STATE_PATHS[state]);
}

// src/uploader/folders.js
async function readFolder(folder, found, limit) {
  const reader = folder.createReader();
  let unreadable = 0;
  for (; ; ) {
    let entries;
    try {
      entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    } catch {
      return unreadable + 1;
    }
    if (!entries.length) return unreadable;
    for (const entry of entries) {
      if (found.length >= limit) return unreadable;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) {
        const inner = (
          /** @type {FileSystemDirectoryEntry} */
          entry
        );
        unreadable += await readFolder(inner, found, limit);
        continue;
      }
      try {
        const file = await new Promise(
          (resolve, reject) => (
            /** @type {FileSystemFileEntry} */
            entry.file(resolve, reject)
          )
        );
        found.push({ path: entry.fullPath, file });
      } catch {
        unreadable += 1;
      }
    }
  }
}
function selectSupported(found, suffixes) {
  const files = found.filter(({ path, file: { name } }) => {
    const hidden = path.split("/").some((part) => part.startsWith("."));
    const suffix = name.toLowerCase().match(/\.[^.]*$/)?.[0] ?? "";
    return !hidden && (!suffixes || suffixes.includes(suffix));
  }).map(({ file }) => file);
  return { files, leftOut: found.length - files.length };
}

// src/uploader/drop-zone.js
var CHOOSING = 120;
var DRAGGING = 10;
function createDropZone({ signal, onFiles, onHold }) {
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
    folderInput
  );
  function choose(input) {
    onHold(CHOOSING);
    input.click();
  }
  for (const input of [filesInput, folderInput]) {
    input.addEventListener("change", () => addChosen(input), { signal });
    input.addEventListener("cancel", () => onHold(0), { signal });
  }
  function addChosen(input) {
    onHold(0);
    const chosen = [...input.files ?? []];
    if (input === folderInput) {
      const found = chosen.map((file) => ({ path: file.webkitRelativePath, file }));
      const { files, leftOut } = selectSupported(found, state?.limits.suffixes);
      onFiles(files, leftOutNote(leftOut));
    } else onFiles(chosen);
    input.value = "";
  }
  async function addDropped(transfer) {
    const items = [...transfer.items].filter(({ kind }) => kind === "file").map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
    const files = [];
    const found = [];
    let unreadable = 0;
    const limit = (state?.limits.max_files ?? 0) + 1;
    for (const { entry, file } of items) {
      if (entry?.isDirectory) {
        const folder = (
          /** @type {FileSystemDirectoryEntry} */
          entry
        );
        unreadable += await readFolder(folder, found, limit);
      } else if (file) files.push(file);
    }
    const supported = selectSupported(found, state?.limits.suffixes);
    const notes = [leftOutNote(supported.leftOut)];
    if (unreadable) notes.push(`${plural(unreadable, "item")} in folders could not be read.`);
    onFiles([...files, ...supported.files], notes.filter(Boolean).join(" "));
  }
  function hasFiles(event) {
    return Boolean(event.dataTransfer?.types.includes("Files")) && state?.silence !== "gone";
  }
  function listenOn(root) {
    let dragging = false;
    function setDragging(over) {
      dragging = over;
      toggleClass(root, "dragging", over);
    }
    function dragOver(event) {
      if (!hasFiles(event)) return;
      event.preventDefault();
      event.stopPropagation();
      if (!dragging) onHold(DRAGGING);
      setDragging(true);
    }
    function dragLeave({ relatedTarget }) {
      const target = (
        /** @type {Node | null} */
        relatedTarget
      );
      if (!target || !root.contains(target)) setDragging(false);
    }
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
    }
  };
}
function createFileInput(label) {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.hidden = true;
  input.setAttribute("aria-label", label);
  return input;
}
function leftOutNote(count) {
  return count ? `${plural(count, "file")} of other kinds in folders left out.` : "";
}

// src/shared/text.js
var MAX_TITLE = 6e3;
var MAX_CELL = 300;
var NAME_TAIL = 9;
function singleLine(text) {
  return replaceInvisible(text.slice(0, MAX_TITLE)).replace(/\s+/gu, " ").trim();
}
function replaceInvisible(text) {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "�").replace(/[^\P{Cc}\t\n\v\f\r]|\p{Cs}/gu, "�");
}
function sentence(text) {
  return text.replace(/^[a-z](?=[a-z’']*(?:[\s,;:!?…]|$))/, (letter) => letter.toUpperCase());
}
function truncate(text, length) {
  if (text.length <= length) return text;
  return `${text.slice(0, length).replace(/[\ud800-\udbff]$/, "").trimEnd()}…`;
}
var SPLITTABLE = /^[\x20-\x7e\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uff60ー–—’“”]+$/u;
function setName(element, name) {
  if (element.title === name) return;
  element.title = name;
  const characters = [...name.normalize("NFC")];
  const splits = characters.length > 2 * NAME_TAIL && SPLITTABLE.test(characters.join(""));
  const parts = splits ? [characters.slice(0, MAX_CELL).slice(0, -NAME_TAIL), characters.slice(-NAME_TAIL)] : [truncate(name, MAX_CELL)];
  const spans = parts.map((part) => createElement("span", "", [...part].join("")));
  for (const span of spans) span.dir = "auto";
  element.replaceChildren(...spans);
}

// src/uploader/file-list.js
var MAX_LISTED = 1e3;
function createFileList({ signal, onRemove }) {
  const rows = /* @__PURE__ */ new Map();
  const list = withRole(createElement("ul", "files"), "list");
  list.setAttribute("aria-label", "files");
  const more = createElement("p", "more");
  function draw(entries, gone) {
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
  function removeOthers(keys) {
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      setHidden(row.element, true);
      row.element.remove();
      rows.delete(key);
    }
  }
  return { elements: [list, more], draw };
}
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
function stateOf({ status, received }) {
  if (status === "arrived") return "completed";
  if (status !== "arriving") return status;
  return received ? "processing" : "queued";
}
function percentOf({ size, received, status }) {
  const percent = Math.floor(100 * received / Math.max(size, 1));
  return status === "arrived" ? 100 : Math.min(percent, 99);
}
function statusText(entry, gone) {
  if (entry.status === "failed") return singleLine(entry.error ?? "failed");
  if (entry.status === "cancelled") return "cancelled";
  if (entry.status === "arrived") return gone ? "was uploaded" : "uploaded";
  if (gone) return "did not arrive";
  if (!entry.received) return entry.own === false ? "from another window" : "waiting";
  return `${percentOf(entry)} %${entry.own === false ? ", from another window" : ""}`;
}

// src/uploader/totals.js
function totalsOf(entries, batch) {
  const totals = { arriving: 0, arrived: 0, failed: 0, cancelled: 0 };
  let [size, received, arrivedSize] = [0, 0, 0];
  for (const entry of entries) {
    totals[entry.status] += 1;
    if (entry.status === "arrived") arrivedSize += entry.size;
    if (batch.has(entry.key) && (entry.status === "arriving" || entry.status === "arrived")) {
      size += entry.size;
      received += entry.received;
    }
  }
  const part = Math.floor(100 * received / Math.max(size, 1));
  const percent = totals.arriving ? Math.min(part, 99) : part;
  return { ...totals, size, received, arrivedSize, percent };
}
function progressText({ arriving, size, received }, speed) {
  const total = fileSize(size);
  const unit = total.slice(total.indexOf(" "));
  const done = fileSize(received);
  const number = done.endsWith(unit) ? done.slice(0, -unit.length) : done;
  const parts = [plural(arriving, "file"), `${number} of ${total}`];
  if (speed) parts.push(`${fileSize(speed)}/s`, remaining((size - received) / speed));
  return parts.join(" · ");
}
function resultText({ arrived, arrivedSize, failed, cancelled }) {
  const parts = [];
  if (arrived) parts.push(`${plural(arrived, "file")} uploaded, ${fileSize(arrivedSize)}`);
  if (failed) parts.push(`${formatNumber(failed)} failed`);
  if (cancelled) parts.push(`${formatNumber(cancelled)} cancelled`);
  return parts.join(" · ");
}

// src/uploader/view.js
var DRAW_INTERVAL = 100;
var ANNOUNCEMENT_INTERVAL = 2e3;
var SILENCE_TEXT = {
  "": "",
  busy: "Waiting for the kernel, which is busy. The upload resumes when it answers.",
  lost: "The connection to the kernel is lost. The upload resumes when it is restored.",
  gone: "The kernel was restarted or has ended, and the uploaded files were deleted with it. Run the cell again."
};
function createUploader(element, actions) {
  const closing = new AbortController();
  const { signal } = closing;
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
    }
  };
}
function visibleEntries({ entries, limits }) {
  return entries.filter(({ submitted }) => !(limits.processed && submitted));
}
function createStatus({ signal, onRemoveAll, onRetry }) {
  const batch = /* @__PURE__ */ new Set();
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
        }, wait)
      );
    },
    close() {
      clearTimeout(timer);
    }
  };
}

// src/uploader/watchdog.js
var TIMEOUT = 3e3;
var LONGEST_TIMEOUT = 3e4;
var CHECK_INTERVAL = 500;
function createWatchdog({ model, onAsk, onSilence }) {
  let lastMessageAt = -Infinity;
  let timeout = TIMEOUT;
  let nextAskAt = Infinity;
  let timer = 0;
  function check() {
    const now = performance.now();
    if (now < lastMessageAt + TIMEOUT || watchdog.silence === "gone") return;
    const status = model.widget_manager?.kernel?.connectionStatus;
    watchdog.silence = status === void 0 || status === "connected" ? "busy" : "lost";
    if (now >= nextAskAt) {
      timeout = Math.min(2 * timeout, LONGEST_TIMEOUT);
      nextAskAt = now + timeout;
      onAsk();
    }
    onSilence();
  }
  const watchdog = {
    /** @type {Silence} */
    silence: "",
    /** Record a sign of life. */
    reset() {
      lastMessageAt = performance.now();
      timeout = TIMEOUT;
      nextAskAt = lastMessageAt + timeout;
      watchdog.silence = "";
    },
    start() {
      timer ||= Number(setInterval(check, CHECK_INTERVAL));
    },
    stop() {
      clearInterval(timer);
      timer = 0;
      if (watchdog.silence !== "gone") watchdog.silence = "";
    },
    /** Record that the kernel is gone for good. */
    setGone() {
      watchdog.stop();
      watchdog.silence = "gone";
    }
  };
  return watchdog;
}

// src/uploader/session.js
function createUploadSession(model) {
  const views = /* @__PURE__ */ new Set();
  const entries = /* @__PURE__ */ new Map();
  const page = pageId();
  const speed = createSpeedMeter();
  const transfer = createTransfer({ send, chunkSize: () => limits.chunk, onUnreadable });
  const watchdog = createWatchdog({ model, onAsk: askKernel, onSilence });
  let limits = {
    max_bytes: 0,
    max_files: 0,
    chunk: 1 << 20,
    suffixes: [],
    processed: false
  };
  let note = "";
  let guide = "";
  let problem = "";
  let messages = 0;
  let drops = 0;
  function send(content, buffers) {
    messages += 1;
    try {
      model.send(content, void 0, buffers);
    } catch {
      disconnect();
    }
    return messages;
  }
  function addFiles(files, leftOut = "") {
    const offered = [...files];
    const accepted = offered.slice(0, Math.max(limits.max_files - countOpen(), 0));
    const excess = offered.length - accepted.length;
    const notes = [leftOut];
    if (excess) {
      const limit = `the limit is ${formatNumber(limits.max_files)} files`;
      notes.push(`${plural(excess, "file")} left out: ${limit}.`);
    }
    note = notes.filter(Boolean).join(" ") || (offered.length ? "" : "It contains no files.");
    if (!transfer.files.size) watchdog.reset();
    drops += 1;
    const drop = `${page}-${drops}`;
    announce(drop, accepted.map((file, position) => addFile(`${drop}-${position}`, file, drop)));
    draw();
  }
  function countOpen() {
    return [...entries.values()].filter(
      ({ status, submitted }) => !submitted && (status === "arriving" || status === "arrived")
    ).length;
  }
  function addFile(key, file, drop) {
    const { name, size } = file;
    const error = refusal(file);
    const entry = {
      key,
      name,
      size,
      status: error ? "failed" : "arriving",
      error,
      received: 0,
      submitted: false,
      version: 0,
      own: true
    };
    entries.set(key, entry);
    if (!error) transfer.add(key, file, drop);
    return entry;
  }
  function refusal({ size }) {
    if (!size) return "the file is empty";
    if (size > limits.max_bytes) return `too large: the limit is ${fileSize(limits.max_bytes)}`;
    return null;
  }
  function announce(drop, files) {
    if (!files.length) return;
    const message = send({
      type: "drop",
      drop,
      files: files.map(({ key, name, size, error }) => ({ key, name, size, error }))
    });
    for (const { key } of files) {
      const outgoing = transfer.files.get(key);
      if (outgoing) outgoing.announcedAt = message;
    }
    if (transfer.files.size) watchdog.start();
  }
  function onUnreadable(key) {
    const error = "the file was changed, moved or deleted while it was read";
    endFile(key, "failed", error);
    send({ type: "lost", key, error });
    transfer.pump();
    draw();
  }
  function endFile(key, status, error) {
    stopSending(key);
    const entry = entries.get(key);
    if (entry?.status === "arriving") entries.set(key, { ...entry, status, error });
  }
  function stopSending(key) {
    transfer.remove(key);
    if (!transfer.files.size) stopWatching();
  }
  function stopWatching() {
    watchdog.stop();
    speed.reset();
  }
  function mergeEntry(received) {
    const { key } = received;
    const known = entries.get(key);
    if (known && received.version <= known.version) return;
    const outgoing = transfer.files.get(key);
    const ended = known?.own && !outgoing && known.status !== "arriving";
    const status = ended && received.status === "arriving" ? known.status : received.status;
    entries.set(key, { ...received, status, own: key.startsWith(`${page}-`) });
    if (!outgoing) return;
    if (received.status === "arriving") outgoing.accepted = true;
    else stopSending(key);
  }
  function receive(message) {
    watchdog.reset();
    if (message.type === "got") {
      transfer.acknowledge(message.key, message.offset);
      mergeEntry(message.file);
      measureSpeed();
    } else if (message.type === "files") {
      message.files.forEach(mergeEntry);
      problem = message.problem ?? "";
      guide = message.guide ?? "";
    } else if (message.type === "gone") {
      for (const key of message.keys) entries.delete(key);
      note = "";
    } else if (message.type === "state") {
      const received = message.files.map((file) => [file.key, file]);
      sendMissing(message.asked, new Map(received));
    } else if (message.type === "table") places.replace(message);
    transfer.pump();
    draw();
    places.enter(model.get("snapshot")?.session ?? "");
  }
  function sendMissing(asked, received) {
    const unknown = /* @__PURE__ */ new Map();
    for (const [key, { announcedAt, drop }] of [...transfer.files]) {
      const file = received.get(key);
      if (file) {
        mergeEntry(file);
        transfer.resendLost(key, new Set(file.have), asked);
      } else if (announcedAt < asked) {
        transfer.restart(key);
        const entry = (
          /** @type {FileEntry} */
          entries.get(key)
        );
        unknown.set(drop, [...unknown.get(drop) ?? [], entry]);
      }
    }
    for (const [drop, files] of unknown) announce(drop, files);
  }
  function askKernel() {
    send({ type: "ask", asked: messages + 1, keys: [...transfer.files.keys()] });
  }
  function onSilence() {
    speed.reset();
    draw();
  }
  function measureSpeed() {
    const own = [...entries.values()].filter((entry) => entry.own);
    speed.add(own.reduce((sum, { received }) => sum + received, 0));
  }
  function disconnect() {
    transfer.clear();
    speed.reset();
    watchdog.setGone();
    draw();
  }
  function cancel(keys) {
    for (const key of keys) if (transfer.files.has(key)) endFile(key, "cancelled", null);
    send({ type: "cancel", keys });
    transfer.pump();
    draw();
  }
  function cancelOnLeave() {
    if (transfer.files.size) send({ type: "cancel", keys: [...transfer.files.keys()] });
  }
  function restoreSnapshot() {
    const snapshot = model.get("snapshot");
    if (!snapshot?.files) return;
    const { max_bytes, max_files, chunk, suffixes, processed } = snapshot;
    limits = { max_bytes, max_files, chunk, suffixes, processed };
    problem = snapshot.problem ?? "";
    guide = snapshot.guide ?? "";
    const kept = new Set(snapshot.files.map(({ key }) => key));
    for (const key of [...entries.keys()]) {
      if (!kept.has(key) && !transfer.files.has(key)) entries.delete(key);
    }
    snapshot.files.forEach(mergeEntry);
    transfer.pump();
    draw();
  }
  function currentState() {
    const { silence } = watchdog;
    const measured = transfer.files.size && !silence ? speed.value() : null;
    const notes = [note, guide].filter(Boolean).join(" ");
    const listed = [...entries.values()];
    return { limits, entries: listed, silence, note: notes, problem, speed: measured };
  }
  function draw() {
    if (!views.size) return;
    const state = currentState();
    for (const view of views) view.draw(state);
  }
  function show(element) {
    const view = createUploader(element, {
      onFiles: addFiles,
      onCancel: cancel,
      onForget: (keys) => send({ type: "forget", keys }),
      onRetry: () => send({ type: "again" }),
      onHold: (seconds) => send({ type: "hold", seconds })
    });
    views.add(view);
    view.draw(currentState());
    return () => {
      views.delete(view);
      view.close();
    };
  }
  const places = createPlaces({ model, page, show, onFound: send });
  const listeners = [
    ["msg:custom", receive],
    ["change:snapshot", restoreSnapshot],
    ["comm_live_update", disconnect]
  ];
  for (const [event, listener] of listeners) model.on(event, listener);
  window.addEventListener("pagehide", cancelOnLeave);
  restoreSnapshot();
  askKernel();
  return {
    addFiles,
    show: places.show,
    close() {
      for (const [event, listener] of listeners) model.off(event, listener);
      window.removeEventListener("pagehide", cancelOnLeave);
      places.close();
      stopWatching();
      transfer.clear();
      for (const view of views) view.close();
      views.clear();
    }
  };
}

// src/uploader.js
var uploader_default = createWidget(createUploadSession);
export {
  uploader_default as default
};
