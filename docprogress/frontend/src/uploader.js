/**
 * Takes files that are dropped or picked, and sends them to the kernel in chunks.
 *
 * A chunk is on its way until the kernel has said that it is there; only a few are
 * at a time, so that nothing piles up anywhere.  What the kernel did not say it does
 * not have: after a silence it is asked, and sent what it lacks.  Text reaches the
 * page as text and never as markup.
 *
 * There are no imports: the module is loaded from a Blob URL, which nothing can
 * be relative to.
 */

/** @typedef {"arriving" | "arrived" | "failed" | "cancelled"} Status */

/**
 * One file, as the kernel has it.
 *
 * @typedef {object} Entry
 * @property {string} key
 * @property {string} name
 * @property {number} size bytes
 * @property {Status} status
 * @property {string | null} error
 * @property {number} received bytes
 * @property {boolean} submitted whether it is part of a run
 * @property {number} version of two entries the higher one is true
 * @property {boolean} [own] whether it is sent from this page
 */

/**
 * What may be uploaded.
 *
 * @typedef {object} Limits
 * @property {number} max_bytes
 * @property {number} max_files
 * @property {number} chunk bytes
 * @property {string[]} suffixes what is taken from folders
 * @property {boolean} processed whether what has arrived is processed at once
 */

/**
 * @typedef {object} Picture everything that is drawn
 * @property {Limits} limits
 * @property {Entry[]} entries
 * @property {"" | "busy" | "lost" | "gone"} silence why the kernel does not answer
 * @property {string} note what was left out
 * @property {string} problem why what has arrived is not processed
 * @property {number | null} speed bytes a second, while something is sent
 */

/**
 * @typedef {object} Actions
 * @property {(files: Iterable<File>, note?: string) => void} onFiles
 * @property {(keys: string[]) => void} onCancel
 * @property {(keys: string[]) => void} onForget
 * @property {() => void} onAgain
 * @property {(seconds: number) => void} onHold somebody is about to choose files
 */

/** @typedef {{draw: (picture: Picture) => void, close: () => void}} Uploader */

/** Chunks on their way at a time, of all files together. */
const WINDOW = 4;

/** Milliseconds without a word after which the kernel is asked, and the longest. */
const SILENCE = 3000;
const LONGEST_SILENCE = 30_000;

/** Milliseconds between two looks at how long the silence is. */
const LOOK = 500;

/** Milliseconds between two drawings: more cost what sends the files. */
const DRAWING = 100;

/** Milliseconds over which the speed is measured. */
const PACE = 4000;

/** Seconds that the uploader is asked to stay while somebody chooses, or aims. */
const CHOOSING = 120;
const AIMING = 10;

/** The most characters of a name that are laid out. */
const LONGEST_NAME = 300;

/** Characters at the end of a long name that stay visible. */
const TAIL = 9;

/** The most files that are listed. */
const LISTED = 1000;

/** Milliseconds between two announcements to those who listen to the page. */
const ANNOUNCEMENTS = 2000;

/** What the names of all classes but the root's begin with. */
const PREFIX = "dp-";

/** One shape for each state, as the view of progress has them. */
const SHAPES = {
  queued: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 1.4a4.6 4.6 0 1 1 0 9.2 4.6 4.6 0 0 1 0-9.2Z",
  processing:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm0 1.5a5 5 0 1 1 0 10A5 5 0 0 1 8 3Zm0 2a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
  completed:
    "M8 1.2a6.8 6.8 0 1 0 0 13.6A6.8 6.8 0 0 0 8 1.2Zm3.1 3.9 1.1 1-4.9 5.5-3-2.8 1-1.1 1.9 1.7Z",
  failed:
    "M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2ZM5.7 4.6 4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9Z",
  cancelled:
    "M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3ZM4.9 7.25h6.2v1.5H4.9Z",
};

const CLOSE_SHAPE =
  "M3.7 2.6 8 6.9l4.3-4.3 1.1 1.1L9.1 8l4.3 4.3-1.1 1.1L8 9.1l-4.3 4.3-1.1-1.1L6.9 8 2.6 3.7Z";

const ARROW_SHAPE = "M8 1.5 12.6 6l-1.1 1.1-2.7-2.6V11H7.2V4.5L4.5 7.1 3.4 6ZM2 12.5h12V14H2Z";

/** @type {Record<Picture["silence"], string>} */
const SILENT = {
  "": "",
  busy: "Waiting for the kernel, which is busy. The upload goes on when it answers.",
  lost: "The connection to the kernel is lost. The upload goes on when it is back.",
  gone: "The kernel was restarted or has ended: what was uploaded here is gone with it. Run the cell again.",
};

const NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/**
 * Begin to draw into `element`.
 *
 * @param {HTMLElement} element gets one child, which `close` takes away again
 * @param {Actions} actions
 * @returns {Uploader}
 */
export function createUploader(element, actions) {
  const closing = new AbortController();
  const { signal } = closing;
  /** @type {Map<string, ReturnType<typeof createRow>>} */
  const rows = new Map();
  /** @type {Set<string>} */
  const together = new Set();
  /** @type {Picture | null} */
  let picture = null;
  let frame = 0;
  let timer = 0;
  let drawnAt = -Infinity;
  let announced = { text: "", at: -Infinity };
  let announcing = 0;

  const filesInput = makeInput("Choose files");
  const folderInput = makeInput("Choose a folder");
  folderInput.setAttribute("webkitdirectory", "");
  const choose = makeButton("Choose files", signal, () => pick(filesInput));
  const chooseFolder = makeButton("Choose a folder", signal, () => pick(folderInput));
  const invitation = make("span", "invitation", "Drop documents here, or");
  const limits = make("p", "limits");
  const zone = make(
    "div",
    "zone",
    make("span", "arrow", makeSvg(ARROW_SHAPE)),
    make("div", "offer", invitation, choose, chooseFolder),
    limits,
    filesInput,
    folderInput,
  );
  const percent = make("span", "percent");
  const facts = make("span", "pace");
  const all = makeButton("Cancel all", signal, () => actAll());
  const headline = make("div", "headline", percent, facts, all);
  const fill = make("div", "fill");
  const bar = withRole(make("div", "bar dp-sum", fill), "progressbar");
  bar.setAttribute("aria-label", "uploaded of all files");
  tell(bar, "aria-valuemin", 0);
  tell(bar, "aria-valuemax", 100);
  const silence = make("p", "problem");
  const problem = make("p", "problem");
  const problemText = make("span", "words");
  problem.append(problemText, makeButton("Try again", signal, () => actions.onAgain()));
  const note = make("p", "notice");
  const total = make("div", "header", headline, bar, silence, problem, note);
  const list = withRole(make("ul", "files"), "list");
  list.setAttribute("aria-label", "files");
  const more = make("p", "more");
  const live = make("div", "hidden-text");
  live.setAttribute("aria-live", "polite");
  const root = make("div", "", zone, total, list, more, live);
  root.className = "docprogress";
  mark(root, "uploader", true);
  withRole(root, "group");
  root.setAttribute("aria-label", "Upload documents");
  root.tabIndex = -1;

  /** @param {HTMLInputElement} input */
  function pick(input) {
    actions.onHold(CHOOSING);
    input.click();
  }

  for (const input of [filesInput, folderInput]) {
    input.addEventListener(
      "change",
      () => {
        actions.onHold(0);
        const found = input === folderInput ? chosen(input.files ?? []) : null;
        actions.onFiles(found?.files ?? [...(input.files ?? [])], found?.note);
        // The same file can be chosen again.
        input.value = "";
      },
      { signal },
    );
    input.addEventListener("cancel", () => actions.onHold(0), { signal });
  }

  /** @param {Iterable<File>} files */
  function chosen(files) {
    const { taken, left } = sift([...files].map((file) => [file.webkitRelativePath, file]));
    return { files: taken, note: leftOut(left) };
  }

  /** @param {[string, File][]} found files of folders, by their paths */
  function sift(found) {
    const taken = found.filter(([path, { name }]) => {
      const hidden = path.split("/").some((part) => part.startsWith("."));
      return !hidden && fits(name);
    });
    return { taken: taken.map(([, file]) => file), left: found.length - taken.length };
  }

  /** @param {string} name */
  function fits(name) {
    const suffix = name.toLowerCase().match(/\.[^.]*$/)?.[0] ?? "";
    return !picture || picture.limits.suffixes.includes(suffix);
  }

  /** @param {DataTransfer} transfer */
  async function dropped(transfer) {
    // All of them are asked for before the first pause: they are gone after it.
    const entries = [...transfer.items]
      .filter(({ kind }) => kind === "file")
      .map((item) => [item.webkitGetAsEntry?.() ?? null, item.getAsFile()]);
    /** @type {File[]} */
    const files = [];
    /** @type {[string, File][]} */
    const inside = [];
    const unread = { count: 0 };
    const most = (picture?.limits.max_files ?? 0) + 1;
    for (const [entry, file] of /** @type {[FileSystemEntry | null, File | null][]} */ (entries)) {
      if (entry?.isDirectory) {
        await readFolder(/** @type {FileSystemDirectoryEntry} */ (entry), inside, unread, most);
      } else if (file) files.push(file);
    }
    const { taken, left } = sift(inside);
    const notes = [leftOut(left)];
    if (unread.count) notes.push(`${many(unread.count, "thing")} in folders could not be read.`);
    actions.onFiles([...files, ...taken], notes.filter(Boolean).join(" "));
  }

  /** @param {DragEvent} event */
  function withFiles(event) {
    return Boolean(event.dataTransfer?.types.includes("Files")) && picture?.silence !== "gone";
  }

  for (const kind of /** @type {const} */ (["dragenter", "dragover"])) {
    root.addEventListener(
      kind,
      (event) => {
        if (!withFiles(event)) return;
        event.preventDefault();
        event.stopPropagation();
        if (!root.classList.contains("dp-over")) actions.onHold(AIMING);
        mark(root, "over", true);
      },
      { signal },
    );
  }
  root.addEventListener(
    "dragleave",
    (event) => {
      const to = /** @type {Node | null} */ (event.relatedTarget);
      if (!to || !root.contains(to)) mark(root, "over", false);
    },
    { signal },
  );
  root.addEventListener(
    "drop",
    (event) => {
      mark(root, "over", false);
      if (!withFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      event.stopPropagation();
      dropped(event.dataTransfer);
    },
    { signal },
  );

  /** What is part of a run is shown by the view of that. */
  function listed() {
    if (!picture) return [];
    const { entries, limits: told } = picture;
    return entries.filter(({ submitted }) => !(told.processed && submitted));
  }

  function actAll() {
    const shown = listed();
    const arriving = shown.filter(({ status }) => status === "arriving");
    if (arriving.length) actions.onCancel(arriving.map(({ key }) => key));
    else actions.onForget(shown.map(({ key }) => key));
  }

  /** @param {string} key */
  function act(key) {
    const entry = picture?.entries.find((each) => each.key === key);
    if (entry?.status === "arriving") actions.onCancel([key]);
    else actions.onForget([key]);
  }

  function paint() {
    frame = 0;
    drawnAt = performance.now();
    if (!picture) return;
    const { processed, max_bytes, max_files } = picture.limits;
    const gone = picture.silence === "gone";
    put(
      limits,
      `Up to ${amount(max_bytes)} each, ${NUMBERS.format(max_files)} files` +
        (processed ? "; processed as soon as they are here" : ""),
    );
    for (const button of [choose, chooseFolder]) button.disabled = gone;
    mark(root, "gone", gone);
    const entries = picture.entries;
    // Whatever is sent at once is one bar, which does not fall when a file is there.
    const arriving = entries.filter(({ status }) => status === "arriving");
    if (!arriving.length) together.clear();
    for (const { key } of arriving) together.add(key);
    const sum = summarise(entries, together);
    const sending = sum.arriving > 0 && !gone;
    const said = sending ? pace(sum, picture.speed) : outcome(sum);
    hide(headline, !said);
    hide(bar, !sending);
    hide(percent, !sending);
    put(percent, `${sum.percent} %`);
    style(fill, "width", `${sum.percent}%`);
    tell(bar, "aria-valuenow", sum.percent);
    put(facts, said);
    put(all, sum.arriving ? "Cancel all" : "Remove all");
    hide(all, gone || !listed().length);
    put(silence, SILENT[picture.silence]);
    hide(silence, !picture.silence);
    put(problemText, picture.problem);
    hide(problem, !picture.problem || gone);
    put(note, picture.note);
    hide(note, !picture.note);
    hide(total, !entries.length && !picture.silence && !picture.note);
    paintRows(listed());
    const trouble = picture.silence ? SILENT[picture.silence] : picture.problem;
    announce(
      [trouble || (sending ? `Uploading ${many(sum.arriving, "file")}` : outcome(sum)), picture.note]
        .filter(Boolean)
        .join(". "),
    );
  }

  /** @param {Entry[]} entries */
  function paintRows(entries) {
    // What failed comes first; the rest stays where it was.
    const ordered = [...entries.filter(failed), ...entries.filter((entry) => !failed(entry))];
    const shown = ordered.slice(0, LISTED);
    const wanted = new Set(shown.map(({ key }) => key));
    for (const [key, row] of rows) {
      if (wanted.has(key)) continue;
      if (row.element.contains(document.activeElement)) root.focus();
      row.element.remove();
      rows.delete(key);
    }
    let place = list.firstElementChild;
    for (const entry of shown) {
      let row = rows.get(entry.key);
      if (!row) {
        row = createRow(signal, () => act(entry.key));
        rows.set(entry.key, row);
      }
      row.draw(entry, picture?.silence === "gone");
      if (row.element === place) place = place.nextElementSibling;
      else list.insertBefore(row.element, place);
    }
    hide(list, !shown.length);
    put(more, `… and ${NUMBERS.format(ordered.length - shown.length)} more`);
    hide(more, ordered.length === shown.length);
  }

  /** @param {string} text */
  function announce(text) {
    if (text === announced.text) return;
    clearTimeout(announcing);
    const wait = Math.max(announced.at + ANNOUNCEMENTS - performance.now(), 0);
    announcing = Number(
      setTimeout(() => {
        announced = { text, at: performance.now() };
        put(live, text);
      }, wait),
    );
  }

  element.append(root);
  return {
    draw(next) {
      picture = next;
      if (frame || timer) return;
      const wait = drawnAt + DRAWING - performance.now();
      if (wait <= 0) frame = requestAnimationFrame(paint);
      else {
        timer = Number(
          setTimeout(() => {
            timer = 0;
            frame = requestAnimationFrame(paint);
          }, wait),
        );
      }
    },
    close() {
      closing.abort();
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      clearTimeout(announcing);
      root.remove();
    },
  };
}

/**
 * One file's line.
 *
 * @param {AbortSignal} signal
 * @param {() => void} pressed
 */
function createRow(signal, pressed) {
  const icon = make("span", "icon", makeSvg(SHAPES.queued));
  const name = make("span", "name");
  const fill = make("div", "fill");
  const bar = withRole(make("div", "bar", fill), "progressbar");
  tell(bar, "aria-valuemin", 0);
  tell(bar, "aria-valuemax", 100);
  const said = make("span", "said");
  const size = make("span", "amount");
  const button = makeButton("", signal, pressed);
  mark(button, "close", true);
  button.replaceChildren(makeSvg(CLOSE_SHAPE));
  const element = make("li", "file", icon, name, bar, said, size, button);
  return {
    element,
    /**
     * @param {Entry} entry
     * @param {boolean} gone whether nobody is there to do anything
     */
    draw(entry, gone) {
      const state = gone && entry.status === "arriving" ? "failed" : stateOf(entry);
      if (element.dataset.state !== state) {
        element.dataset.state = state;
        icon.querySelector("path")?.setAttribute("d", SHAPES[state]);
      }
      setName(name, entry.name);
      const done = percentOf(entry);
      const arriving = entry.status === "arriving" && !gone;
      tell(bar, "aria-valuenow", done);
      tell(bar, "aria-label", name.title);
      style(fill, "width", `${done}%`);
      hide(bar, !arriving);
      const text = wordsOf(entry, gone);
      put(said, text);
      said.title = text;
      put(size, amount(entry.size));
      const verb = arriving ? "Cancel" : "Remove";
      tell(button, "aria-label", `${verb} ${name.title}`);
      button.title = verb;
      hide(button, gone);
    },
  };
}

/** @param {Entry} entry */
function failed({ status }) {
  return status === "failed";
}

/**
 * @param {Entry} entry
 * @returns {keyof typeof SHAPES}
 */
function stateOf({ status, received }) {
  if (status === "arrived") return "completed";
  if (status !== "arriving") return status;
  return received ? "processing" : "queued";
}

/** @param {Entry} entry */
function percentOf({ size, received }) {
  return Math.floor((100 * received) / Math.max(size, 1));
}

/**
 * @param {Entry} entry
 * @param {boolean} gone
 */
function wordsOf(entry, gone) {
  if (entry.status === "failed") return plain(entry.error ?? "failed");
  if (entry.status === "cancelled") return "cancelled";
  if (entry.status === "arrived") return gone ? "was uploaded" : "uploaded";
  if (gone) return "did not arrive";
  if (!entry.received) return entry.own === false ? "from another window" : "waiting";
  return `${percentOf(entry)} %${entry.own === false ? ", from another window" : ""}`;
}

/**
 * @param {Entry[]} entries
 * @param {Set<string>} together what is sent at present, or was just before
 */
function summarise(entries, together) {
  const sum = { arriving: 0, arrived: 0, failed: 0, cancelled: 0, size: 0, received: 0, kept: 0 };
  for (const { key, status, size, received } of entries) {
    sum[status] += 1;
    if (status === "arrived") sum.kept += size;
    if (together.has(key) && (status === "arriving" || status === "arrived")) {
      sum.size += size;
      sum.received += received;
    }
  }
  return { ...sum, percent: Math.floor((100 * sum.received) / Math.max(sum.size, 1)) };
}

/**
 * How it goes on.
 *
 * @param {ReturnType<typeof summarise>} sum
 * @param {number | null} speed
 */
function pace(sum, speed) {
  const size = amount(sum.size);
  const unit = size.slice(size.indexOf(" "));
  const received = amount(sum.received);
  const here = received.endsWith(unit) ? received.slice(0, -unit.length) : received;
  const parts = [many(sum.arriving, "file"), `${here} of ${size}`];
  if (speed) {
    parts.push(`${amount(speed)}/s`, left((sum.size - sum.received) / speed));
  }
  return parts.join(" · ");
}

/** @param {ReturnType<typeof summarise>} sum */
function outcome(sum) {
  const parts = [];
  if (sum.arrived) parts.push(`${many(sum.arrived, "file")} uploaded, ${amount(sum.kept)}`);
  if (sum.failed) parts.push(`${NUMBERS.format(sum.failed)} failed`);
  if (sum.cancelled) parts.push(`${NUMBERS.format(sum.cancelled)} cancelled`);
  return parts.join(" · ");
}

/** @param {number} seconds */
function left(seconds) {
  if (seconds < 5) return "a few seconds left";
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.max(Math.round(seconds / 60), 1);
  return minutes < 60 ? `about ${minutes} min left` : `about ${Math.round(minutes / 60)} h left`;
}

/** @param {number} count */
function leftOut(count) {
  return count ? `${many(count, "file")} of other kinds in folders left out.` : "";
}

/**
 * Bytes, as a person says it.
 *
 * @param {number} size
 */
export function amount(size) {
  for (const [unit, name] of /** @type {[number, string][]} */ ([
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ])) {
    const value = size / unit;
    if (value >= 1) return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${name}`;
  }
  return many(Math.round(size), "byte");
}

/**
 * @param {number} count
 * @param {string} noun
 */
function many(count, noun) {
  return `${NUMBERS.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * All files of a folder and of those in it, until there are enough.
 *
 * @param {FileSystemDirectoryEntry} folder
 * @param {[string, File][]} found
 * @param {{count: number}} unread
 * @param {number} most
 */
async function readFolder(folder, found, unread, most) {
  const reader = folder.createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    let some;
    try {
      some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    } catch {
      unread.count += 1;
      return;
    }
    // It gives a hundred at a time, and none at the end.
    if (!some.length) return;
    for (const entry of some) {
      if (found.length >= most) return;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) {
        const inner = /** @type {FileSystemDirectoryEntry} */ (entry);
        await readFolder(inner, found, unread, most);
        continue;
      }
      try {
        const file = await new Promise((resolve, reject) =>
          /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
        );
        found.push([entry.fullPath, file]);
      } catch {
        unread.count += 1;
      }
    }
  }
}

/**
 * Somebody else's text as one line that turns no direction of what stands beside it.
 *
 * @param {string} text
 */
function plain(text) {
  return text
    .slice(0, 6000)
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replace(/[^\P{Cc}\t\n\v\f\r]|\p{Cs}/gu, "\ufffd")
    .replace(/\s+/gu, " ")
    .trim();
}

/**
 * Show a name whose end stays visible where its middle has no room.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
function setName(element, text) {
  const name = plain(text) || "unnamed";
  if (element.title === name) return;
  element.title = name;
  const simple = name.length > 2 * TAIL && /^[\x20-\x7e]+$/.test(name);
  const parts = simple
    ? [name.slice(0, LONGEST_NAME - TAIL).slice(0, -TAIL), name.slice(-TAIL)]
    : [name.slice(0, LONGEST_NAME).replace(/[\ud800-\udbff]$/, "")];
  const spans = parts.map((part) => make("span", "", part));
  for (const span of spans) span.dir = "auto";
  element.replaceChildren(...spans);
}

/** @param {string} label */
function makeInput(label) {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.hidden = true;
  // The button that opens it is what a keyboard and a reader find.
  input.setAttribute("aria-label", label);
  return input;
}

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  for (const name of className.split(" ").filter(Boolean)) {
    mark(element, name.replace(PREFIX, ""), true);
  }
  element.append(...children);
  return element;
}

/**
 * @param {string} label
 * @param {AbortSignal} signal
 * @param {() => unknown} pressed
 */
function makeButton(label, signal, pressed) {
  const button = document.createElement("button");
  button.type = "button";
  mark(button, "button", true);
  button.textContent = label;
  // JupyterLab takes keys for its own unless the focused element says otherwise.
  button.setAttribute("data-lm-suppress-shortcuts", "true");
  button.addEventListener("click", () => pressed(), { signal });
  return button;
}

/** @param {string} shape */
function makeSvg(shape) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", shape);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/**
 * @template {HTMLElement} T
 * @param {T} element
 * @param {string} role
 */
function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Element} element
 * @param {string} attribute
 * @param {string | number | boolean} value
 */
function tell(element, attribute, value) {
  const text = String(value);
  if (element.getAttribute(attribute) !== text) element.setAttribute(attribute, text);
}

/**
 * Give or take a class, under a name that no other style sheet of the page knows.
 *
 * @param {Element} element
 * @param {string} name
 * @param {boolean} marked
 */
function mark(element, name, marked) {
  element.classList.toggle(`${PREFIX}${name}`, marked);
}

/**
 * @param {HTMLElement} element
 * @param {string} property
 * @param {string} value
 */
function style(element, property, value) {
  if (element.style.getPropertyValue(property) !== value) {
    element.style.setProperty(property, value);
  }
}

/**
 * Hide an element, and keep the keyboard's focus in the uploader if it was there.
 *
 * @param {HTMLElement} element
 * @param {boolean} hidden
 */
function hide(element, hidden) {
  if (element.hidden === hidden) return;
  const focused = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (focused) /** @type {HTMLElement | null} */ (element.closest(".docprogress"))?.focus();
}

/**
 * The part of anywidget's model that is used.
 *
 * @typedef {object} Model
 * @property {(name: string) => any} get
 * @property {(event: string, callback: (...values: any[]) => void) => void} on
 * @property {(event: string, callback?: ((...values: any[]) => void) | null) => void} off
 * @property {(content: object, callbacks?: any, buffers?: ArrayBuffer[]) => void} send
 * @property {any} [widget_manager] JupyterLab's, which knows of the connection
 */

/**
 * A file that this page sends.
 *
 * @typedef {object} Sending
 * @property {File} file
 * @property {string} drop what it was dropped together with
 * @property {number} announcedAt the order of the message that announced it
 * @property {boolean} expected whether the kernel is ready for it
 * @property {number} next the offset of the first chunk that was never sent
 * @property {number[]} again offsets of chunks that were lost
 */

/**
 * What is sent from this page, and what the kernel has.
 *
 * @param {Model} model
 */
export function createUploads(model) {
  /** @type {Set<Uploader>} */
  const views = new Set();
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  /** @type {Map<string, Sending>} */
  const sending = new Map();
  /** @type {Map<string, {key: string, offset: number, order: number}>} by key and offset */
  const flights = new Map();
  /** @type {{at: number, received: number}[]} */
  let paces = [];
  /** @type {Limits} */
  let limits = {
    max_bytes: 0,
    max_files: 0,
    chunk: 1 << 20,
    suffixes: [],
    processed: false,
  };
  /** @type {Picture["silence"]} */
  let silence = "";
  let note = "";
  let problem = "";
  let order = 0;
  let heard = -Infinity;
  let patience = SILENCE;
  let askAt = Infinity;
  let timer = 0;
  let count = 0;
  const page = Math.random().toString(36).slice(2);

  /**
   * @param {object} content
   * @param {ArrayBuffer[]} [buffers]
   */
  function send(content, buffers) {
    order += 1;
    try {
      model.send(content, undefined, buffers);
    } catch {
      // The comm is gone, and with it whoever could be told.
      lose();
    }
    return order;
  }

  /**
   * @param {Iterable<File>} files
   * @param {string} [said] what was left out
   */
  function offer(files, said = "") {
    const offered = [...files];
    const here = [...entries.values()].filter(
      ({ status, submitted }) => !submitted && (status === "arriving" || status === "arrived"),
    ).length;
    const room = Math.max(limits.max_files - here, 0);
    const taken = offered.slice(0, room);
    const over = offered.length - taken.length;
    const notes = [said];
    if (over) {
      const most = NUMBERS.format(limits.max_files);
      notes.push(`${many(over, "file")} left out: the limit is ${most} files.`);
    }
    note = notes.filter(Boolean).join(" ") || (offered.length ? "" : "There is no file in it.");
    if (!sending.size) rest();
    count += 1;
    const drop = `${page}-${count}`;
    taken.forEach((file, place) => {
      const key = `${drop}-${place}`;
      const error = refusal(file);
      const status = error ? "failed" : "arriving";
      const { name, size } = file;
      const entry = { key, name, size, status, error, received: 0, submitted: false };
      entries.set(key, /** @type {Entry} */ ({ ...entry, version: 0, own: true }));
      if (!error) {
        sending.set(key, { file, drop, announcedAt: 0, expected: false, next: 0, again: [] });
      }
    });
    announce([...entries.values()].filter(({ key }) => key.startsWith(`${drop}-`)));
    draw();
  }

  /** @param {File} file */
  function refusal({ size }) {
    if (!size) return "the file is empty";
    if (size > limits.max_bytes) {
      return `too large: the limit is ${amount(limits.max_bytes)}`;
    }
    return null;
  }

  /** @param {Entry[]} files of one drop */
  function announce(files) {
    if (!files.length) return;
    const at = send({
      type: "drop",
      drop: files[0].key.replace(/-[^-]*$/, ""),
      files: files.map(({ key, name, size, error }) => ({ key, name, size, error })),
    });
    for (const { key } of files) {
      const own = sending.get(key);
      if (own) own.announcedAt = at;
    }
    if (sending.size) watch();
  }

  /** Send what may be sent now. */
  function pump() {
    while (flights.size < WINDOW) {
      const next = take();
      if (!next) break;
      launch(next.key, next.own, next.offset);
    }
  }

  function take() {
    for (const [key, own] of sending) {
      if (!own.expected) continue;
      const again = own.again.shift();
      if (again !== undefined) return { key, own, offset: again };
      if (own.next < own.file.size) {
        own.next += limits.chunk;
        return { key, own, offset: own.next - limits.chunk };
      }
    }
    return null;
  }

  /**
   * @param {string} key
   * @param {Sending} own
   * @param {number} offset
   */
  async function launch(key, own, offset) {
    const flight = { key, offset, order: 0 };
    flights.set(`${key} ${offset}`, flight);
    const end = Math.min(offset + limits.chunk, own.file.size);
    let block;
    try {
      block = await own.file.slice(offset, end).arrayBuffer();
    } catch {
      block = null;
    }
    // It may have been cancelled meanwhile.
    if (flights.get(`${key} ${offset}`) !== flight) return;
    if (block?.byteLength !== end - offset) {
      const error = "the file was changed, moved or deleted while it was read";
      rule(key, "failed", error);
      send({ type: "lost", key, error });
      pump();
      draw();
      return;
    }
    flight.order = send({ type: "chunk", key, offset }, [block]);
  }

  /**
   * End a file of this page before the kernel says so.
   *
   * @param {string} key
   * @param {Status} status
   * @param {string | null} error
   */
  function rule(key, status, error) {
    forgetSending(key);
    const entry = entries.get(key);
    if (entry?.status === "arriving") entries.set(key, { ...entry, status, error });
  }

  /** @param {string} key */
  function forgetSending(key) {
    sending.delete(key);
    for (const [id, flight] of flights) if (flight.key === key) flights.delete(id);
    if (!sending.size) unwatch();
  }

  /** @param {Entry} told */
  function merge(told) {
    const known = entries.get(told.key);
    if (known && told.version <= known.version) return;
    const own = sending.get(told.key);
    // Until the kernel has heard of it, this page knows better how the file ended.
    const ended = known && known.own && !own && known.status !== "arriving";
    const status = ended && told.status === "arriving" ? known.status : told.status;
    entries.set(told.key, { ...told, status, own: told.key.startsWith(`${page}-`) });
    if (!own) return;
    if (told.status === "arriving") own.expected = true;
    else forgetSending(told.key);
  }

  /** @param {any} content */
  function hear(content) {
    rest();
    if (content.type === "got") {
      flights.delete(`${content.key} ${content.offset}`);
      merge(content.file);
      measure();
    } else if (content.type === "files") {
      content.files.forEach(merge);
      problem = content.problem ?? "";
    } else if (content.type === "gone") {
      for (const key of content.keys) entries.delete(key);
      note = "";
    } else if (content.type === "state") {
      compare(content.asked, new Map(content.files.map((/** @type {any} */ f) => [f.key, f])));
    }
    pump();
    draw();
  }

  /**
   * Send again what the kernel does not have, though it was sent before it was asked.
   *
   * @param {number} asked
   * @param {Map<string, Entry & {have: number[]}>} told
   */
  function compare(asked, told) {
    const unknown = [];
    for (const [key, own] of [...sending]) {
      const file = told.get(key);
      if (!file) {
        if (own.announcedAt >= asked) continue;
        Object.assign(own, { expected: false, next: 0, again: [] });
        for (const [id, flight] of flights) if (flight.key === key) flights.delete(id);
        unknown.push(/** @type {Entry} */ (entries.get(key)));
        continue;
      }
      merge(file);
      const have = new Set(file.have);
      for (const [id, flight] of flights) {
        if (flight.key !== key || !flight.order || flight.order >= asked) continue;
        flights.delete(id);
        if (!have.has(flight.offset)) own.again.push(flight.offset);
      }
    }
    const drops = new Set(unknown.map(({ key }) => sending.get(key)?.drop));
    for (const drop of drops) {
      announce(unknown.filter(({ key }) => sending.get(key)?.drop === drop));
    }
  }

  function measure() {
    const now = performance.now();
    let received = 0;
    for (const { own, received: here } of entries.values()) if (own) received += here;
    paces = [...paces.filter(({ at }) => at > now - PACE), { at: now, received }];
  }

  function speed() {
    const first = paces[0];
    const last = paces[paces.length - 1];
    if (!sending.size || silence || !first || last.at - first.at < 300) return null;
    return Math.max((1000 * (last.received - first.received)) / (last.at - first.at), 0);
  }

  /** Something was heard. */
  function rest() {
    heard = performance.now();
    patience = SILENCE;
    askAt = heard + patience;
    silence = "";
  }

  function watch() {
    timer ||= Number(setInterval(look, LOOK));
  }

  function unwatch() {
    clearInterval(timer);
    timer = 0;
    paces = [];
    if (silence !== "gone") silence = "";
  }

  function look() {
    const now = performance.now();
    if (now < heard + SILENCE || silence === "gone") return;
    const status = model.widget_manager?.kernel?.connectionStatus;
    silence = status === undefined || status === "connected" ? "busy" : "lost";
    paces = [];
    if (now >= askAt) {
      patience = Math.min(2 * patience, LONGEST_SILENCE);
      askAt = now + patience;
      send({ type: "ask", asked: order + 1, keys: [...sending.keys()] });
    }
    draw();
  }

  /** The kernel is gone: what it had is not there any more. */
  function lose() {
    sending.clear();
    flights.clear();
    unwatch();
    silence = "gone";
    draw();
  }

  /** @param {string[]} keys */
  function cancel(keys) {
    for (const key of keys) if (sending.has(key)) rule(key, "cancelled", null);
    send({ type: "cancel", keys });
    pump();
    draw();
  }

  function leave() {
    // Nobody else has these files.
    if (sending.size) send({ type: "cancel", keys: [...sending.keys()] });
  }

  function restore() {
    const snapshot = model.get("snapshot");
    if (!snapshot?.files) return;
    const { max_bytes, max_files, chunk, suffixes, processed } = snapshot;
    limits = { max_bytes, max_files, chunk, suffixes, processed };
    problem = snapshot.problem ?? "";
    const told = new Set(snapshot.files.map((/** @type {Entry} */ { key }) => key));
    for (const key of [...entries.keys()]) {
      if (!told.has(key) && !sending.has(key)) entries.delete(key);
    }
    snapshot.files.forEach(merge);
    pump();
    draw();
  }

  /** @returns {Picture} */
  function picture() {
    const all = [...entries.values()];
    return { limits, entries: all, silence, note, problem, speed: speed() };
  }

  function draw() {
    if (!views.size) return;
    const drawn = picture();
    for (const view of views) view.draw(drawn);
  }

  model.on("msg:custom", hear);
  model.on("change:snapshot", restore);
  model.on("comm_live_update", lose);
  window.addEventListener("pagehide", leave);
  restore();

  return {
    offer,
    /** @param {HTMLElement} element */
    show(element) {
      const view = createUploader(element, {
        onFiles: offer,
        onCancel: cancel,
        onForget: (keys) => send({ type: "forget", keys }),
        onAgain: () => send({ type: "again" }),
        onHold: (seconds) => send({ type: "hold", seconds }),
      });
      views.add(view);
      view.draw(picture());
      return () => {
        views.delete(view);
        view.close();
      };
    },
    close() {
      model.off("msg:custom", hear);
      model.off("change:snapshot", restore);
      model.off("comm_live_update", lose);
      window.removeEventListener("pagehide", leave);
      unwatch();
      sending.clear();
      flights.clear();
      for (const view of views) view.close();
      views.clear();
    },
  };
}

/**
 * The widget.  A function, as each model must have a state of its own: anywidget
 * hands `initialize` and `render` different objects for the same model.
 */
export default function uploaderWidget() {
  /** @type {ReturnType<typeof createUploads> | null} */
  let uploads = null;
  return {
    /** @param {{model: Model}} context */
    initialize({ model }) {
      uploads = createUploads(model);
      return () => {
        uploads?.close();
        uploads = null;
      };
    },
    /** @param {{model: Model, el: HTMLElement}} context */
    render({ model, el }) {
      uploads ??= createUploads(model);
      return uploads.show(el);
    },
  };
}
