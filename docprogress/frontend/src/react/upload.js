/** Send a file to the server. */

/** @typedef {import("../use-document-progress.js").Uploaded} Uploaded */

/**
 * @param {File} file
 * @param {{url: string, token?: string, caseId?: string, signal?: AbortSignal}} options
 * @returns {Promise<Uploaded>}
 */
export async function uploadFile(file, { url, token, caseId, signal }) {
  const body = new FormData();
  if (caseId !== undefined) body.append("case_id", caseId);
  body.append("file", file, file.name);
  const headers = token === undefined ? undefined : { Authorization: `Bearer ${token}` };
  const init = { method: "POST", headers, body, signal };
  const response = await fetch(`${url}/documents/upload`, init);
  if (response.ok) return response.json();
  const { detail } = await response.json().catch(() => ({}));
  throw new Error(detail ?? `the server answered ${response.status}`);
}
