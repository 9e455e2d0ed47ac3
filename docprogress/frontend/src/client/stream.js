/** A stream of Server-Sent Events, which has to greet soon after it was opened. */

/** @typedef {import("../document-progress.js").ProgressEvent} ProgressEvent */
/** @typedef {import("../document-progress.js").Sign} Sign */

/** Milliseconds until the greeting; a stream that takes longer is buffered somewhere. */
const GREETING_TIMEOUT = 5000;

/** Milliseconds for the browser to reconnect by itself: it waits up to 4 s. */
const RECONNECT_TIMEOUT = 10_000;

/**
 * @param {object} options
 * @param {() => Promise<URLSearchParams>} options.query
 * @param {(query: URLSearchParams) => string} options.address
 * @param {() => void} options.onGreeting
 * @param {(event: ProgressEvent) => void} options.onEvent
 * @param {(sign: Sign) => void} options.onSign
 * @param {() => void} options.onActivity anything was received
 * @param {() => void} options.onInterrupted the browser reconnects
 * @param {(error?: Error) => void} options.onFail no stream comes through
 */
export function createStream(options) {
  /** @type {EventSource | null} */
  let source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {string} address */
  function connect(address) {
    const opened = new EventSource(address);
    source = opened;
    opened.onmessage = ({ data }) => {
      const message = parse(data);
      if (!message) return;
      if (message.document_id !== undefined) {
        options.onEvent(/** @type {ProgressEvent} */ (message));
      } else if (message.status === "connected") {
        clearTimeout(timer);
        options.onGreeting();
      }
    };
    for (const type of /** @type {const} */ (["heartbeat", "stalled"])) {
      opened.addEventListener(type, ({ data }) => {
        const message = parse(data);
        if (message) options.onSign(/** @type {Sign} */ ({ ...message, type }));
      });
    }
    // All documents have ended: any end that is still missing has to be requested.
    opened.addEventListener("end", () => options.onFail());
    opened.onerror = () => {
      if (opened.readyState === EventSource.CLOSED) {
        options.onFail();
        return;
      }
      options.onInterrupted();
      clearTimeout(timer);
      timer = setTimeout(options.onFail, RECONNECT_TIMEOUT);
    };
  }

  /**
   * @param {string} data
   * @returns {Record<string, any> | null}
   */
  function parse(data) {
    options.onActivity();
    try {
      return JSON.parse(data);
    } catch {
      options.onFail(); // the stream is not from docprogress
      return null;
    }
  }

  const stream = {
    /** Changes whenever the stream is opened or closed. */
    generation: 0,
    async open() {
      stream.close();
      const { generation } = stream;
      timer = setTimeout(options.onFail, GREETING_TIMEOUT);
      try {
        const query = await options.query();
        if (generation === stream.generation) connect(options.address(query));
      } catch (error) {
        if (generation === stream.generation) options.onFail(/** @type {Error} */ (error));
      }
    },
    close() {
      stream.generation += 1;
      clearTimeout(timer);
      source?.close();
      source = null;
    },
  };
  return stream;
}
