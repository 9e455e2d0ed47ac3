/**
 * The files of one widget: what this page sends, and what the kernel has.
 *
 * Only what the kernel has acknowledged counts as received. After a silence it is asked
 * what it has, and gets what is missing.
 */

import { fileSize, formatNumber, plural } from "../shared/format.js";
import { createPlaces } from "../shared/places.js";
import { pageId } from "../shared/widget.js";
import { createSpeedMeter } from "./speed.js";
import { createTransfer } from "./transfer.js";
import { createUploader } from "./view.js";
import { createWatchdog } from "./watchdog.js";

/** @typedef {import("../shared/widget.js").Model} Model */
/** @typedef {import("./types.js").FileEntry} FileEntry */
/** @typedef {import("./types.js").FileStatus} FileStatus */
/** @typedef {import("./types.js").Limits} Limits */
/** @typedef {import("./types.js").UploadState} UploadState */
/** @typedef {import("./types.js").UploaderView} UploaderView */

/** @param {Model} model */
export function createUploadSession(model) {
  /** @type {Set<UploaderView>} */
  const views = new Set();
  /** @type {Map<string, FileEntry>} */
  const entries = new Map();
  const page = pageId();
  const speed = createSpeedMeter();
  const transfer = createTransfer({ send, chunkSize: () => limits.chunk, onUnreadable });
  const watchdog = createWatchdog({ model, onAsk: askKernel, onSilence });
  /** @type {Limits} */
  let limits = {
    max_bytes: 0,
    max_files: 0,
    chunk: 1 << 20,
    suffixes: [],
    processed: false,
  };
  let note = "";
  let guide = "";
  let problem = "";
  let messages = 0;
  let drops = 0;

  /**
   * @param {object} content
   * @param {ArrayBuffer[]} [buffers]
   * @returns {number} the number of the message
   */
  function send(content, buffers) {
    messages += 1;
    try {
      model.send(content, undefined, buffers);
    } catch {
      disconnect(); // the comm is closed
    }
    return messages;
  }

  /**
   * Add files that the user has dropped or chosen.
   *
   * @param {Iterable<File>} files
   * @param {string} [leftOut] a note about files that were left out already
   */
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

  /** The files that count towards the limit. */
  function countOpen() {
    return [...entries.values()].filter(
      ({ status, submitted }) => !submitted && (status === "arriving" || status === "arrived"),
    ).length;
  }

  /**
   * @param {string} key
   * @param {File} file
   * @param {string} drop
   */
  function addFile(key, file, drop) {
    const { name, size } = file;
    const error = refusal(file);
    /** @type {FileEntry} */
    const entry = {
      key,
      name,
      size,
      status: error ? "failed" : "arriving",
      error,
      received: 0,
      submitted: false,
      version: 0,
      own: true,
    };
    entries.set(key, entry);
    if (!error) transfer.add(key, file, drop);
    return entry;
  }

  /** @param {File} file */
  function refusal({ size }) {
    if (!size) return "the file is empty";
    if (size > limits.max_bytes) return `too large: the limit is ${fileSize(limits.max_bytes)}`;
    return null;
  }

  /**
   * Tell the kernel which files will follow.
   *
   * @param {string} drop
   * @param {FileEntry[]} files of one drop
   */
  function announce(drop, files) {
    if (!files.length) return;
    const message = send({
      type: "drop",
      drop,
      files: files.map(({ key, name, size, error }) => ({ key, name, size, error })),
    });
    for (const { key } of files) {
      const outgoing = transfer.files.get(key);
      if (outgoing) outgoing.announcedAt = message;
    }
    if (transfer.files.size) watchdog.start();
  }

  /** @param {string} key */
  function onUnreadable(key) {
    const error = "the file was changed, moved or deleted while it was read";
    endFile(key, "failed", error);
    send({ type: "lost", key, error });
    transfer.pump();
    draw();
  }

  /**
   * End a file of this page before the kernel confirms it.
   *
   * @param {string} key
   * @param {FileStatus} status
   * @param {string | null} error
   */
  function endFile(key, status, error) {
    stopSending(key);
    const entry = entries.get(key);
    if (entry?.status === "arriving") entries.set(key, { ...entry, status, error });
  }

  /** @param {string} key */
  function stopSending(key) {
    transfer.remove(key);
    if (!transfer.files.size) stopWatching();
  }

  function stopWatching() {
    watchdog.stop();
    speed.reset();
  }

  /** @param {FileEntry} received */
  function mergeEntry(received) {
    const { key } = received;
    const known = entries.get(key);
    if (known && received.version <= known.version) return;
    const outgoing = transfer.files.get(key);
    // The kernel may not know yet that this page has ended the file.
    const ended = known?.own && !outgoing && known.status !== "arriving";
    const status = ended && received.status === "arriving" ? known.status : received.status;
    entries.set(key, { ...received, status, own: key.startsWith(`${page}-`) });
    if (!outgoing) return;
    if (received.status === "arriving") outgoing.accepted = true;
    else stopSending(key);
  }

  /** @param {any} message */
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
      const received = message.files.map((/** @type {FileEntry} */ file) => [file.key, file]);
      sendMissing(message.asked, new Map(received));
    } else if (message.type === "table") places.replace(message);
    transfer.pump();
    draw();
    places.enter(model.get("snapshot")?.session ?? "");
  }

  /**
   * Send again what the kernel has not received, though it was sent before it was asked.
   *
   * @param {number} asked the number of the question
   * @param {Map<string, FileEntry & {have: number[]}>} received
   */
  function sendMissing(asked, received) {
    /** @type {Map<string, FileEntry[]>} by drop */
    const unknown = new Map();
    for (const [key, { announcedAt, drop }] of [...transfer.files]) {
      const file = received.get(key);
      if (file) {
        mergeEntry(file);
        transfer.resendLost(key, new Set(file.have), asked);
      } else if (announcedAt < asked) {
        transfer.restart(key);
        const entry = /** @type {FileEntry} */ (entries.get(key));
        unknown.set(drop, [...(unknown.get(drop) ?? []), entry]);
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

  /** The kernel is gone, and so is what it had. */
  function disconnect() {
    transfer.clear();
    speed.reset();
    watchdog.setGone();
    draw();
  }

  /** @param {string[]} keys */
  function cancel(keys) {
    for (const key of keys) if (transfer.files.has(key)) endFile(key, "cancelled", null);
    send({ type: "cancel", keys });
    transfer.pump();
    draw();
  }

  function cancelOnLeave() {
    // No other page has these files.
    if (transfer.files.size) send({ type: "cancel", keys: [...transfer.files.keys()] });
  }

  function restoreSnapshot() {
    const snapshot = model.get("snapshot");
    if (!snapshot?.files) return;
    const { max_bytes, max_files, chunk, suffixes, processed } = snapshot;
    limits = { max_bytes, max_files, chunk, suffixes, processed };
    problem = snapshot.problem ?? "";
    guide = snapshot.guide ?? "";
    const kept = new Set(snapshot.files.map((/** @type {FileEntry} */ { key }) => key));
    for (const key of [...entries.keys()]) {
      if (!kept.has(key) && !transfer.files.has(key)) entries.delete(key);
    }
    snapshot.files.forEach(mergeEntry);
    transfer.pump();
    draw();
  }

  /** @returns {UploadState} */
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

  /** @param {HTMLElement} element */
  function show(element) {
    const view = createUploader(element, {
      onFiles: addFiles,
      onCancel: cancel,
      onForget: (keys) => send({ type: "forget", keys }),
      onRetry: () => send({ type: "again" }),
      onHold: (seconds) => send({ type: "hold", seconds }),
    });
    views.add(view);
    view.draw(currentState());
    return () => {
      views.delete(view);
      view.close();
    };
  }

  const places = createPlaces({ model, page, show, onFound: send });
  /** @type {[string, (...values: any[]) => void][]} */
  const listeners = [
    ["msg:custom", receive],
    ["change:snapshot", restoreSnapshot],
    ["comm_live_update", disconnect],
  ];
  for (const [event, listener] of listeners) model.on(event, listener);
  window.addEventListener("pagehide", cancelOnLeave);
  restoreSnapshot();
  // Its answer shows that the kernel is there.
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
    },
  };
}
