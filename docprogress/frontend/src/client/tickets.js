/** A ticket for the documents: an `EventSource` cannot send the server's token. */

import { Refused, request, Unauthorized } from "./request.js";

/** Seconds for which a ticket is requested. */
const LIFETIME = 3600;

/**
 * @param {object} options
 * @param {string} options.url
 * @param {string[]} options.ids
 * @param {string} [options.token]
 * @param {(ids: string[]) => string | Promise<string>} [options.makeTicket]
 * @param {AbortSignal} options.signal
 */
export function createTickets({ url, ids, token, makeTicket, signal }) {
  /** @type {string | null} */
  let ticket = null;

  /** @param {string} token */
  async function requestTicket(token) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const body = JSON.stringify({ documents: ids, seconds: LIFETIME });
    try {
      const init = { method: "POST", headers, body };
      const response = await request(`${url}/tickets`, init, 0, signal);
      if (!response.ok) throw new Refused("there is no server of docprogress at this address");
      return /** @type {string} */ ((await response.json()).ticket);
    } catch (error) {
      // A ticket can be renewed; a token cannot.
      throw error instanceof Unauthorized ? new Refused(error.message) : error;
    }
  }

  return {
    get exists() {
      return ticket !== null;
    },
    discard() {
      ticket = null;
    },
    /** The query that authorizes a request. */
    async query() {
      if (ticket === null) {
        if (makeTicket) ticket = await makeTicket(ids);
        else if (token !== undefined) ticket = await requestTicket(token);
      }
      return new URLSearchParams(ticket === null ? {} : { ticket });
    },
  };
}
