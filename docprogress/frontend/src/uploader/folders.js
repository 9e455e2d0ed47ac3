/** Find the files of a folder that was dropped. */

/** @typedef {{path: string, file: File}} FoundFile */

/**
 * The files of a folder and of the folders in it, up to a limit, without hidden ones.
 *
 * @param {FileSystemDirectoryEntry} folder
 * @param {FoundFile[]} found gets the files
 * @param {number} limit
 * @returns {Promise<number>} how many files and folders could not be read
 */
export async function readFolder(folder, found, limit) {
  const reader = folder.createReader();
  let unreadable = 0;
  for (;;) {
    /** @type {FileSystemEntry[]} */
    let entries;
    try {
      entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    } catch {
      return unreadable + 1;
    }
    // Chromium returns a hundred entries at a time, and none at the end.
    if (!entries.length) return unreadable;
    for (const entry of entries) {
      if (found.length >= limit) return unreadable;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) {
        const inner = /** @type {FileSystemDirectoryEntry} */ (entry);
        unreadable += await readFolder(inner, found, limit);
        continue;
      }
      try {
        const file = await new Promise((resolve, reject) =>
          /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject),
        );
        found.push({ path: entry.fullPath, file });
      } catch {
        unreadable += 1;
      }
    }
  }
}

/**
 * The files of a kind that can be read, and how many are not.
 *
 * @param {FoundFile[]} found
 * @param {string[] | undefined} suffixes all kinds if undefined
 */
export function selectSupported(found, suffixes) {
  const files = found
    .filter(({ path, file: { name } }) => {
      const hidden = path.split("/").some((part) => part.startsWith("."));
      const suffix = name.toLowerCase().match(/\.[^.]*$/)?.[0] ?? "";
      return !hidden && (!suffixes || suffixes.includes(suffix));
    })
    .map(({ file }) => file);
  return { files, leftOut: found.length - files.length };
}
