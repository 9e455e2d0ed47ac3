/** Requests to the server, and the errors that they end with. */

/** Milliseconds that a response may take, beyond what the server is asked to wait. */
const TIMEOUT = 10_000;

/** Raised when the server refuses, and would refuse again. */
export class Refused extends Error {}

/** Raised when a request fails that may succeed later. */
export class Unavailable extends Error {
  /**
   * @param {string} message
   * @param {number} [retryAfter] milliseconds
   */
  constructor(message, retryAfter = 0) {
    super(message);
    this.retryAfter = retryAfter;
  }
}

/** Raised when a ticket is invalid or has expired. */
export class Unauthorized extends Error {}

/**
 * @param {string} url
 * @param {RequestInit} init
 * @param {number} milliseconds that the server may wait with its response
 * @param {AbortSignal} signal
 * @returns {Promise<Response>} a success, or a 404
 */
export async function request(url, init, milliseconds, signal) {
  const timeout = AbortSignal.timeout(TIMEOUT + milliseconds);
  let response;
  try {
    response = await fetch(url, { ...init, signal: AbortSignal.any([signal, timeout]) });
  } catch (error) {
    throw new Unavailable(`the server cannot be reached (${/** @type {Error} */ (error).message})`);
  }
  if (response.ok || response.status === 404) return response;
  const { detail } = await response.json().catch(() => ({}));
  const message = detail ?? `the server answered ${response.status}`;
  if (response.status === 401) throw new Unauthorized(message);
  if (response.status === 408 || response.status === 429 || response.status >= 500) {
    const seconds = Number(response.headers.get("Retry-After") ?? 0) || 0;
    throw new Unavailable(message, 1000 * seconds);
  }
  throw new Refused(message);
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} signal ends the delay early
 * @returns {Promise<void>}
 */
export function delay(milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
