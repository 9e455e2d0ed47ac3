/** The address of the page, and the keys of what it keeps. */

/** Where the server is, without a slash at the end: a proxy may serve it under a path. */
export const base = new URL(".", location.href).pathname.slice(0, -1);

/** Keys of the session storage: the tabs of a browser may show several servers. */
export const TOKEN_KEY = `docprogress ${base}`;
export const REFUSED_KEY = `docprogress refused ${base}`;
