/** Copy a text, also where the page may not use the clipboard by itself. */

/**
 * @param {string} text
 * @param {HTMLElement} [shown] where the text is, to be selected if it cannot be copied
 */
export async function copyToClipboard(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard needs a secure origin and permission.
    if (!shown) return copyFromField(text);
    getSelection()?.selectAllChildren(shown);
    return document.execCommand("copy");
  }
}

/** @param {string} text */
function copyFromField(text) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = document.createElement("textarea");
  field.value = text;
  field.style.position = "fixed";
  field.style.opacity = "0";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}
