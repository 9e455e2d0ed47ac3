"""The terms of texts, by which tokens are found, as 63-bit hashes."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, count, pairwise
from typing import NamedTuple

import mmh3
import numpy as np
from numpy.typing import NDArray

from docprogress.words import compounds
from docprogress.words.folding import fold
from docprogress.words.stems import stem
from docprogress.words.tokens import JOINERS, SIGNS, clusters, tokens, unspaced

#: Longer tokens are not kept in memory, and not searched for as a whole.
LONGEST = 64
_KEPT = 1 << 15
_MOST_PARTS = 32
_JOINED = re.compile(f"[{JOINERS},\u00a0\u2009\u202f\u066b\u066c]+")
_ATOMS = re.compile(r"\d+|[^\W\d_]+")
_MOST_ATOMS = 4
_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+(?:\.\d{1,2})?")
_DECIMAL = re.compile(r"\d+\.\d{1,2}")
_FEW_TOKENS = 60
_ENGLISH_ENOUGH = 2
#: Of long documents, the language is guessed from so many texts.
_SAMPLE = 8

#: The maximum number of tokens that is recorded.
_MOST = 0xFFFF
#: So few different tokens of one text are counted quicker without arrays.
_FEW_UNITS = 256

#: Characters of headings that are considered.
_MOST_OF_HEADINGS = 2000

#: The term of all chunks that are not plain text.
OTHER_KIND = "\0kind:"


class Counts(NamedTuple):
    """How often each term is in each text; sorted by term, then by text."""

    terms: NDArray[np.int64]
    #: In how many texts each term is.
    texts: NDArray[np.uint32]
    #: For each term and text: the text's number, counted from 0, and how often.
    numbers: NDArray[np.uint16]
    frequencies: NDArray[np.uint8]
    #: The number of tokens of each text.
    lengths: NDArray[np.uint16]


class _Units(NamedTuple):
    """Which tokens are in which texts, and how often."""

    which: NDArray[np.int64]
    numbers: NDArray[np.int64]
    frequencies: NDArray[np.int64]


class Code(NamedTuple):
    """A token that joins several words or numbers."""

    #: The forms of the whole, the most exact one first.
    wholes: tuple[str, ...]
    parts: tuple[str, ...]


def count_terms(texts: Sequence[str], marked: Sequence[tuple[str, ...]] = ()) -> Counts:
    """Count the terms of less than 65,536 texts of one document.

    Args:
        texts: The texts.
        marked: For each text, tokens that it has besides. They do not make it longer.
    """
    counted = [Counter(_units(text)) for text in texts]
    split = _compounded(counted)
    lengths = np.array([min(counts.total(), _MOST) for counts in counted], np.uint16)
    for counts, besides in zip(counted, marked, strict=False):
        for token in besides:
            counts.setdefault(token, 1)
    if len(counted) == 1 and len(counted[0]) < _FEW_UNITS:
        return _of_one(counted[0], _known[split], lengths)
    # Gives each new token the next number.
    places: defaultdict[str, int] = defaultdict(count().__next__)
    units = list(map(len, counted))
    which = map(places.__getitem__, chain.from_iterable(counted))
    frequencies = chain.from_iterable([counts.values() for counts in counted])
    counted_units = _Units(
        np.fromiter(which, np.int64, sum(units)),
        np.repeat(np.arange(len(units)), units),
        np.fromiter(frequencies, np.int64, sum(units)),
    )
    found = list(map(_known[split].__getitem__, places))
    sizes = np.fromiter(map(len, found), np.int64, len(found))
    flat = np.fromiter(chain.from_iterable(found), np.int64)
    return _sorted(flat, sizes, counted_units, lengths)


def hashed(term: str) -> int:
    """The hash that stands for a term; never negative."""
    number: int = mmh3.hash64(term.encode("utf-8", "surrogatepass"))[0]
    return number & 0x7FFF_FFFF_FFFF_FFFF


def word_terms(word: str, *, split: bool = False) -> set[str]:
    """The terms of a folded word or part of a code."""
    word = word[:LONGEST]
    found = {word, stem(word)}
    if split:
        for part in compounds.parts(word):
            found |= {part, stem(part)}
    return found


def code(token: str) -> Code | None:
    """The parts of a code, a number or a compound with hyphens; None for a word."""
    folded = fold(token).strip()
    sign = folded[:1] if folded[:1] in SIGNS else ""
    body = folded.lstrip(SIGNS).strip()
    pieces = [part for part in _JOINED.split(body) if part]
    if sign:
        if not pieces:
            return Code((sign,), ())
        whole = ".".join(pieces)
        return Code((sign + whole,), (sign, *_whole_forms(pieces)))
    if len(pieces) > 1:
        return Code(_whole_forms(pieces), tuple(pieces[:_MOST_PARTS]))
    atoms = _ATOMS.findall(body)
    if 1 < len(atoms) <= _MOST_ATOMS:
        return Code((body,), tuple(atoms))
    return None


def token_terms(token: str, *, split: bool = False) -> set[str]:
    """The terms by which a token is found."""
    if token.startswith(OTHER_KIND):
        return {token}
    if unspaced(token):
        return {fold(token)}
    if len(token) > LONGEST:
        pieces = _JOINED.split(fold(token))
        return {piece[:LONGEST] for piece in pieces if piece}
    if token.isalpha():
        return word_terms(fold(token), split=split)
    return _code_terms(token, split=split)


def _code_terms(token: str, *, split: bool) -> set[str]:
    if token[-1] in "+#" and token[:1] not in SIGNS:
        return {fold(token), *word_terms(fold(token.rstrip("+#")))}
    found = code(token)
    if found is None:
        return word_terms(fold(token).replace("'", ""), split=split)
    terms = {*found.wholes}
    for part in found.parts:
        terms |= word_terms(part, split=split)
        if inner := code(part):
            terms |= {*inner.wholes, *inner.parts}
    return terms - {""}


def grams(run: str) -> list[str]:
    """The letters of a run of an unspaced script, and its pairs."""
    letters = clusters(run)
    return letters + ["".join(pair) for pair in pairwise(letters)]


def kind_terms(kind: str | None) -> tuple[str, ...]:
    """The terms of a chunk's kind, which no text has; none for plain text."""
    return () if kind in (None, "text") else (OTHER_KIND, f"{OTHER_KIND}{kind}")


def heading_tokens(headings: Sequence[str]) -> tuple[str, ...]:
    """The tokens of the headings above a chunk."""
    return tuple(_units("\n".join(headings)[:_MOST_OF_HEADINGS]))


def known(token: str, *, split: bool = False) -> tuple[int, ...]:
    """The hashes of a token's terms."""
    return _known[split][token]


def _whole_forms(pieces: list[str]) -> tuple[str, ...]:
    """A code without its joiners, except between digits: "ax400", "2.1"."""
    whole = pieces[0]
    for left, right in pairwise(pieces):
        between = left[-1].isdigit() and right[0].isdigit()
        whole += f".{right}" if between else right
    forms = [whole[:LONGEST]]
    number = whole
    if _THOUSANDS.fullmatch(whole):
        groups = whole.split(".")
        cents = groups.pop() if len(groups[-1]) < 3 else ""  # noqa: PLR2004
        number = "".join(groups) + (f".{cents}" if cents else "")
        forms.append(number)
    if _DECIMAL.fullmatch(number):
        forms.append(number.rstrip("0").rstrip("."))
    return tuple(dict.fromkeys(forms))


class _Hashes(dict[str, tuple[int, ...]]):
    """The hashes of the terms of tokens, each made when it is asked for."""

    def __init__(self, *, split: bool) -> None:
        super().__init__()
        self._split = split

    def __missing__(self, token: str) -> tuple[int, ...]:
        terms = token_terms(token, split=self._split)
        found = tuple({hashed(term) for term in terms})
        if len(token) <= LONGEST:
            if len(self) >= _KEPT:
                self.clear()
            self[token] = found
        return found


#: Without and with parts of compounds.
_known = _Hashes(split=False), _Hashes(split=True)


class _AsciiTokens(dict[str, tuple[str, ...]]):
    """The tokens of what stands between spaces, each found when it is asked for."""

    def __missing__(self, word: str) -> tuple[str, ...]:
        found = tuple(tokens(word))
        if len(word) <= LONGEST:
            if len(self) >= _KEPT:
                self.clear()
            self[word] = found
        return found


_ascii_tokens = _AsciiTokens()


def _units(text: str) -> Iterable[str]:
    """The tokens of a text, with runs of unspaced scripts as letters and pairs."""
    if text.isascii():
        # No token has spaces, and few words are new.
        words = text.lower().split()
        return chain.from_iterable(map(_ascii_tokens.__getitem__, words))
    found = tokens(text.lower())
    units: list[str] = []
    for token in found:
        if token.isascii() or not unspaced(token):
            units.append(token)
        else:
            units += grams(token)
    return units


def _compounded(counted: Sequence[Counter[str]]) -> bool:
    """Whether the texts seem to be of a language that joins words to compounds."""
    step = max(1, len(counted) // _SAMPLE)
    total = found = 0
    for counts in counted[::step]:
        total += counts.total()
        for word in compounds.FUNCTION_WORDS.intersection(counts):
            found += counts[word]
    if total < _FEW_TOKENS:
        english = [compounds.ENGLISH_WORDS.intersection(each) for each in counted]
        # Few words may tell nothing, but two of these tell that it is English.
        return bool(found) or sum(map(len, english)) < _ENGLISH_ENOUGH
    return 20 * found > total


def _of_one(
    counts: Counter[str], known: _Hashes, lengths: NDArray[np.uint16]
) -> Counts:
    """The same as `_sorted` makes, of a short text."""
    found: dict[int, int] = {}
    before = found.get
    for token, often in counts.items():
        for term in known[token]:
            found[term] = before(term, 0) + often
    terms = sorted(found)
    return Counts(
        np.array(terms, np.int64),
        np.ones(len(terms), np.uint32),
        np.zeros(len(terms), np.uint16),
        np.array([min(found[term], 255) for term in terms], np.uint8),
        lengths,
    )


def _sorted(
    flat: NDArray[np.int64],
    sizes: NDArray[np.int64],
    units: _Units,
    lengths: NDArray[np.uint16],
) -> Counts:
    """Sort the terms of all tokens, and add up those of the same text."""
    which, numbers, frequencies = units
    repeats = sizes[which]
    starts = np.cumsum(sizes) - sizes
    ends = np.cumsum(repeats)
    within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(
        ends - repeats, repeats
    )
    terms, places = np.unique(flat, return_inverse=True)
    place = places[np.repeat(starts[which], repeats) + within]
    keys = (place << 16) | np.repeat(numbers, repeats)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    if not len(keys):
        nothing = np.zeros(0, np.int64)
        return Counts(
            nothing,
            nothing.astype(np.uint32),
            nothing.astype(np.uint16),
            nothing.astype(np.uint8),
            lengths,
        )
    first = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    totals = np.add.reduceat(np.repeat(frequencies, repeats)[order], first)
    keys = keys[first]
    return Counts(
        terms,
        np.bincount(keys >> 16, minlength=len(terms)).astype(np.uint32),
        (keys & 0xFFFF).astype(np.uint16),
        np.minimum(totals, 255).astype(np.uint8),
        lengths,
    )
