/** Notices when the kernel does not answer, and asks it what it has received. */

/** @typedef {import("../shared/widget.js").Model} Model */
/** @typedef {import("./types.js").Silence} Silence */

/** Milliseconds of silence after which the kernel is asked; doubled up to a limit. */
const TIMEOUT = 3000;
const LONGEST_TIMEOUT = 30_000;

/** Milliseconds between two checks. */
const CHECK_INTERVAL = 500;

/**
 * @param {object} options
 * @param {Model} options.model
 * @param {() => void} options.onAsk
 * @param {() => void} options.onSilence
 */
export function createWatchdog({ model, onAsk, onSilence }) {
  let lastMessageAt = -Infinity;
  let timeout = TIMEOUT;
  let nextAskAt = Infinity;
  let timer = 0;

  function check() {
    const now = performance.now();
    if (now < lastMessageAt + TIMEOUT || watchdog.silence === "gone") return;
    const status = model.widget_manager?.kernel?.connectionStatus;
    watchdog.silence = status === undefined || status === "connected" ? "busy" : "lost";
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
    },
  };
  return watchdog;
}
