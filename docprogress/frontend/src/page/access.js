/** The form that asks for the server's token. */

/**
 * @param {(token: string) => void} onToken
 */
export function createAccess(onToken) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("access"));
  const field = /** @type {HTMLInputElement} */ (document.getElementById("token"));
  const error = /** @type {HTMLElement} */ (document.getElementById("refused"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = field.value.trim();
    field.value = "";
    onToken(token);
  });

  return {
    get shown() {
      return !form.hidden;
    },
    /** @param {boolean} refused whether the server has refused a token */
    ask(refused) {
      error.hidden = !refused;
      field.setAttribute("aria-invalid", String(refused));
      form.hidden = false;
      field.focus();
    },
    hide() {
      form.hidden = true;
    },
  };
}
