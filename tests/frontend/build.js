/**
 * Build the bundles that are shipped, `docprogress/frontend/dist`, from `frontend/src`.
 *
 * `node build.js` writes them; `node build.js --check` fails if they are out of date.
 */

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import ts from "typescript";

const FRONTEND = fileURLToPath(new URL("../../docprogress/frontend/", import.meta.url));
const SOURCE = join(FRONTEND, "src");
const TARGET = join(FRONTEND, "dist");
const BANNER = "/* Built from docprogress/frontend/src by tests/frontend/build.js: edit that. */";

/** Modules that a notebook or the server's page loads: each is complete in itself. */
const APPLICATIONS = ["progress-view.js", "uploader.js", "page.js", "report.js"];

/** Modules that other people's applications import: each has declarations of its types. */
const LIBRARIES = ["document-progress.js", "use-document-progress.js"];

const STYLES = ["progress-view.css", "uploader.css", "page.css", "report.css"];

/** Files that are shipped as they are. */
const COPIES = ["index.html", "icon.svg"];

/** @type {import("esbuild").BuildOptions} */
const OPTIONS = {
  // Paths in the bundles are relative to this folder.
  absWorkingDir: FRONTEND,
  banner: { js: BANNER, css: BANNER },
  bundle: true,
  charset: "utf8",
  format: "esm",
  legalComments: "none",
  logLevel: "warning",
  outdir: TARGET,
  target: "es2022",
  write: false,
};

/** The libraries share one copy of the client. @type {import("esbuild").Plugin} */
const sharedClient = {
  name: "shared-client",
  setup({ onResolve }) {
    onResolve({ filter: /\/document-progress\.js$/ }, ({ kind }) =>
      kind === "import-statement"
        ? { path: "./document-progress.js", external: true }
        : undefined,
    );
  },
};

/** @param {string[]} names */
function inSource(names) {
  return names.map((name) => join(SOURCE, name));
}

/** Declarations of the libraries' types, by the names of their files. */
function declarations() {
  const { config } = ts.readConfigFile(join(import.meta.dirname, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, import.meta.dirname);
  const emitted = { noEmit: false, declaration: true, emitDeclarationOnly: true };
  const program = ts.createProgram(inSource(LIBRARIES), {
    ...options,
    ...emitted,
    outDir: TARGET,
    rootDir: SOURCE,
  });
  const wanted = new Set(LIBRARIES.map((name) => name.replace(/\.js$/, ".d.ts")));
  /** @type {[string, string][]} */
  const files = [];
  program.emit(undefined, (path, text) => {
    if (wanted.has(basename(path))) files.push([basename(path), text]);
  });
  return files;
}

/** All files of the target folder, by their names. */
async function made() {
  const built = await Promise.all([
    build({ ...OPTIONS, entryPoints: inSource([...APPLICATIONS, ...STYLES]) }),
    build({
      ...OPTIONS,
      entryPoints: inSource(LIBRARIES),
      external: ["react"],
      plugins: [sharedClient],
    }),
  ]);
  const copied = COPIES.map(async (name) => {
    return /** @type {const} */ ([name, await readFile(join(SOURCE, name), "utf8")]);
  });
  return new Map([
    ...built.flatMap(({ outputFiles = [] }) =>
      outputFiles.map(({ path, text }) => /** @type {const} */ ([basename(path), text])),
    ),
    ...declarations(),
    ...(await Promise.all(copied)),
  ]);
}

/** @param {Map<string, string>} files */
async function check(files) {
  const names = new Set([...files.keys(), ...(await readdir(TARGET))]);
  const outdated = [];
  for (const name of [...names].sort()) {
    const kept = await readFile(join(TARGET, name), "utf8").catch(() => undefined);
    if (kept !== files.get(name)) outdated.push(name);
  }
  if (!outdated.length) return;
  console.error(`out of date in docprogress/frontend/dist: ${outdated.join(", ")}`);
  console.error("run `npm --prefix tests/frontend run build` and commit what it writes");
  process.exitCode = 1;
}

/** @param {Map<string, string>} files */
async function write(files) {
  await rm(TARGET, { recursive: true, force: true });
  await mkdir(TARGET);
  for (const [name, text] of files) await writeFile(join(TARGET, name), text);
}

const files = await made();
await (process.argv.includes("--check") ? check(files) : write(files));
