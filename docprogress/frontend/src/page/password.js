/** Asks for the password of encrypted documents before they are retried. */

/** What the error of an encrypted document says, perhaps with what Python does about it. */
const NEEDED = /needs a password(?:; give it to run\.retry\(passwords=\[…\]\))?/;

/** @param {string | null | undefined} error */
export function needsPassword(error) {
  return NEEDED.test(error ?? "");
}

/**
 * An error in the words of the page.
 *
 * @template {string | null | undefined} Text
 * @param {Text} error
 * @returns {Text}
 */
export function inWordsOfPage(error) {
  return /** @type {Text} */ (error?.replace(NEEDED, "needs a password; “Retry” asks for it"));
}

export function createPasswordDialog() {
  const find = (/** @type {string} */ id) => document.getElementById(id);
  const dialog = /** @type {HTMLDialogElement} */ (find("unlock"));
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  const question = /** @type {HTMLElement} */ (find("unlock-question"));
  const field = /** @type {HTMLInputElement} */ (find("unlock-password"));
  const cancel = /** @type {HTMLButtonElement} */ (find("unlock-cancel"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close("retry");
  });
  cancel.addEventListener("click", () => dialog.close(""));

  return {
    /**
     * @param {string[]} names the encrypted documents
     * @returns {Promise<string | null>} null if the user does not want to retry
     */
    ask(names) {
      const [name] = names;
      question.textContent =
        names.length === 1 ? `${name} is encrypted.` : `${names.length} documents are encrypted.`;
      field.value = "";
      dialog.returnValue = "";
      dialog.showModal();
      return new Promise((resolve) => {
        const answer = () => {
          resolve(dialog.returnValue === "retry" ? field.value : null);
          field.value = "";
        };
        dialog.addEventListener("close", answer, { once: true });
      });
    },
  };
}
