"""How near a text is to its truth: character errors, words found, their order."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: Characters of scripts that are written without spaces between words.
_UNSPACED = (
    r"[\u0e00-\u0e7f\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
)
_WORD = re.compile(rf"{_UNSPACED}|(?:(?!{_UNSPACED})\w)+")
_INNER_SPACE = re.compile(rf"(?<={_UNSPACED})\s+|\s+(?={_UNSPACED})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One text, or the sum of several."""

    characters: int
    errors: int
    words: int
    read: int
    common: int
    ordered: int

    def __add__(self, other: "Score") -> "Score":
        return Score(
            **{
                name: getattr(self, name) + getattr(other, name)
                for name in Score.__slots__
            }
        )

    @property
    def error_rate(self) -> float:
        """Insertions, deletions and substitutions, by characters of the truth."""
        return self.errors / max(1, self.characters)

    @property
    def recall(self) -> float:
        """The share of the truth's words that were read."""
        return self.common / max(1, self.words)

    @property
    def precision(self) -> float:
        """The share of the words read that are the truth's."""
        return self.common / max(1, self.read)

    @property
    def order(self) -> float:
        """The longest common subsequence of words, by the words that were found."""
        return self.ordered / max(1, self.common)


def score(truth: str, text: str) -> Score:
    truth, text = normalized(truth), normalized(text)
    wanted, found = _WORD.findall(truth), _WORD.findall(text)
    return Score(
        characters=len(truth),
        errors=distance(truth, text),
        words=len(wanted),
        read=len(found),
        common=(Counter(wanted) & Counter(found)).total(),
        ordered=common_subsequence(wanted, found),
    )


def normalized(text: str) -> str:
    """The text in NFKC, with one space for any run of whitespace.

    There is none beside characters of scripts without spaces: a line's end says nothing.
    Format characters, such as marks of direction, are left out.
    """
    text = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", text)
        if unicodedata.category(letter) != "Cf"
    )
    return _INNER_SPACE.sub("", " ".join(text.split()))


def distance(truth: Sequence[str], text: Sequence[str]) -> int:
    """The edit distance, a column of bits at a time (Myers 1999, Hyyrö 2003)."""
    if not truth:
        return len(text)
    places = _places(truth)
    all_bits, last = (1 << len(truth)) - 1, 1 << (len(truth) - 1)
    up, down, errors = all_bits, 0, len(truth)
    for item in text:
        match = places.get(item, 0)
        diagonal = (((match & up) + up) ^ up) | match | down
        right, left = down | (~(diagonal | up) & all_bits), up & diagonal
        errors += bool(right & last) - bool(left & last)
        right = (right << 1 | 1) & all_bits
        up = (left << 1 | ~(diagonal | right)) & all_bits
        down = right & diagonal
    return errors


def common_subsequence(truth: Sequence[str], text: Sequence[str]) -> int:
    """The length of the longest common subsequence."""
    places = _places(truth)
    all_bits = (1 << len(truth)) - 1
    row = all_bits
    for item in text:
        match = row & places.get(item, 0)
        row = ((row + match) | (row - match)) & all_bits
    return len(truth) - row.bit_count()


def _places(items: Sequence[str]) -> dict[str, int]:
    """The positions of each item, as bits."""
    places: dict[str, int] = {}
    for number, item in enumerate(items):
        places[item] = places.get(item, 0) | 1 << number
    return places
