/** How fast bytes arrive, over the last seconds. */

/** Milliseconds over which the speed is measured. */
const WINDOW = 4000;

/** Milliseconds that must be covered before a speed is given. */
const MINIMUM = 300;

export function createSpeedMeter() {
  /** @type {{at: number, received: number}[]} */
  let samples = [];

  return {
    /** @param {number} received bytes so far */
    add(received) {
      const now = performance.now();
      samples = [...samples.filter(({ at }) => at > now - WINDOW), { at: now, received }];
    },
    reset() {
      samples = [];
    },
    /** Bytes a second; null if unknown. */
    value() {
      const first = samples[0];
      const last = samples[samples.length - 1];
      if (!first || last.at - first.at < MINIMUM) return null;
      return Math.max((1000 * (last.received - first.received)) / (last.at - first.at), 0);
    },
  };
}
