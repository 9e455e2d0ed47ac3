"""The parts of a message, found in one pass over its file.

Only headers are kept; a part's content is a range of the file and is decoded when it
is read. The standard library's parser holds a message several times over, and takes
quadratic time for deep nesting.
"""

import binascii
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from docprogress.steps.mail.headers import LONGEST_HEADER, Headers

#: Parts within parts, and parts of a message.
MOST_LEVELS = 50
MOST_PARTS = 10_000

#: Bytes of a line that are read at a time.
_LINE = 64 * 1024

_BLOCK = 256 * 1024
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


class TooComplex(Exception):  # noqa: N818 - reads as a fact
    """Raised when a message has too many parts or levels."""


@dataclass(slots=True)
class Part:
    """A message or a part of one."""

    headers: Headers
    #: Where its content begins and ends in the file.
    start: int
    end: int
    parts: list["Part"] = field(default_factory=list)
    #: The type of a part that does not declare one.
    default_type: str = "text/plain"

    @property
    def content_type(self) -> str:
        """The media type, in lower case."""
        if "content-type" in self.headers:
            return self.headers.content_type
        return self.default_type

    def leaves(self) -> Iterator["Part"]:
        """The parts that have no parts, in their order."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            if part.parts:
                waiting.extend(reversed(part.parts))
            else:
                yield part


@dataclass(slots=True)
class _Open:
    """A part whose end has not been reached."""

    part: Part
    boundary: bytes | None


def scan(file: BinaryIO, *, start: int = 0, end: int | None = None) -> Part:
    """Find the parts of the message in a range of a file.

    Raises:
        TooComplex: It has more parts, or more levels of them, than any real message.
    """
    return _Scan(file, start, end).read()


class _Scan:
    def __init__(self, file: BinaryIO, start: int, end: int | None) -> None:
        self._file = file
        self._place = start
        self._end = file.seek(0, io.SEEK_END) if end is None else end
        self._open: list[_Open] = []
        self._levels: dict[bytes, int] = {}
        self._count = 0
        file.seek(start)

    def read(self) -> Part:
        root = self._begin("text/plain")
        # A boundary's line includes the line end before it.
        before, ending = self._place, 0
        at_line_start = True
        while line := self._line():
            if at_line_start and line.startswith(b"--") and self._levels:
                level, final = self._boundary(line)
                if level is not None:
                    self._close(level + 1, before - ending)
                    parent = self._open[-1].part
                    if not final:
                        digest = parent.content_type == "multipart/digest"
                        self._begin("message/rfc822" if digest else "text/plain")
                    # What follows the last part belongs to no part.
            at_line_start = line.endswith(b"\n")
            ending = 2 if line.endswith(b"\r\n") else int(at_line_start)
            before = self._place
        self._close(0, self._place)
        return root

    def _line(self) -> bytes:
        line = self._file.readline(min(_LINE, self._end - self._place))
        self._place += len(line)
        return line

    def _boundary(self, line: bytes) -> tuple[int | None, bool]:
        """The level of the part that a line divides, and whether it ends it."""
        mark = line[2:].rstrip()
        if mark in self._levels:
            return self._levels[mark], False
        if mark.endswith(b"--"):
            return self._levels.get(mark[:-2]), True
        return None, False

    def _begin(self, default_type: str) -> Part:
        """Read a part's header, and those of a message that it holds."""
        self._count += 1
        if self._count > MOST_PARTS or len(self._open) >= MOST_LEVELS:
            raise TooComplex
        part = Part(self._header(), self._place, self._end, default_type=default_type)
        if self._open:
            self._open[-1].part.parts.append(part)
        kind = part.content_type
        boundary = None
        if kind.startswith("multipart/"):
            named = part.headers.content_parameter("boundary")
            boundary = named.rstrip().encode("utf-8", "replace") or None
        self._open.append(_Open(part, boundary))
        if boundary is not None:
            self._levels[boundary] = len(self._open) - 1
        if kind == "message/rfc822" and not _is_encoded(part):
            self._begin("text/plain")
        return part

    def _header(self) -> Headers:
        lines: list[bytes] = []
        kept = 0
        while True:
            place = self._place
            line = self._line()
            text = line.rstrip(b"\r\n")
            if not text:
                break
            if (
                b":" not in text
                and text[:1] not in b" \t"
                and not (text.startswith((b"From ", b">From ")) and not lines)
            ):
                # No header field: the blank line is missing.
                self._place = place
                self._file.seek(place)
                break
            kept += len(line)
            if kept <= LONGEST_HEADER:
                lines.append(text)
            while not line.endswith(b"\n") and (line := self._line()):
                pass  # the rest of an endless line
        return Headers(lines)

    def _close(self, level: int, end: int) -> None:
        for closed in self._open[level:]:
            closed.part.end = max(closed.part.start, end)
        del self._open[level:]
        self._levels = {
            one.boundary: number
            for number, one in enumerate(self._open)
            if one.boundary is not None
        }


def content(file: BinaryIO, part: Part) -> Iterator[bytes]:
    """A part's content, decoded piece by piece."""
    blocks = _raw(file, part)
    match _encoding(part):
        case "base64":
            return _from_base64(blocks)
        case "quoted-printable":
            return _from_quoted_printable(blocks)
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            return _from_uuencoded(blocks)
    return blocks


class Content(io.RawIOBase):
    """A part's decoded content, as a file that can be read once.

    Args:
        file: The message's file; closed with this one.
        part: The part.
    """

    def __init__(self, file: BinaryIO, part: Part) -> None:
        self._file = file
        self._blocks = content(file, part)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = block
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def _encoding(part: Part) -> str:
    raw = part.headers.raw("content-transfer-encoding")
    return raw.split(";")[0].strip().lower()


def _is_encoded(part: Part) -> bool:
    return _encoding(part) in ("base64", "quoted-printable")


def _raw(file: BinaryIO, part: Part) -> Iterator[bytes]:
    place = part.start
    while place < part.end:
        file.seek(place)
        block = file.read(min(_BLOCK, part.end - place))
        if not block:
            return
        place += len(block)
        yield block


def _from_base64(blocks: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        letters = left + _NOT_BASE64.sub(b"", block)
        whole = len(letters) // 4 * 4
        left = letters[whole:]
        yield binascii.a2b_base64(letters[:whole])
    if len(left) > 1:
        yield binascii.a2b_base64(left + b"=" * (4 - len(left)))


def _from_quoted_printable(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for lines in _whole_lines(blocks):
        yield binascii.a2b_qp(lines)


def _from_uuencoded(blocks: Iterator[bytes]) -> Iterator[bytes]:
    begun = False
    for lines in _whole_lines(blocks):
        for line in lines.splitlines():
            if not begun:
                begun = line.startswith(b"begin ")
                continue
            try:
                yield binascii.a2b_uu(line)
            except binascii.Error:
                continue


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        whole = (left + block).rfind(b"\n") + 1
        if not whole:
            # A line without end is cut, though not within `=41`.
            whole = max(0, len(left + block) - 3)
        lines, left = (left + block)[:whole], (left + block)[whole:]
        yield lines
    yield left
