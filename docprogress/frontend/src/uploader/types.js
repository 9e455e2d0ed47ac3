/** The types of the uploader. The kernel sends entries and limits as JSON. */

/** @typedef {"arriving" | "arrived" | "failed" | "cancelled"} FileStatus */

/**
 * One file, as the kernel has it.
 *
 * @typedef {object} FileEntry
 * @property {string} key
 * @property {string} name
 * @property {number} size bytes
 * @property {FileStatus} status
 * @property {string | null} error
 * @property {number} received bytes
 * @property {boolean} submitted whether it belongs to a run
 * @property {number} version the higher of two versions is the newer
 * @property {boolean} [own] whether this page sends it
 */

/**
 * What may be uploaded.
 *
 * @typedef {object} Limits
 * @property {number} max_bytes
 * @property {number} max_files
 * @property {number} chunk bytes
 * @property {string[]} suffixes what is accepted from folders
 * @property {boolean} processed whether files are processed as soon as they have arrived
 */

/** @typedef {"" | "busy" | "lost" | "gone"} Silence why the kernel does not answer */

/**
 * Everything that is drawn at one moment.
 *
 * @typedef {object} UploadState
 * @property {Limits} limits
 * @property {FileEntry[]} entries
 * @property {Silence} silence
 * @property {string} note what was left out, and how to see the runs
 * @property {string} problem why arrived files are not processed
 * @property {number | null} speed bytes a second; null if unknown
 */

/**
 * @typedef {object} Actions
 * @property {(files: Iterable<File>, note?: string) => void} onFiles
 * @property {(keys: string[]) => void} onCancel
 * @property {(keys: string[]) => void} onForget
 * @property {() => void} onRetry
 * @property {(seconds: number) => void} onHold asks the kernel to keep the uploader on
 *   the page while the user chooses files
 */

/** @typedef {{draw: (state: UploadState) => void, close: () => void}} UploaderView */

export {};
