"""Count how often each term is in each text of a document.

Words are counted by their numbers in a vocabulary, so a document takes a few operations
with arrays.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from docprogress.words import compounds
from docprogress.words.terms import known, spaced, units
from docprogress.words.vocabulary import (
    ENGLISH,
    FUNCTION,
    Vocabulary,
    firsts,
    joined,
    vocabulary,
)

#: The maximum recorded number of tokens, and of occurrences of a term.
_MOST = 0xFFFF
_MOST_OFTEN = 0xFF
#: A single text with this many tokens or fewer is counted faster without arrays.
_FEW_TOKENS = 384
#: With fewer tokens, the language cannot be guessed.
_FEW_WORDS = 60
_ENGLISH_ENOUGH = 2
#: The language of a long document is guessed from this many texts.
_SAMPLE = 8

Integers = NDArray[np.int64]


class Counts(NamedTuple):
    """The frequency of each term in each text; sorted by term, then by text."""

    terms: NDArray[np.int64]
    #: The number of texts with each term.
    texts: NDArray[np.uint32]
    #: For each term and text: the text's number, counted from 0, and the frequency.
    numbers: NDArray[np.uint16]
    frequencies: NDArray[np.uint8]
    #: The number of tokens of each text.
    lengths: NDArray[np.uint16]


class _Units(NamedTuple):
    """The frequencies of tokens in texts."""

    numbers: Integers
    tokens: Integers
    frequencies: Integers


def count_terms(texts: Sequence[str], marked: Sequence[tuple[str, ...]] = ()) -> Counts:
    """Count the terms of less than 65,536 texts of one document.

    Args:
        texts: The texts.
        marked: For each text, additional tokens, which do not make it longer.
    """
    if len(texts) == 1:
        tokens = list(units(texts[0]))
        if len(tokens) < _FEW_TOKENS:
            return _count_one(tokens, marked[0] if marked else ())
    with vocabulary() as words:
        return _count(words, texts, marked)


def _count_one(tokens: Sequence[str], besides: Iterable[str]) -> Counts:
    """Count the terms of a short text."""
    counts = Counter(tokens)
    function = compounds.FUNCTION_WORDS.intersection(counts)
    split = _joins_words(
        len(tokens),
        sum(counts[word] for word in function),
        lambda: len(compounds.ENGLISH_WORDS.intersection(counts)),
    )
    for token in besides:
        counts.setdefault(token, 1)
    found: dict[int, int] = {}
    before = found.get
    for token, often in counts.items():
        for term in known(token, split=split):
            found[term] = before(term, 0) + often
    terms = sorted(found)
    return Counts(
        np.array(terms, np.int64),
        np.ones(len(terms), np.uint32),
        np.zeros(len(terms), np.uint16),
        np.array([min(found[term], _MOST_OFTEN) for term in terms], np.uint8),
        np.array([min(len(tokens), _MOST)], np.uint16),
    )


def _count(
    words: Vocabulary, texts: Sequence[str], marked: Sequence[tuple[str, ...]]
) -> Counts:
    """Count the terms of several texts, or of a long one."""
    numbers, tokens = _tokens(words, texts)
    lengths = np.minimum(np.bincount(numbers, minlength=len(texts)), _MOST)
    found = _counted(numbers, tokens)
    split = _compounded(words, found)
    if any(marked):
        found = _with_marks(words, found, marked)
    return _of_terms(words, found, lengths.astype(np.uint16), split=split)


def _tokens(words: Vocabulary, texts: Sequence[str]) -> tuple[Integers, Integers]:
    """The tokens of all texts, one after the other, with the texts' numbers."""
    parts: list[Iterable[int]] = []
    sizes = []
    for text in texts:
        if (found := spaced(text)) is not None:
            parts.append(map(words.words.__getitem__, found))
        else:
            found = list(units(text))
            parts.append(map(words.tokens.__getitem__, found))
        sizes.append(len(found))
    which = np.fromiter(chain.from_iterable(parts), np.int64, sum(sizes))
    tokens, counts = words.contents.of(which)
    numbers = np.repeat(np.arange(len(texts)), sizes)
    return np.repeat(numbers, counts), tokens


def _counted(numbers: Integers, tokens: Integers) -> _Units:
    keys = np.sort((numbers << 32) | tokens)
    first = firsts(keys)
    frequencies = np.diff(first, append=len(keys))
    keys = keys[first]
    return _Units(keys >> 32, keys & 0xFFFF_FFFF, frequencies)


def _compounded(words: Vocabulary, found: _Units) -> bool:
    """Whether the texts seem to be in a language that joins words into compounds."""
    groups = words.groups_of(found.tokens)
    texts = int(found.numbers[-1]) + 1 if len(found.numbers) else 0
    step = max(1, texts // _SAMPLE)
    sample = found.numbers % step == 0
    return _joins_words(
        int(found.frequencies[sample].sum()),
        int(found.frequencies[sample & (groups == FUNCTION)].sum()),
        lambda: int(np.count_nonzero(groups == ENGLISH)),
    )


def _joins_words(total: int, function: int, english: Callable[[], int]) -> bool:
    """The same, from the numbers of tokens, of function words, and of English ones."""
    if total < _FEW_WORDS:
        # A few words may not be enough, but two of these show that it is English.
        return bool(function) or english() < _ENGLISH_ENOUGH
    return 20 * function > total


def _with_marks(
    words: Vocabulary, found: _Units, marked: Sequence[tuple[str, ...]]
) -> _Units:
    """The same with the additional tokens of texts, once each."""
    which = map(words.tokens.__getitem__, chain.from_iterable(marked))
    sizes = list(map(len, marked))
    tokens = np.fromiter(which, np.int64, sum(sizes))
    keys = np.sort((np.repeat(np.arange(len(marked)), sizes) << 32) | tokens)
    keys = keys[firsts(keys)]
    there = np.isin(keys, (found.numbers << 32) | found.tokens, assume_unique=True)
    keys = keys[~there]
    return _Units(
        np.concatenate([found.numbers, keys >> 32]),
        np.concatenate([found.tokens, keys & 0xFFFF_FFFF]),
        np.concatenate([found.frequencies, np.ones(len(keys), np.int64)]),
    )


def _of_terms(
    words: Vocabulary, found: _Units, lengths: NDArray[np.uint16], *, split: bool
) -> Counts:
    """The terms of tokens, which are added up if tokens share them."""
    distinct, places = words.numbered(found.tokens)
    hashes, sizes = words.terms_of(distinct, split=split)
    terms, ranks = np.unique(hashes, return_inverse=True)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    rank, repeats = joined(ranks, ends, places)
    # Sorted by term and text, with the frequency in the lowest bits.
    keys = (found.numbers << 16) | np.minimum(found.frequencies, _MOST)
    keys = np.sort((rank << 32) | np.repeat(keys, repeats))
    pairs = keys >> 16
    first = firsts(pairs)
    pairs = pairs[first]
    totals = np.add.reduceat(keys & 0xFFFF, first) if len(first) else first
    return Counts(
        terms,
        np.bincount(pairs >> 16, minlength=len(terms)).astype(np.uint32),
        (pairs & 0xFFFF).astype(np.uint16),
        np.minimum(totals, _MOST_OFTEN).astype(np.uint8),
        lengths,
    )
