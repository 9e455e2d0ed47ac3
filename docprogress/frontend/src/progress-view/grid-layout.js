/** How much room the rows of a grid and their columns take. */

import { clamp } from "../shared/dom.js";
import { detailOf } from "./row-text.js";
import { nameOf } from "./status.js";

/** @typedef {import("./types.js").Row} Row */

/** The height of a row in pixels: rows are positioned by multiplication. */
export const ROW_HEIGHT = 28;

/** The height where the message has a line of its own. */
export const TALL_ROW_HEIGHT = 48;

/** The height of the columns' headers, as in `grid.css`. */
export const HEADER_HEIGHT = 28;

/** Up to this width in pixels, the message has a line of its own: see `narrow.css`. */
export const NARROW = 720;

/** The least and the most characters for which names and messages are given room. */
const NAMES = [16, 64];
const MESSAGES = [24, 96];

/** How wide a character is at most, on average, in pixels. */
const CHARACTER_WIDTH = 7.4;

/** Room is given in steps of so many characters, so that columns seldom move. */
const STEP = 8;

/** How much wider than others characters of East Asian scripts are. */
const WIDE = /[\u1100-\u115f\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/gu;

/**
 * The shares of the row's width that names and messages get, by the longest of each.
 *
 * Messages change all the time, so their share only grows.
 */
export function createColumnShares() {
  let messages = MESSAGES[0];

  return {
    /**
     * @param {Iterable<Row>} rows
     * @param {number} now
     */
    measure(rows, now) {
      let names = NAMES[0];
      for (const row of rows) {
        names = Math.max(names, charactersOf(nameOf(row)));
        if (messages < MESSAGES[1]) messages = Math.max(messages, charactersOf(detailOf(row, now)));
      }
      return {
        names: rounded(names, NAMES),
        messages: rounded(messages, MESSAGES),
        /** In pixels, what the longest name needs. */
        nameWidth: Math.ceil(CHARACTER_WIDTH * Math.min(names, NAMES[1])),
      };
    },
  };
}

/** @param {string} text */
function charactersOf(text) {
  return text.length + (text.match(WIDE)?.length ?? 0);
}

/**
 * @param {number} characters
 * @param {number[]} limits
 */
function rounded(characters, [least, most]) {
  return clamp(Math.ceil(characters / STEP) * STEP, least, most);
}

/**
 * Whether the rows' workers are on different machines: otherwise a column for them
 * would say the same in each row.
 *
 * @param {Iterable<Row>} rows
 */
export function hasSeveralHosts(rows) {
  let first = "";
  for (const { worker } of rows) {
    const host = worker?.replace(/:\d+$/, "") ?? "";
    if (first && host && host !== first) return true;
    first ||= host;
  }
  return false;
}
