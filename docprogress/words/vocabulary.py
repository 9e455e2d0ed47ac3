"""Numbers for words and tokens, so that texts can be counted with arrays."""

import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from docprogress.words import compounds
from docprogress.words.terms import LONGEST, term_hashes
from docprogress.words.tokens import tokens as tokens_of

#: A vocabulary with more words and tokens is discarded.
_KEPT = 1 << 16
#: Groups of tokens.
FUNCTION, ENGLISH = 1, 2

Integers = NDArray[np.int64]


class Lists:
    """Lists of integers, concatenated in an array."""

    def __init__(self) -> None:
        self._values = array("q")
        self._ends = array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, values: Sequence[int]) -> int:
        """Add a list; returns its number."""
        self._values.extend(values)
        self._ends.append(len(self._values))
        return len(self._ends) - 2

    def of(self, which: Integers) -> tuple[Integers, Integers]:
        """The lists with these numbers, joined, and their lengths."""
        # Copies, because an array cannot grow while a view of it exists.
        return joined(
            np.frombuffer(self._values, np.int64),
            np.frombuffer(self._ends, np.int64),
            which,
        )


def joined(
    values: Integers, ends: Integers, which: Integers
) -> tuple[Integers, Integers]:
    """Consecutive lists in an array."""
    starts = ends[which]
    sizes = ends[which + 1] - starts
    after = np.cumsum(sizes)
    total = int(after[-1]) if len(after) else 0
    places = np.arange(total) + np.repeat(starts - after + sizes, sizes)
    return values[places], sizes


def firsts(ordered: Integers) -> Integers:
    """The positions in a sorted array where a value is for the first time."""
    changes = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return np.flatnonzero(changes)


class _Words(dict[str, int]):
    """The numbers of words, the parts between spaces."""

    def __init__(self, vocabulary: "Vocabulary") -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, word: str) -> int:
        number = self._vocabulary.add_word(word)
        if len(word) <= LONGEST:
            self[word] = number
        return number


class _Tokens(dict[str, int]):
    """The numbers of tokens."""

    def __init__(self, vocabulary: "Vocabulary") -> None:
        super().__init__()
        self._vocabulary = vocabulary

    def __missing__(self, token: str) -> int:
        number = self._vocabulary.add_token(token)
        if len(token) <= LONGEST:
            self[token] = number
        return number


class Vocabulary:
    """Words and tokens, numbered in the order in which they occur."""

    def __init__(self) -> None:
        self.words = _Words(self)
        self.tokens = _Tokens(self)
        #: The numbers of each one's tokens; a token has itself.
        self.contents = Lists()
        self._names: dict[int, str] = {}
        self._groups = array("b")
        # Without and with parts of compounds: the terms of tokens, by the places that
        # these have there.
        self._terms = Lists(), Lists()
        self._places = array("q"), array("q")
        # Kept, since new memory is slower.
        self._scratch = np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self.contents)

    def add_word(self, word: str) -> int:
        """The number of a new word."""
        if word.isalnum() and word.isascii():
            return self.tokens[word]
        found = tokens_of(word)
        if len(found) == 1:
            return self.tokens[found[0]]
        numbers = [self.tokens[token] for token in found]
        return self._add(numbers, 0)

    def add_token(self, token: str) -> int:
        """The number of a new token."""
        group = 0
        if token in compounds.FUNCTION_WORDS:
            group = FUNCTION
        elif token in compounds.ENGLISH_WORDS:
            group = ENGLISH
        number = len(self.contents)
        self._names[number] = token
        return self._add([number], group)

    def groups_of(self, tokens: Integers) -> NDArray[np.int8]:
        """The group of each token."""
        return np.frombuffer(self._groups, np.int8)[tokens]

    def numbered(self, tokens: Integers) -> tuple[Integers, Integers]:
        """The distinct tokens among these, and the position of each one among them."""
        ordered = np.sort(tokens)
        distinct = ordered[firsts(ordered)]
        if len(self._scratch) < len(self):
            self._scratch = np.zeros(2 * len(self), np.int32)
        self._scratch[distinct] = np.arange(len(distinct))
        return distinct, self._scratch[tokens].astype(np.int64)

    def terms_of(self, tokens: Integers, *, split: bool) -> tuple[Integers, Integers]:
        """The hashes of the terms of each token, joined, and their numbers."""
        terms, places = self._terms[split], self._places[split]
        found = np.frombuffer(places, np.int64)[tokens]
        missing = np.flatnonzero(found < 0)
        for at in missing.tolist():
            number = int(tokens[at])
            hashes = term_hashes(self._names[number], split=split)
            found[at] = places[number] = terms.append(hashes)
        return terms.of(found)

    def _add(self, tokens: Sequence[int], group: int) -> int:
        self._groups.append(group)
        for places in self._places:
            places.append(-1)
        return self.contents.append(tokens)


class _OfThread(threading.local):
    vocabulary: Vocabulary | None = None


_of_thread = _OfThread()


@contextmanager
def vocabulary() -> Iterator[Vocabulary]:
    """The vocabulary of this thread; it is discarded if it becomes too large."""
    found = _of_thread.vocabulary or Vocabulary()
    _of_thread.vocabulary = None
    yield found
    if len(found) <= _KEPT:
        _of_thread.vocabulary = found
