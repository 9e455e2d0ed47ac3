/** Find documents by their names, messages, errors, workers and ids. */

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Search} Search */

/** Milliseconds without another letter until the sender is asked as well. */
const DELAY = 250;

/**
 * A text as it is compared: macOS writes “ü” in file names as two characters.
 *
 * @param {string} text
 */
function folded(text) {
  return text.normalize("NFC").toLocaleLowerCase();
}

/**
 * The words of a query, each of which has to be found.
 *
 * @param {string} query
 */
export function termsOf(query) {
  return folded(query).split(/\s+/u).filter(Boolean);
}

/**
 * @param {Row} row
 * @param {Search} search
 */
export function matches(row, { terms, found }) {
  if (!terms.length || found.has(row.id)) return true;
  const { name, message, error, worker, id } = row;
  const text = folded([name, message, error, worker, id].join("\n"));
  return terms.every((term) => text.includes(term));
}

/**
 * The current search. Rows have the beginnings of texts, so that the sender, which has
 * the whole of them, is asked too.
 *
 * @param {object} options
 * @param {((query: string) => Promise<string[]>)} [options.onSearch] the ids of
 *   documents that match
 * @param {() => void} options.onChange
 */
export function createSearch({ onSearch, onChange }) {
  let query = "";
  let timer = 0;
  const search = {
    /** @type {string[]} */
    terms: [],
    /** @type {Set<string>} ids that the sender has found */
    found: new Set(),
    /** Whether the sender has not answered yet. */
    pending: false,
    get query() {
      return query;
    },
    /** @param {string} text */
    set(text) {
      const trimmed = text.trim();
      if (trimmed === query) return;
      query = trimmed;
      search.terms = termsOf(query);
      search.found = new Set();
      clearTimeout(timer);
      search.pending = Boolean(query && onSearch);
      if (search.pending) timer = Number(setTimeout(ask, DELAY));
      onChange();
    },
    close() {
      clearTimeout(timer);
      query = "";
    },
  };

  async function ask() {
    const asked = query;
    /** @type {string[]} */
    const ids = (await onSearch?.(asked).catch(() => [])) ?? [];
    if (asked !== query) return;
    search.pending = false;
    if (ids.length) search.found = new Set(ids);
    onChange();
  }

  return search;
}
