/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

// src/use-document-progress.js
import { createElement, useEffect, useId, useRef, useState } from "react";
import { watch } from "./document-progress.js";
var GATHER = 20;
var MOST = 500;
var FINAL = /* @__PURE__ */ new Set(["completed", "failed", "cancelled"]);
var NOTHING = { progress: null, error: null, connection: "connecting" };
function useDocumentProgress(documentId, { url, token, ticket } = {}) {
  const [known, setKnown] = useState({ ...NOTHING, documentId });
  const makeTicket = useRef(ticket);
  useEffect(() => {
    makeTicket.current = ticket;
  });
  const hasTicket = ticket !== void 0;
  useEffect(() => {
    if (documentId === null) return void 0;
    setKnown({ ...NOTHING, documentId });
    return join({ url, token, hasTicket }, {
      documentId,
      learn: (news) => setKnown((before) => ({ ...before, ...news })),
      ticket: (ids) => makeTicket.current?.(ids) ?? ""
    });
  }, [documentId, url, token, hasTicket]);
  if (known.documentId !== documentId) return NOTHING;
  const { progress, error, connection } = known;
  return { progress, error, connection };
}
var lines = /* @__PURE__ */ new Map();
function join(server, member) {
  const key = JSON.stringify([server.url, server.token, server.hasTicket]);
  const line = lines.get(key) ?? createLine(server, () => lines.delete(key));
  lines.set(key, line);
  return line.join(member);
}
function createLine({ url, token, hasTicket }, onEmpty) {
  const members = /* @__PURE__ */ new Set();
  const known = /* @__PURE__ */ new Map();
  const settled = /* @__PURE__ */ new Set();
  let streams = [];
  let gathering;
  let current = "connecting";
  return {
    /** @param {Member} member */
    join(member) {
      members.add(member);
      const event = known.get(member.documentId);
      if (event) tell(event);
      settled.delete(member.documentId);
      gathering ??= setTimeout(open, GATHER);
      return () => {
        members.delete(member);
        if (members.size) return;
        clearTimeout(gathering);
        close();
        onEmpty();
      };
    }
  };
  function open() {
    gathering = void 0;
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
  function closeSettled() {
    streams = streams.filter(({ ids, stop }) => {
      const over = ids.every((id) => settled.has(id));
      if (over) stop();
      return !over;
    });
  }
  function listen(ids) {
    const all = (news) => {
      for (const { documentId, learn } of members) {
        const ended = FINAL.has(known.get(documentId)?.status ?? "");
        if (!ended && ids.includes(documentId)) learn(news);
      }
    };
    return watch(ids, {
      url,
      token,
      ...hasTicket ? { ticket: (asked) => newest().ticket(asked) } : {},
      follow: true,
      onChange(event) {
        tell(event);
        closeSettled();
      },
      onError: (error) => all({ error }),
      onConnection(connection) {
        if (connection === "connecting") return;
        current = connection;
        const well = connection === "streaming" || connection === "polling";
        all(well ? { connection, error: null } : { connection });
      }
    });
  }
  function newest() {
    return (
      /** @type {Member} */
      [...members].at(-1)
    );
  }
  function tell(progress) {
    const documentId = progress.document_id;
    const ended = FINAL.has(progress.status);
    const again = !ended && FINAL.has(known.get(documentId)?.status ?? "");
    known.set(documentId, progress);
    if (progress.status === "completed") settled.add(documentId);
    else settled.delete(documentId);
    let news = { progress };
    if (ended) news = { progress, connection: "ended", error: null };
    if (again) news = { progress, connection: current };
    for (const member of members) if (member.documentId === documentId) member.learn(news);
  }
}
function ProgressTracker({ documentId, ...server }) {
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
    error && complaint(error.message)
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
  const leaving = useRef(null);
  useEffect(() => {
    leaving.current = new AbortController();
    return () => leaving.current?.abort();
  }, []);
  async function send(files) {
    const signal = leaving.current?.signal;
    setProblem("");
    for (const file of files) {
      setSending(file.name);
      try {
        onUpload?.(await upload(file, { url, token, caseId, signal }));
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
    problem && complaint(problem)
  );
}
function complaint(text) {
  return createElement("span", { className: "docprogress-problem", role: "alert" }, text);
}
async function upload(file, { url, token, caseId, signal }) {
  const body = new FormData();
  if (caseId !== void 0) body.append("case_id", caseId);
  body.append("file", file, file.name);
  const headers = token === void 0 ? void 0 : { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/documents/upload`, { method: "POST", headers, body, signal });
  if (answer.ok) return answer.json();
  const { detail } = await answer.json().catch(() => ({}));
  throw new Error(detail ?? `the server answered ${answer.status}`);
}
export {
  DocumentUploader,
  ProgressTracker,
  useDocumentProgress
};
