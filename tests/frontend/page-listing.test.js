import assert from "node:assert/strict";
import { test } from "node:test";

import { createDocuments, mergeListed } from "../../docprogress/frontend/src/page/documents.js";
import { createListing } from "../../docprogress/frontend/src/page/listing.js";
import { summarize } from "../../docprogress/frontend/src/page/summary.js";

/** A server whose lists can be read, and whose documents are added as they come. */
function createServer() {
  /** @type {string[]} newest first */
  let ids = [];
  let held = Promise.resolve();
  return {
    /** Hold responses back until the returned function is called. */
    hold() {
      let release = () => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      return () => release();
    },
    /** Answer later requests at once. */
    answer() {
      held = Promise.resolve();
    },
    get ids() {
      return ids;
    },
    /**
     * @param {string} run
     * @param {number} count
     */
    add(run, count) {
      const added = Array.from({ length: count }, (_, number) => `${run}${number}`);
      ids = [...added, ...ids];
    },
    /** @param {string} path */
    async request(path) {
      await held;
      const query = new URLSearchParams(path.split("?")[1]);
      if (query.has("status")) return { documents: [], next: null };
      const after = query.get("after");
      const from = after === null ? 0 : ids.indexOf(after) + 1;
      const page = ids.slice(from, from + Number(query.get("limit")));
      const next = from + page.length < ids.length ? page[page.length - 1] : null;
      return { documents: page.map(listed), next };
    },
  };
}

/**
 * @param {string} id
 * @returns {import("../../docprogress/frontend/src/page/types.js").ListedDocument}
 */
function listed(id) {
  return {
    id,
    filename: `${id}.md`,
    status: "queued",
    step: "",
    progress: 0,
    message: "",
    updated_at: "2026-11-24T15:04:05.000Z",
    started_at: null,
    finished_at: null,
    error_message: null,
    attempt: 1,
    pages: 0,
  };
}

function createPage() {
  const server = createServer();
  const documents = createDocuments(() => {});
  const listing = createListing({
    request: server.request,
    documents,
    isFollowed: () => false,
  });
  return {
    server,
    documents,
    listing,
    async refresh() {
      listing.applyNewest(await listing.fetchNewest(""));
    },
    showMore: () => listing.fetchOlder("", () => true),
    /** The documents that are shown, from top to bottom. */
    shown() {
      const entries = [...documents.entries.values()];
      return entries.sort((one, other) => one.index - other.index).map(({ id }) => id);
    },
  };
}

test("older documents follow those of the first list", async () => {
  const { server, listing, refresh, showMore, shown } = createPage();
  server.add("a", 1200);
  await refresh();
  assert.deepEqual(shown(), server.ids.slice(0, 500));

  await showMore();
  await showMore();

  assert.deepEqual(shown(), server.ids);
  assert.equal(listing.hasOlder, false);
});

test("a large run that was added after older documents were shown is shown whole", async () => {
  const { server, listing, refresh, showMore, shown } = createPage();
  server.add("a", 600);
  await refresh();
  await showMore();
  assert.equal(listing.hasOlder, false);

  server.add("b", 1700);
  await refresh();
  assert.equal(listing.hasOlder, true);
  while (listing.hasOlder) await showMore();

  assert.deepEqual(shown(), server.ids);
});

test("several large runs that were added between two lists are shown whole", async () => {
  const { server, listing, refresh, showMore, shown } = createPage();
  for (const [run, count] of /** @type {const} */ ([["a", 700], ["b", 1300], ["c", 900]])) {
    server.add(run, count);
    await refresh();
    await showMore();
  }
  while (listing.hasOlder) await showMore();

  assert.deepEqual(shown(), server.ids);
});

test("a list that arrives while older documents are requested loses none of them", async () => {
  const { server, listing, refresh, showMore, shown } = createPage();
  server.add("a", 1200);
  await refresh();

  const release = server.hold();
  const pending = showMore();
  server.answer();
  server.add("b", 800);
  await refresh();
  release();
  await pending;
  while (listing.hasOlder) await showMore();

  assert.deepEqual(shown(), server.ids);
});

test("documents that were removed can be requested again", async () => {
  const { server, documents, listing, refresh, showMore, shown } = createPage();
  server.add("a", 1200);
  await refresh();
  while (listing.hasOlder) await showMore();
  for (const entry of documents.entries.values()) {
    documents.apply(entry, { ...entry.event, status: "completed" });
  }
  server.add("b", 700);
  await refresh();

  listing.trim();
  assert.equal(listing.incomplete, true);
  while (listing.hasOlder) await showMore();

  assert.deepEqual(shown(), server.ids);
});

test("the summary says what the last syncs of folders have found", () => {
  const context = { caseId: "", incomplete: false, sending: null };
  const folders = ["a", "b", "c", "d"].map((name) => ({ name, changes: "1 added" }));

  assert.equal(summarize([], context).changes, undefined);
  assert.equal(summarize([], { ...context, folders: folders.slice(0, 1) }).changes, "a: 1 added");
  const { changes } = summarize([], { ...context, folders });
  assert.equal(changes, "a: 1 added · b: 1 added · c: 1 added · 1 more folder");
});

test("pages are counted once a list has all that completed", () => {
  const documents = createDocuments(() => {});
  const context = { caseId: "", incomplete: false, sending: null };
  const pages = () => summarize([...documents.entries.values()], context).pages;
  const read = { status: /** @type {const} */ ("completed"), progress: 100 };
  const options = { followed: true };
  mergeListed(documents, { ...listed("old"), ...read, pages: 60 }, { followed: false });
  const entry = mergeListed(documents, listed("new"), options);
  assert.equal(pages(), 60);

  documents.apply(entry, { ...entry.event, ...read });
  assert.equal(pages(), 0);

  mergeListed(documents, { ...listed("new"), ...read, pages: 4 }, options);
  assert.equal(pages(), 64);

  documents.apply(entry, { ...entry.event, status: "queued" });
  documents.apply(entry, { ...entry.event, ...read });
  assert.equal(pages(), 0);
});
