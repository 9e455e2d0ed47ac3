/** Requests to the server, with its token. */

/** What is wrong if the server does not answer. */
export const UNREACHABLE = "the server cannot be reached";

/**
 * @param {string} base where the server is, without a slash at the end
 * @param {() => void} onUnauthorized
 */
export function createApi(base, onUnauthorized) {
  const api = {
    base,
    token: "",
    /** @returns {Record<string, string>} */
    headers() {
      return api.token ? { Authorization: `Bearer ${api.token}` } : {};
    },
    /**
     * @param {string} path
     * @param {RequestInit} [init]
     * @returns {Promise<any>} the body of the response
     */
    async request(path, init = {}) {
      let response;
      try {
        const headers = api.headers();
        if (init.body) headers["Content-Type"] = "application/json";
        const options = { ...init, headers };
        response = await fetch(base + path, { ...options, cache: "no-store" });
      } catch {
        throw new Error(UNREACHABLE);
      }
      if (response.status === 401) onUnauthorized();
      if (response.ok) return response.json();
      const { detail } = await response.json().catch(() => ({}));
      throw new Error(detail ?? `the server answered ${response.status}`);
    },
  };
  return api;
}

/**
 * The token in the fragment of an address, if there is one.
 *
 * @param {string} hash
 */
export function tokenOf(hash) {
  const [, token = ""] = /[#&]token=([^&]*)/.exec(hash) ?? [];
  try {
    // A plus sign is one: this is not a form.
    return decodeURIComponent(token);
  } catch {
    return token; // typed by hand, with a per cent sign
  }
}

/** @param {string} text */
export function parseJson(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {}; // a proxy answered in its own words
  }
}
