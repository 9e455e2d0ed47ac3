/**
 * Documents in a React application: a hook that follows one, and two components.
 *
 * All documents of a server share a connection, however many components show them: a
 * browser opens no more than six.  The components bring no style; their classes begin
 * with `docprogress-`.
 */

import { createElement, useEffect, useId, useRef, useState } from "react";

import { watch } from "./document-progress.js";

/** @typedef {import("./document-progress.js").ProgressEvent} ProgressEvent */
/** @typedef {import("./document-progress.js").Connection} Connection */

/**
 * @typedef {object} Following what is known of a document
 * @property {ProgressEvent | null} progress where it stands; null until that is known
 * @property {Error | null} error why nothing can be heard of it now; why a document has
 *   failed is the `error` of its progress
 * @property {Connection} connection
 */

/**
 * @typedef {object} Server
 * @property {string} [url] where the server is, without a slash at the end
 * @property {string} [token] the server's token, for pages that may know it
 * @property {(documentIds: string[]) => string | Promise<string>} [ticket] has a ticket
 *   made, by whoever knows the token, for all of the documents that are named: those
 *   that share a connection
 */

/**
 * @typedef {object} Uploaded a document that the server has
 * @property {string} id
 * @property {string} filename
 * @property {string | null} case_id
 * @property {string} run_id
 * @property {string} media_type
 */

/**
 * @typedef {object} Member what is told of one document
 * @property {string} documentId
 * @property {(news: Partial<Following>) => void} learn
 * @property {(documentIds: string[]) => string | Promise<string>} ticket
 */

/** Milliseconds that more documents are waited for before all are followed anew. */
const GATHER = 20;

/** The most documents of one connection. */
const MOST = 500;

const FINAL = new Set(["completed", "failed", "cancelled"]);

/** @type {Following} */
const NOTHING = { progress: null, error: null, connection: "connecting" };

/**
 * Follow a document until it is completed; one that has failed, or was cancelled, may be
 * tried again.
 *
 * @param {string | null} documentId null follows nothing
 * @param {Server} [server]
 * @returns {Following}
 */
export function useDocumentProgress(documentId, { url, token, ticket } = {}) {
  const [known, setKnown] = useState({ ...NOTHING, documentId });
  // A function is another one at each rendering, which is no reason to connect again.
  const makeTicket = useRef(ticket);
  useEffect(() => {
    makeTicket.current = ticket;
  });
  const hasTicket = ticket !== undefined;
  useEffect(() => {
    if (documentId === null) return undefined;
    setKnown({ ...NOTHING, documentId });
    return join({ url, token, hasTicket }, {
      documentId,
      learn: (news) => setKnown((before) => ({ ...before, ...news })),
      ticket: (ids) => makeTicket.current?.(ids) ?? "",
    });
  }, [documentId, url, token, hasTicket]);
  // Until the effect has run, what is known is of the document before.
  if (known.documentId !== documentId) return NOTHING;
  const { progress, error, connection } = known;
  return { progress, error, connection };
}

/** @type {Map<string, ReturnType<typeof createLine>>} */
const lines = new Map();

/**
 * Have somebody told of a document, over the connection that there is to its server.
 *
 * @param {{url?: string, token?: string, hasTicket: boolean}} server
 * @param {Member} member
 * @returns {() => void} leaves
 */
function join(server, member) {
  const key = JSON.stringify([server.url, server.token, server.hasTicket]);
  const line = lines.get(key) ?? createLine(server, () => lines.delete(key));
  lines.set(key, line);
  return line.join(member);
}

/**
 * All that is followed of one server.
 *
 * @param {{url?: string, token?: string, hasTicket: boolean}} server
 * @param {() => void} onEmpty nobody is told anything any more
 */
function createLine({ url, token, hasTicket }, onEmpty) {
  /** @type {Set<Member>} */
  const members = new Set();
  /** @type {Map<string, ProgressEvent>} */
  const known = new Map();
  /** @type {Set<string>} what is completed, and was followed until then */
  const settled = new Set();
  /** @type {{ids: string[], stop: () => void}[]} */
  let streams = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let gathering;
  /** @type {Connection} */
  let current = "connecting";

  return {
    /** @param {Member} member */
    join(member) {
      members.add(member);
      const event = known.get(member.documentId);
      if (event) tell(event);
      // It may have begun again since: the server is asked anew.
      settled.delete(member.documentId);
      gathering ??= setTimeout(open, GATHER);
      return () => {
        members.delete(member);
        if (members.size) return;
        clearTimeout(gathering);
        close();
        onEmpty();
      };
    },
  };

  /** Follow what is not completed, and is shown. */
  function open() {
    gathering = undefined;
    close();
    const shown = new Set([...members].map(({ documentId }) => documentId));
    for (const id of known.keys()) if (!shown.has(id)) known.delete(id);
    for (const id of settled) if (!shown.has(id)) settled.delete(id);
    const ids = [...shown].filter((id) => !settled.has(id));
    for (let from = 0; from < ids.length; from += MOST) {
      const some = ids.slice(from, from + MOST);
      streams.push({ ids: some, stop: listen(some) });
    }
  }

  function close() {
    for (const { stop } of streams) stop();
    streams = [];
  }

  /** Follow nothing any more of which all is completed. */
  function closeSettled() {
    streams = streams.filter(({ ids, stop }) => {
      const over = ids.every((id) => settled.has(id));
      if (over) stop();
      return !over;
    });
  }

  /** @param {string[]} ids */
  function listen(ids) {
    /** @param {Partial<Following>} news */
    const all = (news) => {
      for (const { documentId, learn } of members) {
        const ended = FINAL.has(known.get(documentId)?.status ?? "");
        if (!ended && ids.includes(documentId)) learn(news);
      }
    };
    return watch(ids, {
      url,
      token,
      ...(hasTicket ? { ticket: (/** @type {string[]} */ asked) => newest().ticket(asked) } : {}),
      follow: true,
      onChange(event) {
        tell(event);
        closeSettled();
      },
      onError: (error) => all({ error }),
      onConnection(connection) {
        // It is opened anew whenever there is one more: nothing is wrong with that.
        if (connection === "connecting") return;
        current = connection;
        const well = connection === "streaming" || connection === "polling";
        all(well ? { connection, error: null } : { connection });
      },
    });
  }

  /** @returns {Member} */
  function newest() {
    return /** @type {Member} */ ([...members].at(-1));
  }

  /** @param {ProgressEvent} progress */
  function tell(progress) {
    const documentId = progress.document_id;
    const ended = FINAL.has(progress.status);
    const again = !ended && FINAL.has(known.get(documentId)?.status ?? "");
    known.set(documentId, progress);
    if (progress.status === "completed") settled.add(documentId);
    else settled.delete(documentId);
    /** @type {Partial<Following>} */
    let news = { progress };
    if (ended) news = { progress, connection: "ended", error: null };
    if (again) news = { progress, connection: current };
    for (const member of members) if (member.documentId === documentId) member.learn(news);
  }
}

/**
 * Show how far a document is.
 *
 * @param {Server & {documentId: string | null}} props
 * @returns {import("react").ReactElement | null}
 */
export function ProgressTracker({ documentId, ...server }) {
  const { progress, error, connection } = useDocumentProgress(documentId, server);
  const label = useId();
  if (documentId === null) return null;
  const status = progress?.status ?? "queued";
  const percent = Math.floor(progress?.progress ?? 0);
  const name = progress?.name ?? documentId;
  const said = progress?.error ?? progress?.message ?? "";
  return createElement(
    "div",
    { className: "docprogress-tracker", "data-status": status, "data-connection": connection },
    createElement("span", { className: "docprogress-name", id: label }, name),
    " ",
    createElement("progress", { max: 100, value: percent, "aria-labelledby": label }),
    createElement("span", { className: "docprogress-percent" }, ` ${percent} % `),
    createElement("span", { className: "docprogress-message", role: "status" }, said),
    error && complaint(error.message),
  );
}

/**
 * Take files, and hand them to the server one after the other.
 *
 * @param {Server & {
 *   caseId?: string,
 *   multiple?: boolean,
 *   label?: string,
 *   onUpload?: (document: Uploaded) => void,
 *   onError?: (error: Error, file: File) => void,
 * }} props
 * @returns {import("react").ReactElement}
 */
export function DocumentUploader({
  url = "",
  token,
  caseId,
  multiple = true,
  label = "Choose documents",
  onUpload,
  onError,
}) {
  const [sending, setSending] = useState("");
  const [problem, setProblem] = useState("");
  /** @type {import("react").RefObject<AbortController | null>} */
  const leaving = useRef(null);
  useEffect(() => {
    leaving.current = new AbortController();
    return () => leaving.current?.abort();
  }, []);

  /** @param {File[]} files */
  async function send(files) {
    const signal = leaving.current?.signal;
    setProblem("");
    for (const file of files) {
      setSending(file.name);
      try {
        onUpload?.(await upload(file, { url, token, caseId, signal }));
      } catch (thrown) {
        if (signal?.aborted) return;
        const error = /** @type {Error} */ (thrown);
        setProblem(`${file.name}: ${error.message}`);
        onError?.(error, file);
      }
    }
    setSending("");
  }

  return createElement(
    "div",
    { className: "docprogress-uploader" },
    createElement(
      "label",
      null,
      `${label} `,
      createElement("input", {
        type: "file",
        multiple,
        disabled: sending !== "",
        onChange(/** @type {{target: HTMLInputElement}} */ { target }) {
          const files = [...(target.files ?? [])];
          target.value = "";
          send(files);
        },
      }),
    ),
    createElement("span", { role: "status" }, sending && `Sending ${sending}`),
    problem && complaint(problem),
  );
}

/** @param {string} text */
function complaint(text) {
  return createElement("span", { className: "docprogress-problem", role: "alert" }, text);
}

/**
 * @param {File} file
 * @param {{url: string, token?: string, caseId?: string, signal?: AbortSignal}} options
 * @returns {Promise<Uploaded>}
 */
async function upload(file, { url, token, caseId, signal }) {
  const body = new FormData();
  if (caseId !== undefined) body.append("case_id", caseId);
  body.append("file", file, file.name);
  const headers = token === undefined ? undefined : { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/documents/upload`, { method: "POST", headers, body, signal });
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  throw new Error(detail ?? `the server answered ${answer.status}`);
}
