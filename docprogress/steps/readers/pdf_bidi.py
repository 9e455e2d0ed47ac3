"""Put the letters of lines that are written from right to left into reading order.

PDFium returns the letters of some words in visual order, from left to right.
"""

import re
from itertools import pairwise
from unicodedata import bidirectional

from docprogress.steps.readers.pdf_pieces import Line, Piece

_WORD = re.compile(r"\S+")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")

#: The share of a line's letters that run from right to left, at least, and of its
#: neighbouring letters within words that stand the wrong way round.
LEAST_LETTERS = 0.5
LEAST_WRONG = 0.1


def may_run_left(text: str) -> bool:
    """Whether a text has letters that are written from right to left."""
    return not text.isascii() and _RIGHT_TO_LEFT.search(text) is not None


def leftwards(lines: list[Line]) -> list[Line] | None:
    """Lines with letters in reading order; None if they are."""
    found = [_ordered(line) if _is_wrong(line) else line for line in lines]
    return found if any(map(_differ, found, lines)) else None


def _differ(one: Line, other: Line) -> bool:
    return one is not other


def _is_wrong(line: Line) -> bool:
    """Whether letters that run from right to left follow each other the wrong way."""
    letters = [piece for piece in line if piece.text.isalpha()]
    running = sum(map(_runs_left, letters))
    if not running or running < LEAST_LETTERS * len(letters):
        return False
    pairs = [
        before.left < after.left
        for before, after in pairwise(line)
        if _runs_left(before) and _runs_left(after)
    ]
    return sum(pairs) > LEAST_WRONG * len(pairs)


def _ordered(line: Line) -> Line:
    """A line by where its letters are, from right to left."""
    inked = [piece for piece in line if not piece.blank]
    inked.sort(key=_center, reverse=True)
    # PDFium knows how many spaces there are, but not where: they are the widest gaps.
    gaps = [before.left - after.right for before, after in pairwise(inked)]
    spaces = len(_WORD.findall("".join(piece.text for piece in line))) - 1
    widest = set(sorted(range(len(gaps)), key=gaps.__getitem__)[len(gaps) - spaces :])
    words: list[Line] = [inked[:1]]
    for number, piece in enumerate(inked[1:]):
        if number in widest:
            words.append([])
        words[-1].append(piece)
    # Numbers and words of other scripts run from left to right, also over spaces.
    ordered: list[Line] = []
    kept: list[Line] = []
    for word in words:
        if any(map(_runs_left, word)):
            ordered += [*reversed(kept), _with_numbers(word)]
            kept = []
        else:
            kept.append(word[::-1])
    ordered += reversed(kept)
    space = Piece(" ", 0.0, 0.0, 0.0, 0.0)
    return [
        piece
        for number, word in enumerate(ordered)
        for piece in ([space] if number else []) + word
    ]


def _with_numbers(word: Line) -> Line:
    """A word whose digits, which are in left-to-right order, are reversed."""
    parts: list[Line] = []
    for piece in word:
        forwards = bidirectional(piece.text[0]) in {"L", "EN", "AN"}
        if parts and forwards and bidirectional(parts[-1][0].text[0]) in _FORWARDS:
            parts[-1].insert(0, piece)
        else:
            parts.append([piece])
    return [piece for part in parts for piece in part]


_FORWARDS = {"L", "EN", "AN"}


def _runs_left(piece: Piece) -> bool:
    return bidirectional(piece.text[0]) in {"R", "AL"}


def _center(piece: Piece) -> float:
    return (piece.left + piece.right) / 2
