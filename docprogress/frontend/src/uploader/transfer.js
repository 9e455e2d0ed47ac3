/**
 * Send files in chunks, a few at a time.
 *
 * A chunk is in flight until the kernel has acknowledged it, so that nothing
 * accumulates in queues. Chunks that the kernel did not receive are sent again.
 */

/**
 * A file that this page sends.
 *
 * @typedef {object} OutgoingFile
 * @property {File} file
 * @property {string} drop identifies the files that were dropped together
 * @property {number} announcedAt the number of the message that announced it
 * @property {boolean} accepted whether the kernel expects its chunks
 * @property {number} nextOffset of the first chunk that was never sent
 * @property {number[]} lost offsets of chunks to send again
 */

/** @typedef {{key: string, offset: number, message: number}} InFlight */

/** The most chunks in flight, of all files together. */
const WINDOW = 4;

/**
 * @param {object} options
 * @param {(content: object, buffers?: ArrayBuffer[]) => number} options.send returns the
 *   number of the message
 * @param {() => number} options.chunkSize
 * @param {(key: string) => void} options.onUnreadable the file cannot be read any more
 */
export function createTransfer({ send, chunkSize, onUnreadable }) {
  /** @type {Map<string, OutgoingFile>} */
  const files = new Map();
  /** @type {Map<string, InFlight>} by key and offset */
  const inFlight = new Map();

  /** @param {string} key */
  function dropInFlight(key) {
    for (const [id, chunk] of inFlight) if (chunk.key === key) inFlight.delete(id);
  }

  function nextChunk() {
    for (const [key, outgoing] of files) {
      if (!outgoing.accepted) continue;
      const lost = outgoing.lost.shift();
      if (lost !== undefined) return { key, outgoing, offset: lost };
      if (outgoing.nextOffset < outgoing.file.size) {
        const offset = outgoing.nextOffset;
        outgoing.nextOffset += chunkSize();
        return { key, outgoing, offset };
      }
    }
    return null;
  }

  /**
   * @param {string} key
   * @param {OutgoingFile} outgoing
   * @param {number} offset
   */
  async function sendChunk(key, { file }, offset) {
    /** @type {InFlight} */
    const chunk = { key, offset, message: 0 };
    const id = `${key} ${offset}`;
    inFlight.set(id, chunk);
    const end = Math.min(offset + chunkSize(), file.size);
    const bytes = await file
      .slice(offset, end)
      .arrayBuffer()
      .catch(() => null);
    // The file may have been cancelled in the meantime.
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
      while (inFlight.size < WINDOW) {
        const next = nextChunk();
        if (!next) break;
        sendChunk(next.key, next.outgoing, next.offset);
      }
    },
  };
  return transfer;
}
