"""Files of mail: where each of their messages is."""

import codecs
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from docprogress.documents import Document
from docprogress.errors import LimitExceeded
from docprogress.steps.mail.mime import Part, TooComplex, scan

_BLOCK = 1024 * 1024
#: The line before each message of a mailbox, with its date.
_FROM = re.compile(
    rb"(?:\A|\n\r?\n)(From [^\n]{1,300}\d\d[^\n]{0,40}\n)(?=[!-9;-~]{1,76}:|\r?\n)"
)
#: Bytes of two blocks that may hold one such line.
_OVERLAP = 512

_WIDE_BOMS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def open_mail(document: Document) -> BinaryIO:
    """Open a file of mail; one that was saved in UTF-16 is converted."""
    file = document.path.open("rb")
    head = file.read(4)
    file.seek(0)
    encoding = next((name for bom, name in _WIDE_BOMS if head.startswith(bom)), None)
    if encoding is None and len(head) > 3 and 0 in head[:2]:  # noqa: PLR2004
        encoding = "utf-16-be" if head[0] == 0 else "utf-16-le"
    if encoding is None:
        return file
    with file:
        return io.BytesIO(file.read().decode(encoding, "replace").encode())


def read_message(
    document: Document, file: BinaryIO, *, start: int = 0, end: int | None = None
) -> Part:
    """Find the parts of a message.

    Raises:
        LimitExceeded: It has too many parts.
    """
    try:
        return scan(file, start=start, end=end)
    except TooComplex:
        raise LimitExceeded(
            f"{document.name}: a message with more parts, or more deeply nested parts, "
            "than any mail program writes; it is rejected"
        ) from None


def mailbox_ranges(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Where each message of a mailbox begins and ends, without its `From ` line."""
    start: int | None = None
    for line_start, line_end in _from_lines(file):
        if start is not None:
            yield start, line_start
        start = line_end
    # Without such a line, it is one message.
    yield start or 0, file.seek(0, io.SEEK_END)


def _from_lines(file: BinaryIO) -> Iterator[tuple[int, int]]:
    place = 0
    done = 0
    window = b""
    while True:
        file.seek(place + len(window))
        block = file.read(_BLOCK)
        window += block
        for found in _FROM.finditer(window):
            start, end = place + found.start(1), place + found.end(1)
            beginning = found.start() == found.start(1)
            if start >= done and (not beginning or start == 0):
                yield start, end
                done = end
        if not block:
            return
        place += max(0, len(window) - _OVERLAP)
        window = window[-_OVERLAP:]
