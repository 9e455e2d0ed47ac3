/**
 * The work that is done, by status.
 *
 * `docprogress/progress/work.py` does the same, and says how documents are weighed.
 */

import { isFinal } from "../shared/status.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Status} Status */
/** @typedef {import("./types.js").Summary} Summary */

/**
 * What is known of how much there is to do for a document.
 *
 * @typedef {object} Work
 * @property {number} size bytes; 0 if unknown
 * @property {number | null} pages null while they are unknown
 * @property {number} toRecognise pages that are recognised (OCR)
 * @property {number} recognised
 */

/** @typedef {{status: Status, progress: number, name?: string} & Partial<Work>} Weighed */

/** What recognising a page takes, in pages that are only read. */
const RECOGNITION = 99;

/** What is believed of a kind of which nothing is known: so many pages in so many bytes. */
const PRIOR_PAGES = 0.1;
const PRIOR_BYTES = 3_000;

/** The most kinds that are told apart. */
const MOST_KINDS = 64;

/** The greatest fraction of a run of which not every document is completed. */
const MAX_INCOMPLETE = 1 - 1e-6;

/** @type {Work} */
export const UNKNOWN_WORK = { size: 0, pages: null, toRecognise: 0, recognised: 0 };

/**
 * What is known of a document's work after another event.
 *
 * @param {Work} known
 * @param {import("../document-progress.js").ProgressEvent} event
 * @returns {Work}
 */
export function learnWork(known, event) {
  const [size, work, pages] = [event.size, event.work, event.ocr_pages].map(countOf);
  const { unit, total, ocr_total: most, ocr_current: current } = event;
  const counted = (unit === "page" || unit === "pages") && total ? total : null;
  const toRecognise = Math.max(known.toRecognise, pages ?? most ?? 0);
  let recognised = 0;
  if (pages != null || most != null) recognised = Math.min(pages ?? current ?? 0, toRecognise);
  else if (work != null) recognised = toRecognise;
  return {
    size: size ?? known.size,
    pages: work ?? counted ?? known.pages,
    toRecognise,
    recognised,
  };
}

/**
 * A count; null if another program means something else by the field.
 *
 * @param {unknown} value
 */
function countOf(value) {
  return typeof value === "number" && value >= 0 ? value : null;
}

/**
 * The fraction of the work that is done, and what each status contributes to it.
 *
 * @param {Iterable<Weighed>} documents
 * @returns {Pick<Summary, "fraction" | "shares">}
 */
export function sharesOfWork(documents) {
  const weighed = [...documents].map((each) => ({ ...UNKNOWN_WORK, ...each }));
  const done = { queued: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  if (!weighed.length) return { fraction: 0, shares: done };
  if (weighed.every(({ status }) => status === "completed")) {
    return { fraction: 1, shares: { ...done, completed: 1 } };
  }
  let whole = 0;
  const pagesOf = estimatePages(weighed);
  for (const each of weighed) {
    const { status, toRecognise } = each;
    const completed = status === "completed";
    const progress = completed ? 1 : each.progress / 100;
    const pages = pagesOf(each);
    const recognised = completed ? toRecognise : each.recognised;
    const finished = progress * (1 + pages) + RECOGNITION * recognised;
    done[status] += finished;
    // Nothing is left to do where it failed; that it did is seen as one page missing.
    const failed = status === "failed" || status === "cancelled";
    whole += failed ? finished + 1 - progress : 1 + pages + RECOGNITION * toRecognise;
  }
  const fraction = Object.values(done).reduce((sum, each) => sum + each, 0) / whole;
  const shown = Math.min(fraction, MAX_INCOMPLETE);
  return { fraction: shown, shares: scaled(done, shown / (fraction * whole || 1)) };
}

/**
 * A fraction that never falls while the work is the same, whatever is found out of it.
 *
 * @returns {(documents: Weighed[], added: number) => Pick<Summary, "fraction" | "shares">}
 *   `added` is how many documents somebody has added: more work
 */
export function createSharesOfWork() {
  let shown = 0;
  let [addedBefore, endedBefore] = [0, 0];
  return (documents, added) => {
    const ended = documents.filter(({ status }) => isFinal(status)).length;
    if (added !== addedBefore || ended < endedBefore) shown = 0;
    [addedBefore, endedBefore] = [added, ended];
    const { fraction, shares } = sharesOfWork(documents);
    if (ended === documents.length) return { fraction, shares };
    shown = Math.max(shown, fraction);
    if (!fraction) return { fraction: shown, shares: { ...shares, processing: shown } };
    return { fraction: shown, shares: scaled(shares, shown / fraction) };
  };
}

/**
 * @param {Record<Status, number>} shares
 * @param {number} factor
 */
function scaled(shares, factor) {
  const found = { ...shares };
  for (const status of /** @type {Status[]} */ (Object.keys(found))) found[status] *= factor;
  return found;
}

/**
 * The pages of a document, estimated where they are unknown.
 *
 * @param {(Weighed & Work)[]} documents
 * @returns {(document: Weighed & Work) => number}
 */
function estimatePages(documents) {
  /** @type {Map<string, {pages: number, bytes: number}>} */
  const kinds = new Map();
  const all = { pages: 0, bytes: 0 };
  /** @param {Weighed & Work} document */
  const sumsOf = ({ name }) => {
    const kind = suffixOf(name ?? "");
    if (!kinds.has(kind) && kinds.size >= MOST_KINDS) return kinds.get("");
    if (!kinds.has(kind)) kinds.set(kind, { pages: 0, bytes: 0 });
    return kinds.get(kind);
  };
  for (const document of documents) {
    const sums = sumsOf(document) ?? { pages: 0, bytes: 0 };
    if (document.pages === null || !document.size) continue;
    for (const each of [sums, all]) {
      each.pages += document.pages + RECOGNITION * document.toRecognise;
      each.bytes += document.size;
    }
  }
  const perByte = (PRIOR_PAGES + all.pages) / (PRIOR_BYTES + all.bytes);
  /** @param {Weighed & Work} document */
  const bySize = (document) => {
    const { pages, bytes } = sumsOf(document) ?? { pages: 0, bytes: 0 };
    return (document.size * (perByte * PRIOR_BYTES + pages)) / (PRIOR_BYTES + bytes);
  };
  const known = documents.filter(
    ({ pages, size, status }) =>
      (pages !== null || size) && status !== "failed" && status !== "cancelled",
  );
  const sum = known.reduce(
    (pages, each) => pages + (each.pages ?? bySize(each)) + RECOGNITION * each.toRecognise,
    0,
  );
  const mean = known.length ? sum / known.length : 0;
  return (document) => document.pages ?? (document.size ? bySize(document) : mean);
}

/**
 * The suffix of a file's name, in lower case; empty if it has none.
 *
 * @param {string} name
 */
function suffixOf(name) {
  return /\.([a-z0-9]{1,5})$/i.exec(name)?.[1].toLowerCase() ?? "";
}

/**
 * The part of the run's bar that each state takes.
 *
 * @param {Summary} summary
 * @returns {Partial<Record<State, number>>}
 */
export function sharesByState({ counts, shares, stalled }) {
  const { processing, ...rest } = shares;
  const allStalled = stalled > 0 && stalled >= counts.processing;
  return { ...rest, [allStalled ? "stalled" : "processing"]: processing };
}
