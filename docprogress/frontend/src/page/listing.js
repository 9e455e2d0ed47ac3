/** Lists of documents: the newest again and again, older ones on request. */

import { isFinal } from "../shared/status.js";
import { mergeListed } from "./documents.js";

/** @typedef {import("./documents.js").Documents} Documents */
/** @typedef {import("./types.js").DocumentList} DocumentList */

/** The documents of one list. */
const PAGE_SIZE = 500;

/** The most documents that are kept, unless older ones were requested. */
const MAX_KEPT = 1000;

/** The position of documents that were found by a search before they were listed. */
const FAR = 1_000_000_000;

/** The most documents that are requested to be sorted. */
const MOST_SORTED = 10_000;

/** Room for documents that were added faster than they were listed. */
const GAP = 1_000_000;

/**
 * @param {object} options
 * @param {(path: string) => Promise<any>} options.request
 * @param {Documents} options.documents
 * @param {(id: string) => boolean} options.isFollowed
 */
export function createListing({ request, documents, isFollowed }) {
  /** Where the first list ends: the cursor, and the position of its last document. */
  let end = { cursor: /** @type {string | null} */ (null), position: 0 };
  /** Where older documents continue. */
  let next = end;
  /** Whether older ones than those of the first list were requested. */
  let paged = false;
  /** Whether older ones were removed that had been shown. */
  let trimmed = false;
  let kept = MAX_KEPT;
  /** The steps of the lists, as JSON: several if documents have different ones. */
  const steps = /** @type {Set<string>} */ (new Set());

  /** @param {DocumentList} list */
  function rememberSteps(list) {
    if (list.documents.length) steps.add(JSON.stringify(list.steps ?? []));
  }
  /** @type {Record<string, string>} why runs wait, by their ids */
  let waiting = {};
  /** @type {import("./types.js").SyncedFolder[]} */
  let folders = [];

  /**
   * @param {string} caseId
   * @param {Record<string, string>} [options]
   * @returns {Promise<DocumentList>}
   */
  function fetchList(caseId, options = {}) {
    const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
    if (caseId) query.set("case_id", caseId);
    for (const [name, value] of Object.entries(options)) query.set(name, value);
    return request(`/documents?${query}`);
  }

  /** @param {DocumentList} list added as the newest */
  function mergeNewest(list) {
    rememberSteps(list);
    // The newest is listed first, and gets the lowest index.
    for (const listed of [...list.documents].reverse()) {
      mergeListed(documents, listed, { followed: isFollowed(listed.id) });
    }
  }

  /**
   * Add the documents of a list where they belong.
   *
   * @param {DocumentList} list
   * @param {number} position of the document before them
   */
  function mergeOlder(list, position) {
    const taken = documents.indexes();
    rememberSteps(list);
    for (const listed of list.documents) {
      let known = documents.entries.get(listed.id);
      if (known && known.index >= FAR) {
        // Its place is known now.
        documents.entries.delete(listed.id);
        known = undefined;
      }
      let index = known?.index ?? position + 1;
      if (!known) while (taken.has(index)) index += 1;
      mergeListed(documents, listed, { followed: isFollowed(listed.id), index });
      taken.add(index);
      position = Math.max(position, index);
    }
    return { cursor: list.next, position };
  }

  const listing = {
    /** Whether there are older documents to request. */
    get hasOlder() {
      return next.cursor !== null;
    },
    /** The part of a bar that each step takes; empty if documents have different steps. */
    get segments() {
      const [only, ...others] = steps;
      if (!only || others.length) return [];
      /** @type {import("./types.js").StepSpan[]} */
      const spans = JSON.parse(only);
      return spans.map(({ name, start, end }) => ({ name, from: start, to: end }));
    },
    /** Whether older documents are not shown. */
    get incomplete() {
      return next.cursor !== null || trimmed;
    },
    /** Why runs wait of which no document is processed, by their ids. */
    get waiting() {
      return waiting;
    },
    /** The folders that were synchronized last. */
    get folders() {
      return folders;
    },
    /** @param {string} caseId */
    async fetchNewest(caseId) {
      const newest = await fetchList(caseId);
      // Documents that are processed may belong to a run larger than the list.
      const processing =
        newest.next === null
          ? { documents: [], next: null }
          : await fetchList(caseId, { status: "processing" });
      return { newest, processing };
    },
    /** @param {{newest: DocumentList, processing: DocumentList}} lists */
    applyNewest({ newest, processing }) {
      const last = newest.documents.at(-1);
      const known = [...documents.entries.values()].some(({ upload }) => !upload);
      if (known && newest.next !== null && last && !documents.entries.has(last.id)) {
        // More documents were added than a list holds: the others are still to be
        // requested, and belong between these and those that are known.
        documents.reserve(GAP);
        paged = false;
      }
      waiting = newest.waiting ?? {};
      folders = newest.folders ?? [];
      mergeNewest(processing);
      mergeNewest(newest);
      const position = (last && documents.entries.get(last.id)?.index) ?? 0;
      end = { cursor: newest.next, position };
      if (!paged) next = end;
    },
    /**
     * Request older documents, until there is one that is not shown yet.
     *
     * @param {string} caseId
     * @param {() => boolean} isCurrent whether the answer is still of use
     */
    async fetchOlder(caseId, isCurrent) {
      const before = documents.entries.size;
      while (next.cursor !== null && documents.entries.size === before) {
        const from = next;
        const list = await fetchList(caseId, { after: next.cursor });
        if (!isCurrent()) return;
        const following = mergeOlder(list, from.position);
        // A newer list may have started the paging over.
        if (next !== from) continue;
        next = following;
        paged = true;
      }
      kept = Math.max(kept, documents.entries.size + PAGE_SIZE);
      trimmed = false;
    },
    /**
     * Request older documents until all are known, or as many as can be sorted.
     *
     * @param {string} caseId
     * @param {() => boolean} isCurrent whether the answers are still of use
     */
    async fetchAll(caseId, isCurrent) {
      while (next.cursor !== null && documents.entries.size < MOST_SORTED && isCurrent()) {
        await listing.fetchOlder(caseId, isCurrent);
      }
    },
    /**
     * Request documents in whose texts the words of a query occur; return their ids.
     *
     * @param {string} caseId
     * @param {string} query
     */
    async search(caseId, query) {
      const list = await fetchList(caseId, { search: query });
      let index = Math.max(FAR, ...documents.indexes());
      for (const listed of list.documents) {
        index += 1;
        mergeListed(documents, listed, { followed: isFollowed(listed.id), index });
      }
      kept = Math.max(kept, documents.entries.size + PAGE_SIZE);
      return list.documents.map(({ id }) => id);
    },
    /**
     * Remove the oldest documents that have ended, if there are too many.
     *
     * @returns {boolean} whether any were removed
     */
    trim() {
      let excess = documents.entries.size - kept;
      if (excess <= 0) return false;
      const oldestFirst = [...documents.entries.values()].sort(
        (one, other) => other.index - one.index,
      );
      for (const { id, event, upload } of oldestFirst) {
        if (excess <= 0) break;
        if (upload || !isFinal(event.status)) continue;
        documents.entries.delete(id);
        excess -= 1;
        trimmed = true;
      }
      // They can be requested again, from where the first list ends.
      paged = false;
      next = end;
      return true;
    },
    reset() {
      next = end = { cursor: null, position: 0 };
      paged = trimmed = false;
      steps.clear();
      waiting = {};
      folders = [];
      kept = MAX_KEPT;
    },
  };
  return listing;
}
