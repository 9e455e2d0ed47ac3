/** The elements of `index.html` that the page updates. */

export const work = findElement("work");
export const caseField = /** @type {HTMLInputElement} */ (findElement("case"));
export const problem = findElement("problem");
export const viewElement = findElement("view");
export const emptyText = findElement("empty");
export const loadingText = findElement("loading");
export const olderButton = /** @type {HTMLButtonElement} */ (findElement("more"));

/** @param {string} id */
function findElement(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
