/** When the last message arrived, and whether the sender is still connected. */

import { timeOfDay } from "../shared/format.js";

/** @typedef {import("./types.js").Summary} Summary */

/** Milliseconds of silence after which the sender counts as lost. */
const TIMEOUT = 6000;

export function createHeartbeat() {
  let lastBeat = performance.now();
  // A monotonic clock may stop while the machine sleeps; the wall clock goes on.
  let lastBeatWall = Date.now();
  /** @type {number | null} the time that is shown */
  let lastUpdate = null;
  let disconnected = false;
  /** Why, if it is known. */
  let reason = "";
  /** @type {number | null} */
  let frozenAt = null;

  const heartbeat = {
    beat(time = Date.now()) {
      lastBeat = performance.now();
      lastBeatWall = Date.now();
      lastUpdate = time;
      disconnected = false;
    },
    disconnect(why = "") {
      disconnected = true;
      reason = why;
    },
    isLost() {
      return (
        disconnected ||
        performance.now() - lastBeat > TIMEOUT ||
        Date.now() - lastBeatWall > TIMEOUT
      );
    },
    /**
     * The page's clock, which stops while nothing is known.
     *
     * @param {Summary | null} summary
     */
    now(summary) {
      if (heartbeat.isLost()) return lastBeat;
      if (summary?.connected === false) frozenAt ??= performance.now();
      else frozenAt = null;
      return frozenAt ?? performance.now();
    },
    /**
     * What is wrong with the connection, in words. Empty if nothing is, or if the run
     * has finished and what is shown cannot become outdated.
     *
     * @param {Summary | null} summary
     */
    problem(summary) {
      if (summary?.finished) return "";
      if (heartbeat.isLost()) {
        const since =
          lastUpdate === null ? "nothing received yet" : `last update ${timeOfDay(lastUpdate)}`;
        return `disconnected, ${since}${disconnected && reason ? `: ${reason}` : ""}`;
      }
      if (summary?.connected === false) {
        const since = summary.lost_at ? ` since ${timeOfDay(Date.parse(summary.lost_at))}` : "";
        return `Redis is unreachable${since}; the view shows the last known state`;
      }
      return "";
    },
  };
  return heartbeat;
}
