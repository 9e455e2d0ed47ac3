/** Documents as CSV, for a spreadsheet or a ticket. */

import { messageOf } from "./row-text.js";

/** @typedef {import("./types.js").Row} Row */

/** @type {[string, (row: Row) => string | number | null][]} */
const FIELDS = [
  ["document", ({ name }) => name],
  ["status", ({ status }) => status],
  ["step", ({ step }) => step],
  ["progress", ({ progress }) => progress],
  ["error", ({ status, error }) => (status === "failed" ? error : null)],
  ["message", (row) => (row.status === "failed" ? null : messageOf(row))],
  ["attempt", ({ attempt }) => attempt],
  ["seconds", ({ elapsed }) => elapsed],
  ["worker", ({ worker }) => worker],
  ["id", ({ id }) => id],
];

/**
 * Rows as CSV by RFC 4180, with a header.
 *
 * @param {Row[]} rows
 * @param {Map<string, string>} [errors] whole errors by id, where a row has the beginning
 */
export function toCsv(rows, errors = new Map()) {
  const lines = rows.map((row) => {
    const whole = { ...row, error: errors.get(row.id) ?? row.error };
    return FIELDS.map(([, value]) => quoted(value(whole))).join(",");
  });
  return `${[FIELDS.map(([name]) => name).join(","), ...lines].join("\r\n")}\r\n`;
}

/**
 * A value as a field. A text that spreadsheets would take for a formula is preceded by
 * an apostrophe, because names and errors come from documents.
 *
 * @param {string | number | null} value
 */
function quoted(value) {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[\s\0]*[=+\-@＝＋－＠\t\r\n]/u.test(value) ? `'${value}` : value;
  // Where a comma is the decimal mark, spreadsheets separate by semicolons.
  return /[",;\t\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Let the browser save a text as a file.
 *
 * @param {string} text
 * @param {string} name
 */
export function downloadCsv(text, name) {
  // The mark tells Excel that it is UTF-8.
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  // In the document, since Firefox ignores clicks outside of it.
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
