/** Files that are chosen, or dropped anywhere on the page. */

/** @param {(files: Iterable<File>) => void} onFiles */
export function listenForFiles(onFiles) {
  const area = /** @type {HTMLElement} */ (document.getElementById("drop"));
  const picker = /** @type {HTMLInputElement} */ (document.getElementById("files"));
  picker.addEventListener("change", () => {
    onFiles(picker.files ?? []);
    picker.value = "";
  });
  addEventListener("dragover", (event) => {
    event.preventDefault();
    area.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) area.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    area.classList.remove("over");
    onFiles(event.dataTransfer?.files ?? []);
  });
}
