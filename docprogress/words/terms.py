"""The terms of texts, by which tokens are found, as 63-bit hashes."""

import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import mmh3

from docprogress.words import compounds
from docprogress.words.folding import fold
from docprogress.words.stems import stem
from docprogress.words.tokens import (
    JOINERS,
    SIGNS,
    UNSPACED,
    clusters,
    tokens,
    unspaced,
)

#: Longer tokens are not kept in memory, and not searched for as a whole.
LONGEST = 64
_KEPT = 1 << 15
_MOST_PARTS = 32
_JOINED = re.compile(f"[{JOINERS},\u00a0\u2009\u202f\u066b\u066c]+")
_ATOMS = re.compile(r"\d+|[^\W\d_]+")
_MOST_ATOMS = 4
_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+(?:\.\d{1,2})?")
_DECIMAL = re.compile(r"\d+\.\d{1,2}")
#: Tokens can have spaces after these signs and around digits. Some scripts have none.
_NOT_SPACED = re.compile(f"[{SIGNS}\u00a0\u2009\u202f{UNSPACED}]")

#: Characters of headings that are considered.
_MOST_OF_HEADINGS = 2000

#: The term of all chunks that are not plain text.
OTHER_KIND = "\0kind:"


class Code(NamedTuple):
    """A token that joins several words or numbers."""

    #: The forms of the whole, the most exact one first.
    wholes: tuple[str, ...]
    parts: tuple[str, ...]


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
    body = folded = fold(token).strip()
    sign = folded[:1] if folded[:1] in SIGNS else ""
    if sign:
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
        plain = part.isascii() and (part.isalpha() or part.isdecimal())
        if not plain and (inner := code(part)):
            terms |= {*inner.wholes, *inner.parts}
    return terms - {""}


def term_hashes(token: str, *, split: bool) -> tuple[int, ...]:
    """The hashes of a token's terms; `known` keeps them."""
    if not split and len(token) <= LONGEST and token.isascii() and token.isalnum():
        # Most tokens are plain words and numbers.
        if token.isalpha():
            word = token.lower()
            short = stem(word)
            return (hashed(word),) if short == word else (hashed(word), hashed(short))
        if token.isdecimal():
            return (hashed(token),)
    return tuple({hashed(term) for term in token_terms(token, split=split)})


def grams(run: str) -> list[str]:
    """The letters of a run of an unspaced script, and its pairs."""
    letters = clusters(run)
    return letters + ["".join(pair) for pair in pairwise(letters)]


def kind_terms(kind: str | None) -> tuple[str, ...]:
    """The terms of a chunk's kind, which no text has; none for plain text."""
    return () if kind in (None, "text") else (OTHER_KIND, f"{OTHER_KIND}{kind}")


def heading_tokens(headings: Sequence[str]) -> tuple[str, ...]:
    """The tokens of the headings above a chunk."""
    return tuple(units("\n".join(headings)[:_MOST_OF_HEADINGS]))


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
        found = term_hashes(token, split=self._split)
        if len(token) <= LONGEST:
            if len(self) >= _KEPT:
                self.clear()
            self[token] = found
        return found


#: Without and with parts of compounds.
_known = _Hashes(split=False), _Hashes(split=True)


class _Tokens(dict[str, tuple[str, ...]]):
    """The tokens of what stands between spaces, each found when it is asked for."""

    def __missing__(self, word: str) -> tuple[str, ...]:
        found = tuple(tokens(word))
        if len(word) <= LONGEST:
            if len(self) >= _KEPT:
                self.clear()
            self[word] = found
        return found


_tokens = _Tokens()


def spaced(text: str) -> list[str] | None:
    """The parts of a text between spaces; None if tokens may have spaces.

    It is None for scripts without spaces, too.
    """
    if text.isascii() or not _NOT_SPACED.search(text):
        return text.lower().split()
    return None


def units(text: str) -> Iterable[str]:
    """The tokens of a text, with runs of unspaced scripts as letters and pairs."""
    if (words := spaced(text)) is not None:
        # Few words are new.
        return chain.from_iterable(map(_tokens.__getitem__, words))
    found: list[str] = []
    for token in tokens(text.lower()):
        if token.isascii() or not unspaced(token):
            found.append(token)
        else:
            found += grams(token)
    return found
