"""Words that a mistyped word may stand for, by their hashes.

The index has hashes of words, not the words themselves. So all spellings within one
or two errors are made, and those that the index has are what may be meant. An error is
a letter too many, missing, replaced, or exchanged with the one beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docprogress.words.murmur import hashed_rows

#: The shortest words in which one error and two are corrected.
ONE_ERROR = 5
TWO_ERRORS = 9
#: The longest ones: the number of spellings grows with their square.
LONGEST_FOR_ONE = 40
LONGEST_FOR_TWO = 20
#: In shorter words, and if there are two errors, the first letter is taken for right:
#: "Ertrag" is not "Vertrag".
FIRST_LETTER = 7


def _letters(first: str, last: str) -> str:
    return "".join(map(chr, range(ord(first), ord(last) + 1)))


Rows = NDArray[np.uint8]


class _Script(NamedTuple):
    """Letters, folded."""

    #: Their bytes in UTF-8, of one length.
    alphabet: Rows
    #: The row of each.
    places: dict[str, int]


def _script(letters: str) -> _Script:
    rows = np.frombuffer(letters.encode(), np.uint8).reshape(len(letters), -1)
    return _Script(rows, {letter: place for place, letter in enumerate(letters)})


_SCRIPTS = tuple(
    map(
        _script,
        (
            _letters("a", "z"),
            _letters("α", "ρ") + _letters("σ", "ω"),
            _letters("а", "я") + "іјєґђљњћџ",
            _letters("א", "ת"),
            "ءابتثجحخدذرزسشصضطظعغفقكلمنهويپچژگ",
            _letters("ա", "ֆ"),
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Spellings:
    """Spellings of one length, and the hashes of each."""

    hashes: NDArray[np.int64]
    #: A row for each, of places in the alphabet.
    rows: Rows
    alphabet: Rows

    def word(self, at: int) -> str:
        """The spelling at a position."""
        letters = bytes(self.alphabet[self.rows[at]])
        return letters.decode()


def spellings(word: str, errors: int) -> Iterator[Spellings]:
    """All spellings within exactly so many errors, some of them more than once.

    Args:
        word: Folded.
        errors: 1 or 2.
    """
    least, most = (
        (ONE_ERROR, LONGEST_FOR_ONE) if errors == 1 else (TWO_ERRORS, LONGEST_FOR_TWO)
    )
    if not least <= len(word) <= most:
        return
    script = next((s for s in _SCRIPTS if s.places.keys() >= set(word)), None)
    if script is None:
        return
    alphabet, places = script
    row = np.array([[places[letter] for letter in word]], np.uint8)
    first = 0 if errors == 1 and len(word) >= FIRST_LETTER else 1
    by_length: dict[int, list[Rows]] = {}
    for made, _ in _several(row, first, errors, len(alphabet)):
        by_length.setdefault(made.shape[1], []).append(made)
    for several in by_length.values():
        rows = np.concatenate(several)
        yield Spellings(hashed_rows(alphabet[rows]), rows, alphabet)


def _several(
    rows: Rows, start: int, errors: int, letters: int
) -> Iterator[tuple[Rows, int]]:
    """Spellings with so many errors, each of them at or after the one before."""
    for made, after in _edits(rows, start, letters):
        if errors == 1:
            yield made, after
        else:
            yield from _several(made, after, errors - 1, letters)


def _edits(rows: Rows, start: int, letters: int) -> Iterator[tuple[Rows, int]]:
    """Spellings with one error, and from where on there may be another one."""
    count, length = rows.shape
    every = np.tile(np.arange(letters, dtype=np.uint8), count)
    for at in range(start, length + 1):
        before, after = rows[:, :at], rows[:, at:]
        yield _joined(before, every, after), at + 1
        if at == length:
            return
        yield np.hstack([before, after[:, 1:]]), at
        yield _joined(before, every, after[:, 1:]), at + 1
        if at + 1 < length:
            exchanged = after[:, [1, 0, *range(2, after.shape[1])]]
            yield np.hstack([before, exchanged]), at + 2


def _joined(before: Rows, every: Rows, after: Rows) -> Rows:
    times = len(every) // max(len(before), 1)
    return np.hstack(
        [np.repeat(before, times, 0), every[:, None], np.repeat(after, times, 0)]
    )


def known(found: Sequence[Spellings], hashes: NDArray[np.int64]) -> dict[int, str]:
    """Those of the spellings whose hashes are given, by hash."""
    words: dict[int, str] = {}
    for each in found:
        for at in np.flatnonzero(np.isin(each.hashes, hashes)):
            words.setdefault(int(each.hashes[at]), each.word(int(at)))
    return words
