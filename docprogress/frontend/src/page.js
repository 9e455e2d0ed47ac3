/**
 * The page at `/`: sends files to the server, and shows how far they are.
 *
 * What is shown of a document is what the server said last. Only of a file that is
 * still being sent does the page itself know the state.
 */

import { createAccess } from "./page/access.js";
import { createActionRequests } from "./page/action-requests.js";
import { base, REFUSED_KEY, TOKEN_KEY } from "./page/address.js";
import { createApi, tokenOf, UNREACHABLE } from "./page/api.js";
import { errorsOf, loadDetails } from "./page/details.js";
import { createDocuments, localEvent } from "./page/documents.js";
import { listenForFiles } from "./page/drop-area.js";
import {
  caseField,
  emptyText,
  loadingText,
  olderButton,
  problem,
  viewElement,
  work,
} from "./page/elements.js";
import { createFollower } from "./page/follower.js";
import { createListing } from "./page/listing.js";
import { forgetRefused, restoreRefused, saveRefused } from "./page/refused-files.js";
import { summarize } from "./page/summary.js";
import { drawTitle } from "./page/title.js";
import { createUploadQueue } from "./page/upload-queue.js";
import { createProgressView } from "./progress-view/view.js";
import { isFinal } from "./shared/status.js";
import { sentence } from "./shared/text.js";

/** @typedef {import("./page/types.js").Entry} Entry */

/** Milliseconds between two requests for documents that others have added. */
const REFRESH_INTERVAL = 5000;

/** Milliseconds until documents are listed that were found in another one. */
const MEMBERS_DELAY = 300;

/** Milliseconds between two signs of life, while the server answers. */
const BEAT_INTERVAL = 2000;

/** Milliseconds without an answer after which the page says what it waits for. */
const SLOW_ANSWER = 300;

const api = createApi(base, askForToken);
const access = createAccess((token) => {
  api.token = token;
  sessionStorage.setItem(TOKEN_KEY, token);
  refresh();
});
const documents = createDocuments(scheduleDraw);
const follower = createFollower({
  api,
  documents,
  onConnected: serverAnswered,
  onMembers: listMembers,
  onError: serverFailed,
});
const listing = createListing({
  request: api.request,
  documents,
  isFollowed: follower.isFollowed,
});
const uploads = createUploadQueue({
  api,
  documents,
  onStored: adoptUpload,
  onUnauthorized: askForToken,
  onEnd: uploadEnded,
});
let caseId = new URLSearchParams(location.search).get("case") ?? "";
let listed = false;
/** Whether the documents are listed later than a user takes for at once. */
let slow = false;
let slowTimer = 0;
let frame = 0;
let refreshTimer = 0;
let membersTimer = 0;
/** Whether the server answered the last request, and why it did not. */
let connected = false;
let problemText = "";

const view = createProgressView(viewElement, {
  onAction: createActionRequests({
    documents,
    request: api.request,
    uploads,
    retryNow: (action, ids) => view.act(action, ids),
    onResult(result) {
      view.showResult(result);
      refresh();
    },
  }),
  onDetails: showDetails,
  onSearch: searchDocuments,
  onErrors: async (ids) => errorsOf(documents, ids),
  onSort(sort) {
    // What is sorted has to be known.
    if (sort && listing.hasOlder) loadOlder(listing.fetchAll);
  },
  sender: "server",
});

start();

function start() {
  const token = tokenOf(location.hash);
  if (token) {
    sessionStorage.setItem(TOKEN_KEY, token);
    // Keep the token out of the address, which users may show or send to others.
    history.replaceState(null, "", location.pathname + location.search);
  }
  api.token = sessionStorage.getItem(TOKEN_KEY) ?? "";
  caseField.value = caseId;
  restoreRefused(REFUSED_KEY, documents, caseId);

  caseField.addEventListener("change", () => selectCase(caseField.value.trim()));
  olderButton.addEventListener("click", showOlder);
  listenForFiles((files) => {
    if (!work.hidden) addFiles(files);
  });
  addEventListener("beforeunload", (event) => {
    const entries = [...documents.entries.values()];
    const sending = entries.some(({ upload, event: { status } }) => upload && !isFinal(status));
    if (sending) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  setInterval(() => {
    if (connected) view.beat();
  }, BEAT_INTERVAL);
  refresh();
}

function askForToken() {
  follower.stop();
  work.hidden = true;
  access.ask(api.token !== "");
}

/** List the newest documents: others may have added some. */
async function refresh() {
  clearTimeout(refreshTimer);
  const requested = caseId;
  if (!listed && !slowTimer) slowTimer = Number(setTimeout(showLoading, SLOW_ANSWER));
  try {
    const lists = await listing.fetchNewest(requested);
    if (requested !== caseId) return;
    serverAnswered();
    access.hide();
    work.hidden = false;
    listing.applyNewest(lists);
    listed = true;
    endLoading();
    if (listing.trim()) replaceRows();
    scheduleDraw();
    follower.update();
  } catch (error) {
    serverFailed(/** @type {Error} */ (error));
  }
  clearTimeout(refreshTimer);
  if (!access.shown) {
    refreshTimer = Number(setTimeout(() => !document.hidden && refresh(), REFRESH_INTERVAL));
  }
}

function showLoading() {
  slow = true;
  drawPage();
}

function endLoading() {
  clearTimeout(slowTimer);
  slowTimer = 0;
  slow = false;
}

/** List documents that were found in another one, soon. */
function listMembers() {
  if (membersTimer) return;
  membersTimer = Number(
    setTimeout(() => {
      membersTimer = 0;
      refresh();
    }, MEMBERS_DELAY),
  );
}

/** Show documents that are older than those that are shown. */
function showOlder() {
  return loadOlder(listing.fetchOlder);
}

/** @param {typeof listing.fetchOlder} fetchDocuments */
async function loadOlder(fetchDocuments) {
  const requested = caseId;
  olderButton.disabled = true;
  olderButton.textContent = "Loading …";
  try {
    await fetchDocuments(requested, () => requested === caseId);
    if (requested !== caseId) return;
    serverAnswered();
    // Documents that a search has found may have got another place.
    replaceRows();
    follower.update();
  } catch (error) {
    serverFailed(/** @type {Error} */ (error));
  } finally {
    olderButton.disabled = false;
    olderButton.textContent = "Show more";
  }
}

/**
 * Search all documents of the server: older ones are not listed.
 *
 * @param {string} query
 */
async function searchDocuments(query) {
  const ids = await listing.search(caseId, query);
  scheduleDraw();
  follower.update();
  return ids;
}

function serverAnswered() {
  connected = true;
  problemText = "";
  drawPage();
}

/** @param {Error} error */
function serverFailed({ message }) {
  connected = false;
  endLoading();
  problemText = access.shown ? "" : message;
  if (problemText === UNREACHABLE) problemText += "; trying again";
  view.disconnect(problemText);
  drawPage();
}

/** @param {string} selected */
function selectCase(selected) {
  if (selected === caseId) return;
  caseId = selected;
  const address = new URL(location.href);
  if (selected) address.searchParams.set("case", selected);
  else address.searchParams.delete("case");
  history.replaceState(null, "", address);
  follower.stop();
  for (const [id, { upload }] of documents.entries) if (!upload) documents.entries.delete(id);
  listed = false;
  listing.reset();
  replaceRows();
  refresh();
}

/** @param {Iterable<File>} files */
function addFiles(files) {
  const before = documents.entries.size;
  for (const file of files) forgetRefused(documents, file.name);
  if (documents.entries.size !== before) replaceRows();
  uploads.add(files, caseId);
}

/**
 * Turn a file into the document that the server has made of it.
 *
 * @param {Entry} entry
 * @param {any} stored
 */
function adoptUpload(entry, stored) {
  const { entries } = documents;
  entries.delete(entry.id);
  entry.upload = null;
  entry.id = stored.id;
  const known = entries.has(stored.id);
  if (!known) entries.set(stored.id, entry);
  const otherCase = caseId !== "" && stored.case_id !== caseId;
  if (otherCase) entries.delete(stored.id);
  // The row is gone if a list contained the document already.
  if (known || otherCase) replaceRows();
  else {
    // The document may have begun or ended by now; its events will say so.
    const event = localEvent(stored.id, stored.filename, "queued", "Waiting for a worker");
    documents.apply(entry, { ...event, timestamp: stored.created_at, attempt: 1 });
  }
  follower.update();
}

function uploadEnded() {
  saveRefused(REFUSED_KEY, documents.entries.values());
  scheduleDraw();
}

/** @param {string} id */
async function showDetails(id) {
  const entry = documents.entries.get(id);
  if (entry) view.showDetails(await loadDetails(entry, api.request));
}

function scheduleDraw() {
  if (!frame) frame = requestAnimationFrame(drawChanges);
}

function drawChanges() {
  frame = 0;
  drawPage();
  const summary = currentSummary();
  drawTitle(summary);
  view.update({ summary, rows: documents.takeChangedRows() });
  if (!connected) view.disconnect(problemText);
}

/** Draw all rows, and remove those of documents that are gone. */
function replaceRows() {
  drawPage();
  const summary = currentSummary();
  drawTitle(summary);
  view.replace({ summary, rows: documents.takeAllRows() });
  if (!connected) view.disconnect(problemText);
}

function currentSummary() {
  return summarize([...documents.entries.values()], {
    caseId,
    incomplete: listing.incomplete,
    waiting: listing.waiting,
    folders: listing.folders,
    sending: uploads.progress,
    segments: listing.segments,
  });
}

function drawPage() {
  const empty = !documents.entries.size;
  viewElement.hidden = empty;
  emptyText.hidden = !empty || !listed;
  loadingText.hidden = !slow || !empty || access.shown;
  olderButton.hidden = !listing.hasOlder;
  // Of documents that have not ended, the view itself says it.
  problem.textContent = sentence(problemText);
  problem.hidden = !problemText || documents.unfinished().length > 0;
}
