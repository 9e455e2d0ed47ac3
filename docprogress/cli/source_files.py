"""Links to the files that a command was given, for the names of documents."""

import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from docprogress.documents import display_name, path_name
from docprogress.formatting import plain
from docprogress.terminal.capabilities import opens_links

#: The maximum number of files in folders that are considered.
MOST_FILES = 20_000


class SourceFiles:
    """Finds the file of a document by the document's name.

    Args:
        paths: The files, folders and patterns that were given.
        relative: Whether names are paths below a folder.
        out: The terminal that shows links.
        env: The environment that describes it.
    """

    def __init__(
        self,
        paths: Iterable[str],
        *,
        relative: bool = False,
        out: IO[str],
        env: Mapping[str, str] = os.environ,
    ) -> None:
        self._paths = list(paths)
        self._relative = relative
        self._enabled = out.isatty() and opens_links(env)
        self._files: dict[str, Path | None] | None = None

    def link(self, name: str) -> str | None:
        """The URL of a document's file; None if it is unknown or ambiguous.

        A name that has to be changed for display gets no link.
        """
        if not self._enabled or plain(name) != name:
            return None
        if self._files is None:
            self._files = self._by_name()
        path = self._files.get(name)
        return None if path is None else path.absolute().as_uri()

    def _by_name(self) -> dict[str, Path | None]:
        found: dict[str, Path | None] = {}
        for name, path in self._all():
            known = found.get(name, path)
            found[name] = path if known == path else None
            if len(found) >= MOST_FILES:
                break
        return found

    def _all(self) -> Iterator[tuple[str, Path]]:
        for given in self._paths:
            with suppress(OSError, ValueError):
                path = Path(given)
                if path.is_dir():
                    yield from self._below(path)
                elif path.is_file():
                    yield display_name(path), path
                elif glob.has_magic(given):
                    for match in map(Path, glob.iglob(given, recursive=True)):  # noqa: PTH207 - as `expand` does
                        yield display_name(match), match

    def _below(self, folder: Path) -> Iterator[tuple[str, Path]]:
        for parent, _, names in os.walk(folder):
            for name in names:
                path = Path(parent, name)
                shown = path.relative_to(folder).as_posix()
                yield path_name(shown) if self._relative else display_name(path), path
