/**
 * Documents in a React application: a hook that follows one, and two components.
 *
 * All documents of a server share a connection, however many components show them,
 * because a browser opens six at most. The components bring no style; their classes
 * begin with `docprogress-`.
 */

import { createElement, useEffect, useId, useRef, useState } from "react";

import { subscribe } from "./react/shared-connection.js";
import { uploadFile } from "./react/upload.js";

/** @typedef {import("./document-progress.js").ProgressEvent} ProgressEvent */
/** @typedef {import("./document-progress.js").Connection} Connection */

/**
 * @typedef {object} Following what is known of a document
 * @property {ProgressEvent | null} progress its state; null until it is known
 * @property {Error | null} error why the server cannot be reached; why a document has
 *   failed is the `error` of its progress
 * @property {Connection} connection
 */

/**
 * @typedef {object} Server
 * @property {string} [url] where the server is, without a slash at the end
 * @property {string} [token] the server's token, for pages that may know it
 * @property {(documentIds: string[]) => string | Promise<string>} [ticket] obtains a
 *   ticket, from whoever knows the token, for all documents that are named: those that
 *   share a connection
 */

/**
 * @typedef {object} Uploaded a document that the server has stored
 * @property {string} id
 * @property {string} filename
 * @property {string | null} case_id
 * @property {string} run_id
 * @property {string} media_type
 */

/** @type {Following} */
const UNKNOWN = { progress: null, error: null, connection: "connecting" };

/**
 * Follow a document until it is completed. One that has failed or was cancelled may be
 * retried.
 *
 * @param {string | null} documentId null follows nothing
 * @param {Server} [server]
 * @returns {Following}
 */
export function useDocumentProgress(documentId, { url, token, ticket } = {}) {
  const [known, setKnown] = useState({ ...UNKNOWN, documentId });
  // A new function at each rendering is no reason to connect again.
  const makeTicket = useRef(ticket);
  useEffect(() => {
    makeTicket.current = ticket;
  });
  const hasTicket = ticket !== undefined;
  useEffect(() => {
    if (documentId === null) return undefined;
    setKnown({ ...UNKNOWN, documentId });
    const subscriber = {
      documentId,
      onChange: (/** @type {Partial<Following>} */ change) =>
        setKnown((before) => ({ ...before, ...change })),
      ticket: (/** @type {string[]} */ ids) => makeTicket.current?.(ids) ?? "",
    };
    return subscribe({ url, token, hasTicket }, subscriber);
  }, [documentId, url, token, hasTicket]);
  // Until the effect has run, the state is that of the previous document.
  if (known.documentId !== documentId) return UNKNOWN;
  const { progress, error, connection } = known;
  return { progress, error, connection };
}

/**
 * Show the progress of a document.
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
  const message = progress?.error ?? progress?.message ?? "";
  return createElement(
    "div",
    { className: "docprogress-tracker", "data-status": status, "data-connection": connection },
    createElement("span", { className: "docprogress-name", id: label }, name),
    " ",
    createElement("progress", { max: 100, value: percent, "aria-labelledby": label }),
    createElement("span", { className: "docprogress-percent" }, ` ${percent} % `),
    createElement("span", { className: "docprogress-message", role: "status" }, message),
    error && problemElement(error.message),
  );
}

/**
 * Choose files, and send them to the server one after the other.
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
  const unmounting = useRef(null);
  useEffect(() => {
    unmounting.current = new AbortController();
    return () => unmounting.current?.abort();
  }, []);

  /** @param {File[]} files */
  async function send(files) {
    const signal = unmounting.current?.signal;
    setProblem("");
    for (const file of files) {
      setSending(file.name);
      try {
        onUpload?.(await uploadFile(file, { url, token, caseId, signal }));
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
    problem && problemElement(problem),
  );
}

/** @param {string} text */
function problemElement(text) {
  return createElement("span", { className: "docprogress-problem", role: "alert" }, text);
}
