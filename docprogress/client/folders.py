"""List the files of a folder: a local one, or any that fsspec can list.

Files come in the order of their keys (`path_key` in `store/source_rows.py`), so that
they can be compared with those in the store one by one, in bounded memory.
"""

import hashlib
import os
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from docprogress.client.paths import (
    describe_missing,
    display_path,
    is_hidden,
    reason_of,
)
from docprogress.documents import path_name
from docprogress.errors import SubmitError
from docprogress.steps.suffixes import SUFFIXES
from docprogress.storage import Source
from docprogress.storage.files import BLOCK_BYTES
from docprogress.store.source_rows import FileState, path_key

#: Name prefixes of the temporary files of office programs.
TEMPORARY = ("~$", ".~lock.")

#: Folders that hold no documents.
LEFT_OUT = ("__MACOSX",)


class FoundFile(NamedTuple):
    """A file in a folder."""

    key: str
    #: Its path below the root, with slashes.
    path: str
    state: FileState


class Folder(ABC):
    """A folder that is listed.

    Attributes:
        root: Its path, or its URL without secrets.
        unreadable: Why files and folders below it cannot be read, by their keys. What
            is known of them, and of all below them, stays as it is.
        skipped: Files that no step reads.
        has_strong_etags: Whether an ETag changes with every change of the content,
            and only then.
    """

    has_strong_etags = False

    def __init__(self, root: str) -> None:
        self.root = root
        self.unreadable: dict[str, str] = {}
        self.skipped: list[str] = []

    @abstractmethod
    def files(self) -> Iterator[FoundFile]:
        """The files with documents, in the order of their keys.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
        """

    @abstractmethod
    def source(self, path: str) -> Source:
        """What a file is stored from."""

    @abstractmethod
    def state(self, path: str) -> FileState:
        """What a file looks like now.

        Raises:
            OSError: It cannot be read.
        """

    @abstractmethod
    def blocks(self, path: str) -> Iterator[bytes]:
        """The content of a file.

        Raises:
            OSError: It cannot be read.
        """

    def digest(self, path: str) -> str:
        """The SHA-256 of a file's content.

        Raises:
            OSError: It cannot be read.
        """
        digest = hashlib.sha256()
        for block in self.blocks(path):
            digest.update(block)
        return digest.hexdigest()

    def why_unreadable(self, path: str) -> str | None:  # noqa: ARG002
        """Why a file cannot be read, if that is known without reading it."""
        return None

    def is_unreadable(self, key: str) -> bool:
        """Whether a file, or a folder that it is in, cannot be read."""
        if not self.unreadable:
            return False
        parts = key.split("/")
        return any(
            "/".join(parts[:depth]) in self.unreadable
            for depth in range(1, len(parts) + 1)
        )

    def takes(self, name: str, path: str) -> bool:
        """Whether a file contains a document; otherwise it is `skipped`."""
        if name.startswith(TEMPORARY):
            return False
        if Path(name).suffix.lower() in SUFFIXES:
            return True
        self.skipped.append(path)
        return False


class LocalFolder(Folder):
    """A folder of this machine.

    Hidden files and folders are left out. A link counts as what it leads to, unless
    that is found in the folder under its own name; a folder is visited once, however
    many links lead to it.
    """

    def __init__(self, path: str) -> None:
        super().__init__(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100
        self._real = os.path.realpath(self.root)
        self._visited: set[tuple[int, int]] = set()

    def files(self) -> Iterator[FoundFile]:
        """The files with documents, in the order of their keys.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
        """
        self._check()
        yield from self._walk("", "")
        # It may have been unmounted in the meantime.
        self._check()

    def source(self, path: str) -> Source:
        """What a file is stored from."""
        return Source(name=path_name(path), path=Path(self.root, path))

    def state(self, path: str) -> FileState:
        """What a file looks like now.

        Raises:
            OSError: It cannot be read.
        """
        return _state(os.stat(f"{self.root}/{path}"))  # noqa: PTH116 - not UTF-8

    def blocks(self, path: str) -> Iterator[bytes]:
        """The content of a file.

        Raises:
            OSError: It cannot be read.
        """
        with Path(self.root, path).open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    def why_unreadable(self, path: str) -> str | None:
        """Why a file cannot be read, if that is known without reading it."""
        denied = not os.access(f"{self.root}/{path}", os.R_OK)
        return "no permission to read it" if denied else None

    def _check(self) -> None:
        folder = Path(self.root)
        try:
            with os.scandir(self.root) as entries:
                next(entries, None)
        except (FileNotFoundError, NotADirectoryError):
            if folder.exists():
                message = f"{display_path(folder)}: not a folder"
                raise SubmitError(message) from None
            raise SubmitError(describe_missing(folder)) from None
        except OSError as error:
            message = f"{display_path(folder)}: {reason_of(error)}"
            raise SubmitError(message) from error

    def _walk(self, folder: str, key: str) -> Iterator[FoundFile]:
        """The files below a folder, given with a slash at its end."""
        try:
            entries = self._entries(folder)
        except FileNotFoundError:
            return  # it was removed in the meantime
        except OSError as error:
            self.unreadable[key.rstrip("/")] = reason_of(error)
            return
        for name_key, entry in entries:
            try:
                yield from self._visit(
                    entry, f"{folder}{entry.name}", f"{key}{name_key}"
                )
            except FileNotFoundError:
                pass  # it was removed in the meantime
            except OSError as error:
                self.unreadable[f"{key}{name_key.rstrip('/')}"] = reason_of(error)

    def _visit(
        self, entry: "os.DirEntry[str]", path: str, key: str
    ) -> Iterator[FoundFile]:
        """The file of an entry, or the files below it."""
        if key.endswith("/"):
            if self._enters(entry):
                yield from self._walk(f"{path}/", key)
        elif self._is_own(entry) and self.takes(entry.name, path):
            status = entry.stat()
            if stat.S_ISREG(status.st_mode):
                yield FoundFile(key, path, _state(status))

    def _entries(self, folder: str) -> list[tuple[str, "os.DirEntry[str]"]]:
        """The entries of a folder with their keys; those of folders have a slash."""
        found = []
        with os.scandir(f"{self.root}/{folder}") as entries:
            for entry in entries:
                if is_hidden(entry.name) or entry.name in LEFT_OUT:
                    continue
                key = path_key(entry.name)
                try:
                    is_folder = entry.is_dir()
                except OSError as error:  # a link to itself, a drive that fails
                    unread = path_key(f"{folder}{entry.name}")
                    self.unreadable[unread] = reason_of(error)
                    continue
                if is_folder:
                    key += "/"
                elif entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110
                    self.unreadable[path_key(f"{folder}{entry.name}")] = (
                        "a link that leads nowhere"
                    )
                    continue
                found.append((key, entry))
        return sorted(found, key=lambda each: each[0].encode())

    def _enters(self, entry: "os.DirEntry[str]") -> bool:
        """Whether a folder is visited: not through a second link, nor in a circle."""
        status = entry.stat()
        place = status.st_dev, status.st_ino
        if entry.is_symlink() and (not self._is_own(entry) or place in self._visited):
            return False
        self._visited.add(place)
        return True

    def _is_own(self, entry: "os.DirEntry[str]") -> bool:
        """Whether an entry is not a link to a file in the folder itself."""
        if not entry.is_symlink():
            return True
        real = os.path.realpath(entry.path)
        if real == self._real:
            return False
        inside = real.removeprefix(f"{self._real}/")
        return inside == real or any(map(is_hidden, inside.split("/")))


def _state(status: os.stat_result) -> FileState:
    return FileState(
        size=status.st_size,
        mtime=status.st_mtime_ns,
        # Changes with the content even where a program sets the time back.
        etag=str(status.st_ctime_ns),
        seen_at=time.time(),
    )
