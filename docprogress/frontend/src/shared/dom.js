/**
 * Create and update elements.
 *
 * The setters write only what differs, so that drawing the same state again touches no
 * node. Text from documents is only ever set as text, never parsed as markup.
 */

/** Prefix of every class except the root's, so that no other style sheet matches. */
const CLASS_PREFIX = "dp-";

/**
 * @param {string} tag
 * @param {string} [classNames] separated by spaces, without the prefix
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function createElement(tag, classNames = "", ...children) {
  const element = document.createElement(tag);
  for (const name of classNames.split(" ").filter(Boolean)) toggleClass(element, name, true);
  element.append(...children);
  return element;
}

/**
 * @param {string} label
 * @param {AbortSignal} signal removes the listener
 * @param {() => unknown} onClick
 */
export function createButton(label, signal, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  toggleClass(button, "button", true);
  button.textContent = label;
  suppressShortcuts(button);
  button.addEventListener("click", () => onClick(), { signal });
  return button;
}

/**
 * @template {HTMLElement} T
 * @param {T} element
 * @param {string} role
 */
export function withRole(element, role) {
  element.setAttribute("role", role);
  return element;
}

/**
 * Keep JupyterLab from handling keys that are pressed in an element.
 *
 * JupyterLab intercepts shortcuts before the focused element receives them, unless the
 * element has this attribute.
 *
 * @param {HTMLElement} element
 */
export function suppressShortcuts(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 * @returns {boolean} whether the text has changed
 */
export function setText(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

/**
 * Set the text of an element that scrolls, and make it focusable only if it overflows.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setScrollableText(element, text) {
  if (setText(element, text)) {
    element.tabIndex = element.scrollHeight > element.clientHeight ? 0 : -1;
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setTitle(element, text) {
  if (element.title !== text) element.title = text;
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean} value
 */
export function setAttribute(element, name, value) {
  const text = String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * @param {Element} element
 * @param {string} name without the prefix
 * @param {boolean} present
 */
export function toggleClass(element, name, present) {
  const className = `${CLASS_PREFIX}${name}`;
  if (element.classList.contains(className) !== present) {
    element.classList.toggle(className, present);
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} property
 * @param {string} value in the form in which the browser serializes it
 */
export function setStyle(element, property, value) {
  if (element.style.getPropertyValue(property) !== value) {
    element.style.setProperty(property, value);
  }
}

/**
 * Hide or show an element. If it had the focus, move the focus to the root of the view.
 *
 * @param {HTMLElement} element
 * @param {boolean} hidden
 */
export function setHidden(element, hidden) {
  if (element.hidden === hidden) return;
  const focused = hidden && element.contains(document.activeElement);
  element.hidden = hidden;
  if (focused) /** @type {HTMLElement | null} */ (element.closest(".docprogress"))?.focus();
}

/**
 * Set the value of a progress bar.
 *
 * @param {HTMLElement} bar
 * @param {number} percent
 * @param {string} text
 */
export function setProgress(bar, percent, text) {
  setAttribute(bar, "aria-valuenow", Math.floor(clamp(percent, 0, 100)));
  setAttribute(bar, "aria-valuetext", text);
}

/**
 * Round to two decimals, as browsers serialize lengths.
 *
 * @param {number} value
 */
export function rounded(value) {
  return Number(value.toFixed(2));
}

/**
 * @param {number} value
 * @param {number} minimum
 * @param {number} maximum
 */
export function clamp(value, minimum, maximum) {
  return Math.max(minimum, Math.min(value, maximum));
}
