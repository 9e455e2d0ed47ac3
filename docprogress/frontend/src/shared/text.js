/** Make text from documents safe to lay out: one line, of limited length. */

import { createElement } from "./dom.js";

/** Most characters of a title: browsers do not scroll titles. */
const MAX_TITLE = 6000;

/** Most characters of a text that is laid out in a row; the title has more. */
export const MAX_CELL = 300;

/** Characters at the end of a long name that stay visible. */
const NAME_TAIL = 9;

/**
 * A single line, without characters that change the direction of the text around it.
 *
 * @param {string} text
 */
export function singleLine(text) {
  return replaceInvisible(text.slice(0, MAX_TITLE)).replace(/\s+/gu, " ").trim();
}

/**
 * Replace control and direction characters, but keep line breaks.
 *
 * @param {string} text
 */
export function replaceInvisible(text) {
  return text
    .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replace(/[^\P{Cc}\t\n\v\f\r]|\p{Cs}/gu, "\ufffd");
}

/**
 * A text that begins with a capital, as sentences do.
 *
 * Only a whole word of plain letters is changed: "the file" becomes "The file", while
 * "iOS" and "a.pdf" stay as they are.
 *
 * @param {string} text
 */
export function sentence(text) {
  return text.replace(/^[a-z](?=[a-z’']*(?:[\s,;:!?…]|$))/, (letter) => letter.toUpperCase());
}

/**
 * Remove the name of a document from the beginning of its error: it is shown elsewhere.
 *
 * @param {string} text
 * @param {string} name
 */
export function withoutName(text, name) {
  const prefix = `${name}:`;
  const begins = text.slice(0, prefix.length).toLocaleLowerCase() === prefix.toLocaleLowerCase();
  return begins ? text.slice(prefix.length).trimStart() : text;
}

/**
 * @param {string} text
 * @param {number} length
 */
export function truncate(text, length) {
  if (text.length <= length) return text;
  // Do not split a surrogate pair.
  return `${text
    .slice(0, length)
    .replace(/[\ud800-\udbff]$/, "")
    .trimEnd()}…`;
}

/** Names in scripts that neither join letters nor run right to left, which can be split. */
const SPLITTABLE =
  /^[\x20-\x7e\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff00-\uff60ー–—’“”]+$/u;

/**
 * Show a name so that its end stays visible where there is no room for its middle.
 *
 * @param {HTMLElement} element
 * @param {string} name on a single line
 */
export function setName(element, name) {
  if (element.title === name) return;
  element.title = name;
  const characters = [...name.normalize("NFC")];
  const splits = characters.length > 2 * NAME_TAIL && SPLITTABLE.test(characters.join(""));
  const parts = splits
    ? [characters.slice(0, MAX_CELL).slice(0, -NAME_TAIL), characters.slice(-NAME_TAIL)]
    : [truncate(name, MAX_CELL)];
  const spans = parts.map((part) => createElement("span", "", [...part].join("")));
  for (const span of spans) span.dir = "auto";
  element.replaceChildren(...spans);
}
