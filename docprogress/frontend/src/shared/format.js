/** Numbers, times and sizes in words. */

const NUMBERS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** @param {number} value */
export function formatNumber(value) {
  return NUMBERS.format(value);
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * A fraction in per cent, which is 100 only when everything is done.
 *
 * @param {number} fraction
 */
export function percentage(fraction) {
  // Without the small amount, 0.29 would be 28 %.
  return fraction >= 1 ? 100 : Math.max(0, Math.min(Math.floor(fraction * 100 + 1e-9), 99));
}

/**
 * A duration that still grows: "12:30", "1:02:03".
 *
 * @param {number} seconds
 */
export function stopwatch(seconds) {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours
    ? `${hours}:${twoDigits(minutes)}:${twoDigits(whole % 60)}`
    : `${minutes}:${twoDigits(whole % 60)}`;
}

/**
 * A duration that has ended, in at most two units: "4 min 5 s".
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 0.05) return "< 0.1 s";
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  /** @type {[number, string, number, string][]} */
  const units = [
    [86400, "d", 3600, "h"],
    [3600, "h", 60, "min"],
    [60, "min", 1, "s"],
  ];
  for (const [unit, name, smaller, smallName] of units) {
    if (whole < unit) continue;
    const rest = Math.floor((whole % unit) / smaller);
    const count = `${Math.floor(whole / unit)} ${name}`;
    return rest ? `${count} ${rest} ${smallName}` : count;
  }
  return `${whole} s`;
}

/**
 * An estimate of the time left, rounded to what an estimate can claim.
 *
 * @param {number | null} seconds
 */
export function remaining(seconds) {
  if (seconds === null) return "time left unknown";
  if (seconds < 5) return "a few seconds left";
  if (seconds < 57.5) return `about ${Math.round(seconds / 5) * 5} s left`;
  const minutes = Math.round(seconds / 60);
  // From ten minutes on, in steps of five.
  const shown = minutes >= 10 ? Math.round(minutes / 5) * 5 : Math.max(minutes, 1);
  return `about ${duration(shown * 60)} left`;
}

/** The seconds to which the ends of a range are rounded. */
const ROUND = [
  ...[5, 10, 15, 20, 30, 45],
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50].map((each) => each * 60),
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 18].map((each) => each * 3600),
  ...[1, 2, 3, 4, 5, 7, 10, 14, 21, 30].map((each) => each * 86400),
];

/**
 * A range of seconds, rounded so that it becomes no smaller: "2 to 5 min left".
 *
 * @param {number} low
 * @param {number} high
 */
export function remainingBetween(low, high) {
  if (high < ROUND[0]) return "a few seconds left";
  const least = ROUND.filter((each) => each <= low).pop() ?? 0;
  const most = ROUND.find((each) => each >= high);
  if (most === undefined) return `more than ${whole(least)} left`;
  if (!least) return `up to ${whole(most)} left`;
  if (least === most) return `about ${whole(most)} left`;
  const [, unit] = whole(most).split(" ");
  const first = whole(least);
  return `${first.endsWith(` ${unit}`) ? first.split(" ")[0] : first} to ${whole(most)} left`;
}

/** @param {number} seconds one of `ROUND` */
function whole(seconds) {
  if (seconds >= 86400) return `${seconds / 86400} d`;
  if (seconds >= 3600) return `${seconds / 3600} h`;
  return seconds >= 60 ? `${seconds / 60} min` : `${seconds} s`;
}

/**
 * A rate per second, minute or hour, whichever is the first to give about one or more.
 *
 * @param {number} perSecond
 * @param {string} noun
 */
export function rate(perSecond, noun) {
  let value = perSecond;
  let unit = "s";
  for (const longer of ["min", "h"]) {
    if (value >= 0.95) break;
    value *= 60;
    unit = longer;
  }
  return `${value >= 9.95 ? formatNumber(value) : value.toFixed(1)} ${noun}/${unit}`;
}

/** @param {number} size in bytes */
export function fileSize(size) {
  for (const [unit, name] of /** @type {[number, string][]} */ ([
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ])) {
    const value = size / unit;
    if (value >= 1) return `${value < 99.95 ? value.toFixed(1) : value.toFixed(0)} ${name}`;
  }
  return plural(Math.round(size), "byte");
}

/** @param {number} time milliseconds since the epoch */
export function timeOfDay(time) {
  if (!Number.isFinite(time)) return "an unknown time";
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

/** @param {number} number */
function twoDigits(number) {
  return String(number).padStart(2, "0");
}
