"""A document's bytes on their way into the storage, whole or not at all."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

from docprogress.errors import LimitExceeded, TransientError

#: The folder of files being written, on the same disk as the stored ones.
INCOMING = "incoming"


class Stored(NamedTuple):
    """The size and digest of a stored file."""

    size: int
    sha256: str


class Incoming:
    """A file being written, removed again on a failure.

    Args:
        name: The document's name in errors.
        max_bytes: The size limit.
        folder: The local storage; None to write a temporary file.
        keep: Moves the finished file to its destination.
    """

    def __init__(
        self,
        name: str,
        max_bytes: int,
        folder: Path | None,
        keep: Callable[[str], None],
    ) -> None:
        self.name = name
        self.max_bytes = max_bytes
        self.size = 0
        self._hash = hashlib.sha256()
        self._folder = folder
        self._keep = keep
        self._path = ""
        self._file: BinaryIO

    @property
    def stored(self) -> Stored:
        """The size and digest of the bytes written."""
        return Stored(self.size, self._hash.hexdigest())

    def __enter__(self) -> Self:
        with translate_disk_errors(self.name):
            place = None
            if self._folder is not None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                place = self._folder / INCOMING
                place.mkdir(mode=0o700, exist_ok=True)
            handle, self._path = tempfile.mkstemp(dir=place, prefix="docprogress-")
            self._file = os.fdopen(handle, "wb", buffering=0)
        return self

    def write(self, block: bytes) -> None:
        """Append bytes.

        Raises:
            LimitExceeded: The size limit is exceeded.
            TransientError: The disk is full, or fails.
        """
        self.size += len(block)
        if self.size > self.max_bytes:
            raise too_large(self.name, None, self.max_bytes)
        self._hash.update(block)
        with translate_disk_errors(self.name):
            left = memoryview(block)
            while left:
                left = left[self._file.write(left) :]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with translate_disk_errors(self.name):
                self._file.close()
                if error is None:
                    self._keep(self._path)
        finally:
            Path(self._path).unlink(missing_ok=True)


def too_large(name: str, size: int | None, limit: int) -> LimitExceeded:
    """The error for a document over the size limit."""
    has = f"{size} bytes" if size else "more bytes than it may have"
    return LimitExceeded(f"{name}: {has}, the limit is {limit} (max_bytes)")


@contextmanager
def translate_disk_errors(name: str) -> Iterator[None]:
    """Translate the local disk's errors; `name` names the document in them."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else error.strerror or str(error)
        raise TransientError(f"{name}: cannot be stored: {reason}") from error
