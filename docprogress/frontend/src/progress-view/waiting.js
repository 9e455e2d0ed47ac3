/** What a document waits for, from its newest event and the time of day. */

/** @typedef {import("../document-progress.js").ProgressEvent} ProgressEvent */

/**
 * What a document waits for: "waiting for the storage". Empty if its message does not say
 * so, or if the time is over that it names, which is shown in the viewer's time zone.
 *
 * @param {ProgressEvent} event
 * @param {number} now
 */
export function waitingText({ message, status, waiting_until: until }, now) {
  if (status !== "queued" && status !== "processing") return "";
  const waits = /^Waiting for (?!a worker$)/.test(message);
  const lowerCase = `w${message.slice(1)}`;
  if (status === "processing" || typeof until !== "string") return waits ? lowerCase : "";
  const moment = new Date(until);
  if (!(moment.getTime() > now)) return "";
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
    .map((each) => String(each).padStart(2, "0"))
    .join(":");
  if (!waits) return `waiting until ${time} to try again`;
  return lowerCase.replace(/ until \d\d:\d\d:\d\d/, ` until ${time}`);
}

/**
 * An event's message, with the time it names in the viewer's time zone. A document whose
 * wait is over is only queued.
 *
 * @param {ProgressEvent} event
 * @param {number} now
 */
export function shownMessage(event, now) {
  const { message, status, waiting_until: until } = event;
  if (status !== "queued" || !until || !message.startsWith("Waiting for ")) return message;
  const text = waitingText(event, now);
  return text ? `W${text.slice(1)}` : "Queued";
}
