/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

// src/use-document-progress.js
import { createElement, useEffect, useId, useRef, useState } from "react";

// src/react/shared-connection.js
import { watch } from "./document-progress.js";

// src/shared/status.js
function isFinal(status) {
  return status === "completed" || status === "failed" || status === "cancelled";
}

// src/react/shared-connection.js
var DELAY = 20;
var PER_STREAM = 500;
var connections = /* @__PURE__ */ new Map();
function subscribe(server, subscriber) {
  const key = JSON.stringify([server.url, server.token, server.hasTicket]);
  const connection = connections.get(key) ?? createConnection(server, () => connections.delete(key));
  connections.set(key, connection);
  return connection.subscribe(subscriber);
}
function createConnection({ url, token, hasTicket }, onUnused) {
  const subscribers = /* @__PURE__ */ new Set();
  const known = /* @__PURE__ */ new Map();
  const completed = /* @__PURE__ */ new Set();
  let streams = [];
  let timer;
  let state = "connecting";
  function open() {
    timer = void 0;
    close();
    const shown = new Set([...subscribers].map(({ documentId }) => documentId));
    for (const id of known.keys()) if (!shown.has(id)) known.delete(id);
    for (const id of completed) if (!shown.has(id)) completed.delete(id);
    const ids = [...shown].filter((id) => !completed.has(id));
    for (let from = 0; from < ids.length; from += PER_STREAM) {
      const some = ids.slice(from, from + PER_STREAM);
      streams.push({ ids: some, stop: openStream(some) });
    }
  }
  function close() {
    for (const { stop } of streams) stop();
    streams = [];
  }
  function closeCompleted() {
    streams = streams.filter(({ ids, stop }) => {
      const done = ids.every((id) => completed.has(id));
      if (done) stop();
      return !done;
    });
  }
  function openStream(ids) {
    const notifyUnfinished = (change) => {
      for (const { documentId, onChange } of subscribers) {
        const ended = isFinal(known.get(documentId)?.status);
        if (!ended && ids.includes(documentId)) onChange(change);
      }
    };
    const ticket = (requested) => newest().ticket(requested);
    return watch(ids, {
      url,
      token,
      ...hasTicket ? { ticket } : {},
      follow: true,
      onChange(event) {
        apply(event);
        closeCompleted();
      },
      onError: (error) => notifyUnfinished({ error }),
      onConnection(connection) {
        if (connection === "connecting") return;
        state = connection;
        const works = connection === "streaming" || connection === "polling";
        notifyUnfinished(works ? { connection, error: null } : { connection });
      }
    });
  }
  function newest() {
    return (
      /** @type {Subscriber} */
      [...subscribers].at(-1)
    );
  }
  function apply(progress) {
    const documentId = progress.document_id;
    const ended = isFinal(progress.status);
    const retried = !ended && isFinal(known.get(documentId)?.status);
    known.set(documentId, progress);
    if (progress.status === "completed") completed.add(documentId);
    else completed.delete(documentId);
    let change = { progress };
    if (ended) change = { progress, connection: "ended", error: null };
    if (retried) change = { progress, connection: state };
    for (const subscriber of subscribers) {
      if (subscriber.documentId === documentId) subscriber.onChange(change);
    }
  }
  return {
    /** @param {Subscriber} subscriber */
    subscribe(subscriber) {
      subscribers.add(subscriber);
      const event = known.get(subscriber.documentId);
      if (event) apply(event);
      completed.delete(subscriber.documentId);
      timer ??= setTimeout(open, DELAY);
      return () => {
        subscribers.delete(subscriber);
        if (subscribers.size) return;
        clearTimeout(timer);
        close();
        onUnused();
      };
    }
  };
}

// src/react/upload.js
async function uploadFile(file, { url, token, caseId, signal }) {
  const body = new FormData();
  if (caseId !== void 0) body.append("case_id", caseId);
  body.append("file", file, file.name);
  const headers = token === void 0 ? void 0 : { Authorization: `Bearer ${token}` };
  const init = { method: "POST", headers, body, signal };
  const response = await fetch(`${url}/documents/upload`, init);
  if (response.ok) return response.json();
  const { detail } = await response.json().catch(() => ({}));
  throw new Error(detail ?? `the server answered ${response.status}`);
}

// src/use-document-progress.js
var UNKNOWN = { progress: null, error: null, connection: "connecting" };
function useDocumentProgress(documentId, { url, token, ticket } = {}) {
  const [known, setKnown] = useState({ ...UNKNOWN, documentId });
  const makeTicket = useRef(ticket);
  useEffect(() => {
    makeTicket.current = ticket;
  });
  const hasTicket = ticket !== void 0;
  useEffect(() => {
    if (documentId === null) return void 0;
    setKnown({ ...UNKNOWN, documentId });
    const subscriber = {
      documentId,
      onChange: (change) => setKnown((before) => ({ ...before, ...change })),
      ticket: (ids) => makeTicket.current?.(ids) ?? ""
    };
    return subscribe({ url, token, hasTicket }, subscriber);
  }, [documentId, url, token, hasTicket]);
  if (known.documentId !== documentId) return UNKNOWN;
  const { progress, error, connection } = known;
  return { progress, error, connection };
}
function ProgressTracker({ documentId, ...server }) {
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
    error && problemElement(error.message)
  );
}
function DocumentUploader({
  url = "",
  token,
  caseId,
  multiple = true,
  label = "Choose documents",
  onUpload,
  onError
}) {
  const [sending, setSending] = useState("");
  const [problem, setProblem] = useState("");
  const unmounting = useRef(null);
  useEffect(() => {
    unmounting.current = new AbortController();
    return () => unmounting.current?.abort();
  }, []);
  async function send(files) {
    const signal = unmounting.current?.signal;
    setProblem("");
    for (const file of files) {
      setSending(file.name);
      try {
        onUpload?.(await uploadFile(file, { url, token, caseId, signal }));
      } catch (thrown) {
        if (signal?.aborted) return;
        const error = (
          /** @type {Error} */
          thrown
        );
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
        onChange({ target }) {
          const files = [...target.files ?? []];
          target.value = "";
          send(files);
        }
      })
    ),
    createElement("span", { role: "status" }, sending && `Sending ${sending}`),
    problem && problemElement(problem)
  );
}
function problemElement(text) {
  return createElement("span", { className: "docprogress-problem", role: "alert" }, text);
}
export {
  DocumentUploader,
  ProgressTracker,
  useDocumentProgress
};
