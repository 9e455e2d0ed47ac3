/**
 * Draws the scenes that the address names, or all: `?scene=10+running&theme=jupyter-dark`.
 *
 * `window.gallery` lets a test play the kernel.
 */

import { details, scenes } from "./scenes.js";

/** What is shipped: its types are those of the source. */
const BUNDLE = "../../docprogress/frontend/dist/progress-view.js";
const { createProgressView } =
  /** @type {typeof import("../../docprogress/frontend/src/progress-view.js")} */ (
    await import(BUNDLE)
  );

const wanted = new URLSearchParams(location.search);
document.documentElement.dataset.theme = wanted.get("theme") ?? "";
const main = /** @type {HTMLElement} */ (document.querySelector("main"));

/** @type {{action: string, ids: string[] | null}[]} */
const asked = [];

/** @param {string} name */
function draw(name) {
  const scene = scenes[name];
  const place = document.createElement("div");
  place.dataset.scene = name;
  main.append(place);
  const view = createProgressView(place, {
    onAction: (action, ids) => asked.push({ action, ids }),
    onDetails(id) {
      const row = scene.rows.find((each) => each.id === id);
      if (row) view.showDetails(details(row));
    },
  });
  view.replace(scene);
  if (name === "10 away") view.beat();
  return view;
}

const views = [];
for (const name of wanted.has("scene") ? wanted.getAll("scene") : Object.keys(scenes)) {
  const title = document.createElement("h2");
  title.textContent = name;
  main.append(title);
  views.push(draw(name));
}

Object.assign(window, { gallery: { asked, createProgressView, scenes, views } });
