"""A page's characters with their places, where its text alone does not do."""

import sys
from collections.abc import Iterable
from ctypes import c_double
from itertools import repeat
from typing import NamedTuple

from docprogress.steps.readers import pdf_native as native

#: What PDFium gives for a hyphen at the end of a line, and how its text marks it.
_HYPHEN = 2
HYPHEN = "\ufffe"

_SURROGATES = (0xD800, 0xDFFF)

_CARRIAGE_RETURN, _LINE_FEED = 13, 10

_boxes = native.Quads(c_double)


class Piece(NamedTuple):
    """A character, or a text that is put in, and where it is."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    #: The text object that it belongs to; 0 if PDFium has put it in.
    owner: int = 0

    @property
    def blank(self) -> bool:
        return self.text.isspace()

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return (self.bottom + self.top) / 2


Line = list[Piece]


def lines_of(content: object, count: int) -> list[Line]:
    """The lines of a page's text, as PDFium divides it."""
    address = native.address(content)
    lines: list[Line] = [[]]
    for first in range(0, count, native.BATCH):
        numbers = range(first, min(first + native.BATCH, count))
        codes = map(native.character, repeat(address), numbers)
        owners = map(native.text_object, repeat(address), numbers)
        references = _boxes.references
        list(map(native.character_box, repeat(address), numbers, *references))
        values = iter(_boxes.values[: 4 * len(numbers)].tolist())
        boxes = zip(values, values, values, values, strict=True)
        for code, owner, box in zip(codes, owners, boxes, strict=True):
            if code == _LINE_FEED:
                lines.append([])
            elif code == _HYPHEN:
                lines[-1].append(Piece(HYPHEN, *box, owner or 0))
                lines.append([])
            elif code and code != _CARRIAGE_RETURN:
                text = chr(code) if code < _SURROGATES[0] else _character(code)
                lines[-1].append(Piece(text, *box, owner or 0))
    return [line for line in lines if line]


def text_of(lines: Iterable[Line]) -> tuple[str, set[int]]:
    """The text of lines, and where hyphens at their ends are objects of their own."""
    parts: list[str] = []
    length = 0
    own = set()
    for line in lines:
        text = "".join(piece.text for piece in line).strip()
        if parts and not parts[-1].endswith(HYPHEN):
            text = "\n" + text
        parts.append(text)
        length += len(text)
        if text.endswith(HYPHEN) and len(line) > 1 and line[-1].owner != line[-2].owner:
            own.add(length - 1)
    return "".join(parts), own


def _character(code: int) -> str:
    return (
        "\ufffd"
        if code > sys.maxunicode or _SURROGATES[0] <= code <= _SURROGATES[1]
        else chr(code)
    )
