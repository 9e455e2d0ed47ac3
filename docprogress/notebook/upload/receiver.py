"""Receives files from a page in chunks.

Chunks may arrive in any order, repeatedly, and on any thread. A file has arrived when
every byte is here; files that fail leave nothing behind.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from docprogress.documents import LONGEST_NAME, display_name
from docprogress.formatting import byte_size
from docprogress.storage import Source

#: Bytes of a chunk; only the last one of a file may be smaller.
CHUNK = 1024 * 1024

#: The prefix of upload folders, and the file in each that its process keeps locked.
FOLDER = "docprogress-uploads-"
LOCK = "lock"

#: Seconds for which a new folder is never removed as left over.
NEW_SECONDS = 60.0


class State(StrEnum):
    """The state of a file."""

    ARRIVING = "arriving"
    ARRIVED = "arrived"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile(Source):
    """A file that has arrived. It lies at `path` until its uploader is closed."""

    path: Path = field(repr=False)
    size: int
    #: The SHA-256 of the received bytes, in hexadecimal digits.
    sha256: str


class Announced(NamedTuple):
    """A file that a page is about to send."""

    key: str
    name: str
    size: int
    #: Why the page cannot send it.
    error: str | None = None


class IncomingFile:
    """A file that is being received.

    Args:
        announced: How the page describes it.
        name: Its unique name.
        drop: Identifies the files that were dropped together.
        path: Where to write it.
    """

    def __init__(
        self, announced: Announced, *, name: str, drop: str, path: Path
    ) -> None:
        self.key = announced.key
        self.name = name
        self.size = announced.size
        self.drop = drop
        self.path = path
        self.status = State.ARRIVING
        self.error: str | None = None
        self.received = 0
        self.sha256 = ""
        #: Whether it is part of a run.
        self.submitted = False
        # Guards all that changes.
        self.lock = threading.RLock()
        self._version = 0
        self._created = False
        self._offsets: set[int] = set()
        self._hash = hashlib.sha256()
        self._hashed = 0

    def to_dict(self) -> dict[str, Any]:
        """The state for a page; of two states, the higher version is newer."""
        with self.lock:
            self._version += 1
            return {
                "key": self.key,
                "name": self.name,
                "size": self.size,
                "status": self.status.value,
                "error": self.error,
                "received": self.received,
                "submitted": self.submitted,
                "version": self._version,
            }

    def received_offsets(self) -> list[int]:
        """The offsets of the chunks that have arrived."""
        with self.lock:
            return sorted(self._offsets)

    def write(self, offset: int, block: bytes | memoryview) -> None:
        """Write a chunk, unless it was received before or the file has ended."""
        with self.lock:
            if self.status is not State.ARRIVING or offset in self._offsets:
                return
            wanted = min(CHUNK, self.size - offset)
            if offset % CHUNK or not 0 <= offset < self.size or len(block) != wanted:
                self.end(State.FAILED, "the data does not match the announced size")
                return
            try:
                self._store(offset, block)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                self.end(State.FAILED, f"it cannot be stored: {reason}")

    def end(self, status: State, error: str | None = None) -> bool:
        """End the file without completing it; return whether it was still arriving."""
        with self.lock:
            if self.status is not State.ARRIVING:
                return False
            self.status, self.error = status, error
            self.remove()
            return True

    def remove(self) -> None:
        """Remove the received bytes."""
        with self.lock:
            if self._created:
                self.path.unlink(missing_ok=True)

    def _store(self, offset: int, block: bytes | memoryview) -> None:
        # Never overwrite a file that something else has created.
        exclusive = 0 if self._created else os.O_EXCL
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | exclusive, 0o600)
        self._created = True
        with os.fdopen(handle, "r+b", buffering=0) as file:
            file.seek(offset)
            left = memoryview(block)
            while left:
                left = left[file.write(left) :]
            self._offsets.add(offset)
            self.received += len(block)
            if offset == self._hashed:
                self._hash.update(block)
                self._hashed += len(block)
            # Read chunks again that arrived out of order.
            while self._hashed in self._offsets:
                file.seek(self._hashed)
                late = file.read(CHUNK)
                self._hash.update(late)
                self._hashed += len(late)
        if self.received == self.size:
            self.sha256 = self._hash.hexdigest()
            self.status = State.ARRIVED


class Receiver:
    """All files of one uploader.

    Args:
        max_bytes: How large a file may be.
        max_files: How many may be here, or on their way, at a time.
        folder: Where a folder for them is made; None is the system's temporary one.
    """

    def __init__(self, *, max_bytes: int, max_files: int, folder: Path | None) -> None:
        self.max_bytes = max_bytes
        self.max_files = max_files
        self._parent = folder
        self._place: Path | None = None
        self._remove: Callable[[], object] = lambda: None
        self._closed = False
        self._count = 0
        self._all: dict[str, IncomingFile] = {}
        # Guards the set of files.
        self._lock = threading.RLock()

    def __iter__(self) -> Iterator[IncomingFile]:
        with self._lock:
            return iter(list(self._all.values()))

    def find(self, key: object) -> IncomingFile | None:
        """The file with this key."""
        with self._lock:
            return self._all.get(key) if isinstance(key, str) else None

    def expect(self, drop: str, announced: Iterable[Announced]) -> list[IncomingFile]:
        """Expect files; each of them is arriving or refused afterwards.

        Files that were announced before stay as they are.
        """
        with self._lock:
            trouble = None
            try:
                self._folder()
            except OSError as error:
                trouble = (
                    f"it cannot be stored: {(error.strerror or str(error)).lower()}"
                )
            expected = []
            for each in announced:
                file = self._all.get(each.key)
                if file is None:
                    file = self._new(drop, each)
                    if reason := each.error or trouble or self._refusal(each.size):
                        file.end(State.FAILED, reason)
                    self._all[each.key] = file
                expected.append(file)
            return expected

    def drops(self) -> list[list[IncomingFile]]:
        """The files by drop."""
        drops: dict[str, list[IncomingFile]] = {}
        for file in self:
            drops.setdefault(file.drop, []).append(file)
        return list(drops.values())

    def forget(self, keys: Iterable[object]) -> list[str]:
        """Remove files that are not arriving any more; return their keys."""
        with self._lock:
            gone = []
            for file in filter(None, map(self.find, keys)):
                if file.status is State.ARRIVING:
                    continue
                file.remove()
                del self._all[file.key]
                gone.append(file.key)
            return gone

    def files(self, among: Iterable[IncomingFile] | None = None) -> list[UploadedFile]:
        """The files that have arrived, in the order in which they were announced."""
        return [
            UploadedFile(
                name=file.name,
                path=file.path,
                size=file.size,
                sha256=file.sha256,
            )
            for file in (self if among is None else among)
            if file.status is State.ARRIVED
        ]

    def close(self) -> None:
        """Cancel running uploads, and remove all files."""
        with self._lock:
            self._closed = True
            for file in self._all.values():
                file.end(State.CANCELLED)
            self._remove()

    def _new(self, drop: str, announced: Announced) -> IncomingFile:
        self._count += 1
        name = self._unique_name(display_name(announced.name))
        # The name may contain anything, so the path has a number, and only its suffix.
        place = self._place or Path()
        path = place / f"{self._count:06d}{_suffix(name)}"
        return IncomingFile(announced, name=name, drop=drop, path=path)

    def _refusal(self, size: int) -> str | None:
        """Why a file of this size is refused."""
        kept_files = [
            file
            for file in self._all.values()
            if file.status in (State.ARRIVING, State.ARRIVED)
        ]
        if self._closed:
            return "the uploader is closed"
        if size <= 0:
            return "the file is empty"
        if size > self.max_bytes:
            return f"too large: the limit is {byte_size(self.max_bytes)}"
        if sum(not file.submitted for file in kept_files) >= self.max_files:
            return f"too many: the limit is {self.max_files:,} files"
        to_come = sum(file.size - file.received for file in kept_files)
        free = shutil.disk_usage(self._folder()).free - to_come
        if size > free:
            return f"no space: {byte_size(size)} needed, {byte_size(max(free, 0))} free"
        return None

    def _unique_name(self, name: str) -> str:
        """The name, with a number if another file has it."""
        taken = {file.name for file in self._all.values()}
        if name not in taken:
            return name
        suffix = _suffix(name)
        stem = name.removesuffix(suffix)
        for number in range(2, len(taken) + 3):
            mark = f" ({number}){suffix}"
            unique = f"{stem[: LONGEST_NAME - len(mark)]}{mark}"
            if unique not in taken:
                return unique
        raise AssertionError("more names are taken than there are files")

    def _folder(self) -> Path:
        if self._place is None:
            parent = self._parent or Path(tempfile.gettempdir())
            if self._parent is not None:
                parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove_left_over(parent)
            place = Path(tempfile.mkdtemp(dir=parent, prefix=FOLDER))
            handle = _locked(place / LOCK)
            # Also runs when the interpreter exits.
            self._remove = weakref.finalize(
                self, _remove_folder, place, handle, os.getpid()
            )
            self._place = place
        return self._place


def _suffix(name: str) -> str:
    """The suffix of a name that shows its type: `.pdf`."""
    suffix = Path(name).suffix
    fit = suffix[1:].isascii() and suffix[1:].isalnum()
    return suffix if fit and len(suffix) <= 10 else ""  # noqa: PLR2004 - none is longer


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    _lock(handle)
    return handle


def _lock(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        # Nothing is removed there that another process has left.
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_folder(folder: Path, handle: int, pid: int) -> None:
    if os.getpid() == pid:  # and not in a process that was forked
        os.close(handle)
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left_over(parent: Path) -> None:
    """Remove the folders of processes that were killed."""
    if not hasattr(os, "getuid"):
        return
    for folder in parent.glob(f"{FOLDER}*"):
        with suppress(OSError):  # it belongs to another user, or is in use
            state = folder.lstat()
            new = state.st_mtime > time.time() - NEW_SECONDS
            if new or state.st_uid != os.getuid() or folder.is_symlink():
                continue
            handle = os.open(folder / LOCK, os.O_RDWR)
            try:
                _lock(handle)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def all_settled(files: Iterable[IncomingFile]) -> bool:
    """Whether none of these files is still arriving."""
    return all(file.status is not State.ARRIVING for file in files)
