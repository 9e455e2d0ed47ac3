"""The member of a compressed file, or those of a compressed tar archive."""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import PurePath
from typing import BinaryIO, cast

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.containers import Member
from docprogress.steps.members import tape

_FORMATS = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)

#: Where the mark of a tar archive is, and what it is.
_MARK_AT, _MARK = 257, b"ustar"


def members(
    document: Document, *, settings: Settings, stack: ExitStack
) -> Iterator[Member]:
    """Yield what is compressed: the files of a tar archive, or a single file."""
    with document.path.open("rb") as file:
        head = file.read(8)
    opener = next(opener for mark, opener in _FORMATS if head.startswith(mark))
    with opener(document.path) as unpacked:
        begin = cast("BinaryIO", unpacked).read(_MARK_AT + len(_MARK))
    if begin[_MARK_AT:] == _MARK:
        yield from tape.members(document, settings=settings, stack=stack)
        return
    open_file = cast("type[BinaryIO]", partial(opener, document.path))
    yield Member(name=PurePath(document.name).stem, open=open_file)
