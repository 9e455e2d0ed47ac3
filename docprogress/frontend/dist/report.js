/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */

// src/report.js
var table = (
  /** @type {HTMLTableElement} */
  document.getElementById("documents")
);
var body = (
  /** @type {HTMLTableSectionElement} */
  table.tBodies[0]
);
var rows = Array.from(body.rows);
var form = (
  /** @type {HTMLFormElement} */
  document.getElementById("filter")
);
var search = (
  /** @type {HTMLInputElement} */
  document.getElementById("filter-text")
);
var chosen = (
  /** @type {HTMLSelectElement} */
  document.getElementById("filter-status")
);
var count = (
  /** @type {HTMLOutputElement} */
  document.getElementById("filter-count")
);
var order = new Intl.Collator("en", { numeric: true });
function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
var texts = rows.map((row) => folded(row.textContent ?? ""));
function filter() {
  const words = folded(search.value).split(/\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, position) => {
    const matches = (!chosen.value || row.classList.contains(chosen.value)) && words.every((word) => texts[position].includes(word));
    row.hidden = !matches;
    if (matches) shown += 1;
  });
  count.textContent = shown === rows.length ? "" : `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
}
function valueOf(cell, number) {
  const text = cell.dataset.value ?? cell.textContent ?? "";
  if (!text.trim()) return null;
  return number ? Number(text.replaceAll(",", "")) : text;
}
function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return order.compare(String(one ?? ""), String(other ?? ""));
}
function sortBy(head) {
  const number = head.classList.contains("number");
  const before = head.getAttribute("aria-sort");
  const first = number && head.cellIndex > 0 ? "descending" : "ascending";
  const second = first === "ascending" ? "descending" : "ascending";
  const direction = before === first ? second : first;
  for (const other of table.tHead?.rows[0].cells ?? []) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const keyed = rows.map((row, position) => ({
    row,
    position,
    value: valueOf(row.cells[head.cellIndex], number)
  }));
  keyed.sort((one, other) => {
    const empty = Number(one.value === null) - Number(other.value === null);
    return empty || sign * compare(one.value, other.value) || one.position - other.position;
  });
  body.append(...keyed.map(({ row }) => row));
}
for (const head of table.tHead?.rows[0].cells ?? []) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  button.addEventListener("click", () => sortBy(head));
  head.append(button);
}
search.addEventListener("input", filter);
chosen.addEventListener("change", filter);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
filter();
