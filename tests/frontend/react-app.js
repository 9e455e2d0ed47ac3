/** A React application: it uploads documents, and follows them and one that is named. */

import { createElement, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { DocumentUploader, ProgressTracker, useDocumentProgress } from "docprogress/react";

const server = { url: location.origin, token: location.hash.slice(1) };

/** @param {{documentId: string | null}} props */
function Named({ documentId }) {
  const { progress, error, connection } = useDocumentProgress(documentId, {
    url: server.url,
    // Another function each time, as it is written everywhere.
    ticket: async (documents) => {
      const answer = await fetch("/tickets", {
        method: "POST",
        headers: { Authorization: `Bearer ${server.token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ documents }),
      });
      return (await answer.json()).ticket;
    },
  });
  return createElement(
    "output",
    { "data-connection": connection },
    `${progress?.document_id}: ${progress?.progress} ${progress?.status} ${error?.message}`,
  );
}

function App() {
  const [ids, setIds] = useState(/** @type {string[]} */ ([]));
  const [named, setNamed] = useState(/** @type {string | null} */ (null));
  const [shown, setShown] = useState(/** @type {string[]} */ ([]));
  Object.assign(window, { setNamed, setShown });
  return createElement(
    "main",
    null,
    createElement(DocumentUploader, {
      ...server,
      caseId: "case-123",
      onUpload: ({ id }) => setIds((before) => [...before, id]),
    }),
    ids.map((id) => createElement(ProgressTracker, { key: id, documentId: id, ...server })),
    shown.map((id, place) =>
      createElement(ProgressTracker, { key: place, documentId: id, ...server }),
    ),
    createElement(Named, { documentId: named }),
  );
}

const root = createRoot(/** @type {HTMLElement} */ (document.querySelector("#root")));
root.render(createElement(StrictMode, null, createElement(App)));
Object.assign(window, { unmount: () => root.unmount() });
