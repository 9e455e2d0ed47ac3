/** The types of a progress view. The kernel sends rows and summaries as JSON. */

/** @typedef {import("../shared/status.js").Status} Status */
/** @typedef {Status | "stalled"} State */
/** @typedef {State | "all"} Filter */
/** @typedef {"cancel" | "retry"} Action */

/**
 * One document.
 *
 * @typedef {object} Row
 * @property {number} index the key: the document's position for the life of a view
 * @property {string} id
 * @property {string} name
 * @property {Status} status
 * @property {string} step
 * @property {number} progress 0–100
 * @property {string} message
 * @property {string | null} error
 * @property {number | null} attempt
 * @property {number | null} attempts the most attempts
 * @property {number | null} current
 * @property {number | null} total
 * @property {string | null} unit
 * @property {string | null} worker
 * @property {number | null} elapsed seconds, when the row was sent
 * @property {boolean} stalled
 * @property {number | null} silent seconds without progress, when the row was sent
 * @property {number} [startedAt] on the page's clock
 * @property {number} [silentSince] on the page's clock
 */

/** @typedef {Partial<Row> & {index: number}} RowChange */

/** @typedef {{name: string, from: number, to: number}} Segment */

/**
 * All documents together.
 *
 * @typedef {object} Summary
 * @property {string} title
 * @property {string} [changes] what a synchronization of a folder has found
 * @property {string} text one line for a person
 * @property {number} total
 * @property {Record<Status, number>} counts
 * @property {number} stalled
 * @property {number} fraction 0–1: the work that is done, 1 only if all is completed
 * @property {Record<Status, number>} shares what the documents of each status contribute
 *   to `fraction`
 * @property {number | null} elapsed seconds
 * @property {number | null} remaining seconds; null if unknown
 * @property {[number, number] | null} [remaining_range] between which seconds that is,
 *   where it is not known well enough to be one number
 * @property {number | null} documents_per_second
 * @property {number | null} pages_per_second
 * @property {number} pages
 * @property {Segment[]} steps the part of a bar that each step takes; empty if unknown
 * @property {boolean} finished
 * @property {boolean} connected whether the kernel is connected to Redis
 * @property {string | null} lost_at since when it is not
 * @property {boolean} actions whether documents can be cancelled and retried
 * @property {number} rows the number of rows that were sent
 * @property {boolean} [loading] whether there are more documents than these
 * @property {{sent: number, total: number} | null} [sending] files being sent to the
 *   kernel or server
 * @property {string} [waiting] what the documents wait for, if none moves
 * @property {string} [missing_text] how many documents have no text, and what to do
 * @property {number} [receivedAt] on the page's clock
 */

/** @typedef {{key: import("./columns.js").ColumnKey, descending: boolean}} Sort */

/**
 * What is searched for.
 *
 * @typedef {object} Search
 * @property {string} query
 * @property {string[]} terms the words of the query, in lower case
 * @property {Set<string>} found ids of documents that the sender has found
 * @property {boolean} [pending] whether the sender has not answered yet
 */

/** @typedef {{summary: Summary, rows: Row[]}} Snapshot */
/** @typedef {{summary: Summary, rows: RowChange[]}} Delta */

/**
 * The details of one document, sent on request.
 *
 * @typedef {object} Details
 * @property {string} id
 * @property {Row} row
 * @property {{name: string, seconds: number | null, attempt: number | null, pages?: number | null}[]} steps
 * @property {{timestamp: string, attempt: number | null, status: Status, step: string, progress: number, message: string, error?: string | null}[]} history
 * @property {string | null} problem why the history is incomplete
 */

/** @typedef {{request: number, ok: boolean, text: string}} ActionResult */

/** @typedef {{text: string, bad: boolean}} Notice */

/**
 * @typedef {object} Options
 * @property {(action: Action, ids: string[] | null) => number | null} [onAction] requests an
 *   action on some documents, or all. Returns a number that the result repeats, a
 *   negative one if the request could not be sent, or null if the user is asked first.
 * @property {(id: string) => void} [onDetails] requests the details of a document
 * @property {(query: string) => Promise<string[]>} [onSearch] finds the ids of documents
 *   in whose whole texts all words of the query occur
 * @property {(ids: string[]) => Promise<Map<string, string>>} [onErrors] requests the
 *   whole errors of documents, by their ids
 * @property {(sort: Sort | null) => void} [onSort] documents are sorted by a column
 * @property {string} [sender] the name of the other side: "kernel" by default
 */

/**
 * @typedef {object} ProgressView
 * @property {(delta: Delta) => void} update merges changed rows by their index
 * @property {(snapshot: Snapshot) => void} replace replaces all rows
 * @property {(details: Details) => void} showDetails
 * @property {(action: Action, ids: string[] | null) => void} act requests an action
 * @property {(result: ActionResult) => void} showResult
 * @property {(time?: number) => void} beat records a sign of life, as of `time`
 * @property {(reason?: string) => void} disconnect records that the sender has
 *   disconnected, and why if that is known
 * @property {() => void} close removes the view and its listeners
 */

/**
 * Everything that is drawn at one moment.
 *
 * @typedef {object} ViewState
 * @property {import("./row-store.js").RowStore} store
 * @property {Summary | null} summary
 * @property {boolean} lost whether the sender is silent
 * @property {string} problem what is wrong with the connection
 * @property {number} now the page's clock, which stops while the sender is silent
 * @property {Filter} filter
 * @property {Search} search
 * @property {Sort | null} sort
 * @property {boolean} helping whether the keys are explained
 * @property {ReturnType<typeof import("./selection.js").createSelection>} selection
 * @property {Notice} notice
 */

export {};
