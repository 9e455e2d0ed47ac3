"""The words of a query, each with the terms by which it is found."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from docprogress.words import terms
from docprogress.words.folding import fold
from docprogress.words.stems import stem
from docprogress.words.stop_words import STOP_WORDS
from docprogress.words.tokens import SIGNS, clusters, tokens, unspaced

#: The maximum number of characters and words of a query that are considered.
_MOST_CHARACTERS = 4096
MOST_WORDS = 64
_KANA = re.compile("[\u3040-\u309f]")
_FUNCTION_SIGNS = frozenset("的了是在和与與或之其为為以及等被把将將对對于於中也都")
_SPELLED_OUT = {ord("ü"): "ue", ord("ö"): "oe", ord("ä"): "ae"}
_UMLAUTS = (("ue", "u"), ("oe", "o"), ("ae", "a"))
#: What is written in quotation marks is meant as it is.
_QUOTED = re.compile('["“„”«»‹›]([^"“„”«»‹›]+)["“”«»‹›]')
#: How much another spelling weighs that is searched for besides.
_ALSO = 0.3
_EXACT, _STEM, _SPELLING, _PARTS = 0.5, 0.5, 0.3, 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word of a query."""

    #: Hashes of terms, with their weights. Texts that have enough of them have the
    #: word.
    terms: tuple[tuple[int, float], ...]
    #: How many of `terms` a text must have.
    needed: int = 1
    #: Hashes of the parts of a code. A text that has all of them has the code too.
    parts: tuple[int, ...] = ()
    #: How much the parts weigh together.
    parts_weight: float = _PARTS
    #: The word, folded, and as it is written, if its spelling may be corrected.
    plain: str = ""
    written: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """What is searched for instead of a word of a query, or besides."""

    #: As the query has it.
    word: str
    #: The words that are searched for, the likeliest first.
    used: tuple[str, ...]
    #: Whether the word itself is searched for as well.
    also: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """The words of a query."""

    words: tuple[Wanted, ...]

    def __bool__(self) -> bool:
        return bool(self.words)


@lru_cache(maxsize=64)
def parse(text: str) -> Query:
    """Find the words of a query. Frequent ones only count where there are no others."""
    found: dict[str, Wanted] = {}
    frequent: dict[str, Wanted] = {}
    text = text[:_MOST_CHARACTERS]
    quoted = {token for part in _QUOTED.findall(text) for token in tokens(part)}
    for token in tokens(text):
        folded = fold(token)
        if len(found) >= MOST_WORDS:
            break
        into = frequent if folded in STOP_WORDS else found
        if folded and folded not in into and len(into) < MOST_WORDS:
            wanted = _run(token) if unspaced(token) else _word(token)
            if wanted is not None and token in quoted:
                wanted = replace(wanted, plain="")
            if wanted is not None:
                into[folded] = wanted
    return Query(tuple((found or frequent).values()))


def corrected(word: Wanted, correction: Correction) -> Wanted:
    """What a corrected word asks for."""
    weights = dict(word.terms) if correction.also else {}
    for rank, used in enumerate(correction.used):
        forms = _forms(fold(used).replace("'", ""), used)
        share = _ALSO if correction.also else 1 / (1 + rank)
        for term, weight in forms.terms if forms else ():
            weights[term] = max(weight * share, weights.get(term, 0.0))
    return Wanted(tuple(weights.items()), plain=word.plain, written=word.written)


def corrected_text(query: str, corrections: Iterable[Correction]) -> str:
    """A query with the likeliest words instead of those that nothing has."""
    likeliest = {each.word: each.used[0] for each in corrections if not each.also}
    return re.sub(r"\w+", lambda word: likeliest.get(word[0], word[0]), query)


def _word(token: str) -> Wanted | None:
    if len(token) > terms.LONGEST:
        parts = sorted(terms.token_terms(token))[:MOST_WORDS]
        return Wanted((), parts=tuple(map(terms.hashed, parts))) if parts else None
    if token[-1] in "+#" and token[:1] not in SIGNS:
        return Wanted(((terms.hashed(fold(token)), 1.0),))
    code = terms.code(token)
    if code is None:
        return _forms(fold(token).replace("'", ""), token)
    wholes = [(terms.hashed(whole), 1.0) for whole in code.wholes]
    if all(part.isdigit() for part in code.parts):
        # The parts of a number mean nothing.
        return Wanted(tuple(wholes))
    if len(code.wholes) == 1 and not code.parts:
        return Wanted(tuple(wholes))
    return Wanted(tuple(wholes), parts=tuple(map(terms.hashed, code.parts)))


def _forms(word: str, written: str) -> Wanted | None:
    word = word[: terms.LONGEST]
    if not word:
        return None
    short = stem(word)
    weights = {word: 1.0}
    if short != word:
        weights = {word: _EXACT, short: _STEM}
    for other in _spellings(word, written):
        weights.setdefault(other, _SPELLING)
        weights.setdefault(stem(other), _SPELLING)
    return Wanted(
        tuple((terms.hashed(term), w) for term, w in weights.items()),
        plain=word if word.isalpha() else "",
        written=written,
    )


def _spellings(word: str, written: str) -> list[str]:
    """Other spellings of a word with umlauts: "Kuendigung", "Kündigung"."""
    found = word
    for long, short in _UMLAUTS:
        found = found.replace(long, short)
    spelled = written.casefold().translate(_SPELLED_OUT)
    return [other for other in (found, fold(spelled)) if other != word]


def _run(token: str) -> Wanted | None:
    """The pairs of letters of a run of an unspaced script."""
    letters = [fold(letter) for letter in clusters(token)]
    if not letters:
        return None
    if len(letters) == 1:
        return Wanted(((terms.hashed(letters[0]), 1.0),))
    pairs = list(dict.fromkeys(pairwise(letters)))
    grammar = [_grammar(*pair) for pair in pairs]
    distinctive = [
        pair for pair, rank in zip(pairs, grammar, strict=True) if rank == min(grammar)
    ]
    found = tuple((terms.hashed(a + b), 1.0) for a, b in distinctive[:MOST_WORDS])
    share, most = (0.5, 2) if unspaced(token) == "ideographs" else (0.6, 3)
    return Wanted(found, needed=min(math.ceil(share * len(found)), most))


def _grammar(left: str, right: str) -> int:
    """How much of a pair is grammar, such as the inflections of Japanese."""
    return sum(
        bool(_KANA.match(sign)) or sign in _FUNCTION_SIGNS for sign in left + right
    )
