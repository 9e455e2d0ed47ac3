/** All files together, in numbers and in words. */

import { fileSize, formatNumber, plural, remaining } from "../shared/format.js";

/** @typedef {import("./types.js").FileEntry} FileEntry */
/** @typedef {ReturnType<typeof totalsOf>} Totals */

/**
 * @param {FileEntry[]} entries
 * @param {Set<string>} batch the files that are uploaded at present, or just were
 */
export function totalsOf(entries, batch) {
  const totals = { arriving: 0, arrived: 0, failed: 0, cancelled: 0 };
  let [size, received, arrivedSize] = [0, 0, 0];
  for (const entry of entries) {
    totals[entry.status] += 1;
    if (entry.status === "arrived") arrivedSize += entry.size;
    if (batch.has(entry.key) && (entry.status === "arriving" || entry.status === "arrived")) {
      size += entry.size;
      received += entry.received;
    }
  }
  const part = Math.floor((100 * received) / Math.max(size, 1));
  const percent = totals.arriving ? Math.min(part, 99) : part;
  return { ...totals, size, received, arrivedSize, percent };
}

/**
 * What is being uploaded, how fast, and how long it will take.
 *
 * @param {Totals} totals
 * @param {number | null} speed
 */
export function progressText({ arriving, size, received }, speed) {
  const total = fileSize(size);
  const unit = total.slice(total.indexOf(" "));
  const done = fileSize(received);
  const number = done.endsWith(unit) ? done.slice(0, -unit.length) : done;
  const parts = [plural(arriving, "file"), `${number} of ${total}`];
  if (speed) parts.push(`${fileSize(speed)}/s`, remaining((size - received) / speed));
  return parts.join(" · ");
}

/** @param {Totals} totals */
export function resultText({ arrived, arrivedSize, failed, cancelled }) {
  const parts = [];
  if (arrived) parts.push(`${plural(arrived, "file")} uploaded, ${fileSize(arrivedSize)}`);
  if (failed) parts.push(`${formatNumber(failed)} failed`);
  if (cancelled) parts.push(`${formatNumber(cancelled)} cancelled`);
  return parts.join(" · ");
}
