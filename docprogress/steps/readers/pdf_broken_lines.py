"""Join lines that PDFium breaks between the letters of a word.

On a page that is full of a table, PDFium takes the direction of the text for unknown,
and begins a line at every text object. Browsers write kerned words as several.
"""

import re

from docprogress.steps.readers.pdf_pieces import Line, Piece

#: Letters whose height counts: a point has hardly any.
_LETTERS = 8

#: Consecutive short lines after which a page is examined more closely.
_SHORT = re.compile(r"(?:\r\n[^\r\n]{1,2}){4}\r\n")

#: Characters of the average line, below which they are looked for at all.
_AVERAGE = 30

# By the height of the letters: how far apart two may be that stand on one line, those
# of one word, and those of words that follow each other.
_LEVEL = 0.4
_OVERLAP = -0.4
_WORD = 0.45
_WORDS = 1.2


def may_be_broken(text: str) -> bool:
    """Whether words of a page may be broken into lines."""
    few = len(text) < _AVERAGE * text.count("\r\n")
    return few and _SHORT.search(text) is not None


def rejoined(lines: list[Line]) -> list[Line] | None:
    """The lines with those joined that are one; None if none are."""
    joined: list[Line] = []
    for line in lines:
        gap = _gap(joined[-1], line) if joined else None
        if gap is None:
            joined.append(list(line))
            continue
        if gap > _WORD and not joined[-1][-1].blank:
            _, _, right, bottom, top, _ = joined[-1][-1]
            joined[-1].append(Piece(" ", right, right, bottom, top))
        joined[-1] += line
    return joined if len(joined) < len(lines) else None


def _gap(before: Line, after: Line) -> float | None:
    """How far apart two lines are that may be one; None if they are not.

    It is measured in the height of their letters.
    """
    last = next((piece for piece in reversed(before) if not piece.blank), None)
    first = next((piece for piece in after if not piece.blank), None)
    if last is None or first is None:
        return None
    letters = (*before[-_LETTERS:], *after[:_LETTERS])
    height = max(piece.top - piece.bottom for piece in letters)
    near = height * _LEVEL
    if last.bottom - near > first.top or first.bottom - near > last.top:
        return None
    gap = (first.left - last.right) / height if height > 0 else _WORDS + 1
    return gap if _OVERLAP <= gap <= _WORDS else None
