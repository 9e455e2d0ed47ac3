"""The member of a compressed file, or those of a compressed tar archive."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import Settings
from docprogress.steps.containers import DAMAGES, Member
from docprogress.steps.members import tape

#: The largest ratio of unpacked bytes to packed ones above so many bytes.
MAX_RATIO = 250
MIN_BOMB_BYTES = 64 * 1024 * 1024

_FORMATS: tuple[tuple[bytes, Callable[[Path], Any], tuple[str, ...]], ...] = (
    (b"\x1f\x8b", gzip.GzipFile, (".gz", ".tgz")),
    (b"BZh", bz2.BZ2File, (".bz2", ".tbz2", ".tbz")),
    (b"\xfd7zXZ\0", lzma.LZMAFile, (".xz", ".txz")),
)

#: The position and the bytes of the mark of a tar archive.
_MARK_AT, _MARK = 257, b"ustar"


def members(
    document: Document, *, settings: Settings, stack: ExitStack
) -> Iterator[Member]:
    """Yield the compressed files: those of a tar archive, or a single one."""
    with document.path.open("rb") as file:
        head = file.read(8)
    opener, suffixes = next(
        (opener, suffixes)
        for mark, opener, suffixes in _FORMATS
        if head.startswith(mark)
    )
    open_file = partial(_open, opener, document)
    try:
        unpacked = stack.enter_context(open_file())
        begin = unpacked.read(_MARK_AT + len(_MARK))
        unpacked.seek(0)
    except DAMAGES as error:
        raise Unreadable(
            f"{document.name}: a compressed file that is damaged ({error}); fetch it "
            "again"
        ) from error
    if begin[_MARK_AT:] == _MARK:
        yield from tape.members_of(unpacked, document, settings=settings, stack=stack)
    else:
        name = _inner_name(document.name, suffixes)
        yield Member(name=name, open=open_file, whole=True)


def _open(opener: Callable[[Path], Any], document: Document) -> BinaryIO:
    raw = _Bounded(opener(document.path), document)
    return cast("BinaryIO", io.BufferedReader(raw, 256 * 1024))


def _inner_name(name: str, suffixes: tuple[str, ...]) -> str:
    last = name.rpartition("/")[2]
    for suffix in suffixes:
        if last.lower().endswith(suffix) and len(last) > len(suffix):
            return last[: -len(suffix)]
    return f"{last} (unpacked)"


class _Bounded(io.RawIOBase):
    """A compressed file that is not read on once it turns out to be a bomb.

    Args:
        file: What decompresses it.
        document: The file, for its size and its name.
    """

    def __init__(self, file: Any, document: Document) -> None:
        self._file = file
        self._name = document.name
        self._most = max(document.path.stat().st_size * MAX_RATIO, MIN_BOMB_BYTES)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        self._check()
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        position: int = self._file.seek(offset, whence)
        self._check()
        return position

    def tell(self) -> int:
        position: int = self._file.tell()
        return position

    def close(self) -> None:
        self._file.close()
        super().close()

    def _check(self) -> None:
        if self._file.tell() > self._most:
            raise LimitExceeded(
                f"{self._name}: it unpacks to more than {MAX_RATIO} times its size "
                "(a decompression bomb?)"
            )
