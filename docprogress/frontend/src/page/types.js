/** The types of the server's page. */

/** @typedef {import("../document-progress.js").ProgressEvent} ProgressEvent */

/**
 * A file that the server does not have yet, or has refused.
 *
 * @typedef {object} Upload
 * @property {File | null} file null after a reload: the user has to choose it again
 * @property {string} caseId
 * @property {XMLHttpRequest | null} request
 */

/**
 * A document, or a file that is to become one.
 *
 * @typedef {object} Entry
 * @property {number} index its position: the lowest is shown first
 * @property {string} id
 * @property {ProgressEvent} event the newest
 * @property {Upload | null} upload null once the server has it
 * @property {number | null} startedAt when its newest attempt began, by the server's clock
 * @property {number | null} finishedAt
 * @property {number | null} silent seconds without a sign of life, if it is stalled
 * @property {number | null} pages null until a list has its final state
 * @property {import("../progress-view/shares.js").Work} work
 */

/**
 * A document, as the server lists it.
 *
 * @typedef {object} ListedDocument
 * @property {string} id
 * @property {string} [run_id]
 * @property {string} filename
 * @property {ProgressEvent["status"]} status
 * @property {string} step
 * @property {number} progress
 * @property {string} message
 * @property {string} updated_at
 * @property {string | null} started_at
 * @property {string | null} finished_at
 * @property {string | null} error_message
 * @property {number} attempt
 * @property {number} pages
 * @property {number | null} [size] bytes
 * @property {number | null} [work] in pages of text, once it is known
 * @property {number | null} [ocr_pages] recognised pages
 */

/** @typedef {{name: string, start: number, end: number}} StepSpan in percent */

/**
 * @typedef {object} DocumentList
 * @property {ListedDocument[]} documents newest first
 * @property {string | null} next what older ones are requested with
 * @property {StepSpan[]} [steps] what all of them have in common; earlier servers say nothing
 * @property {Record<string, string>} [waiting] why runs wait, by their ids
 * @property {SyncedFolder[]} [folders] those that were synchronized last
 */

/** @typedef {{name: string, changes: string}} SyncedFolder what its last sync found */

export {};
