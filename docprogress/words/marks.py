"""Where the words of a query are in a text."""

from docprogress.words import terms
from docprogress.words.folding import fold
from docprogress.words.query import Query, parse
from docprogress.words.tokens import clusters, spans, unspaced


def matches(text: str, query: str | Query) -> list[tuple[int, int]]:
    """The places in a text that a query found, in order: (start, end)."""
    parsed = parse(query) if isinstance(query, str) else query
    wanted = {term for word in parsed.words for term, _ in word.terms}
    wanted |= {term for word in parsed.words for term in word.parts}
    if not wanted:
        return []
    found: list[tuple[int, int]] = []
    for start, end in spans(text):
        token = text[start:end]
        if unspaced(token):
            found += _in_run(token, start, wanted)
        elif not wanted.isdisjoint(terms.known(token.lower(), split=True)):
            found.append((start, end))
    return found


def _in_run(token: str, start: int, wanted: set[int]) -> list[tuple[int, int]]:
    letters = clusters(token)
    folded = [fold(letter) for letter in letters]
    ends = []
    place = start
    for letter in letters:
        place += len(letter)
        ends.append(place)
    found: list[tuple[int, int]] = []
    for at, letter in enumerate(folded):
        first = ends[at] - len(letters[at])
        last = first
        if terms.hashed(letter) in wanted:
            last = ends[at]
        if at + 1 < len(folded) and terms.hashed(letter + folded[at + 1]) in wanted:
            last = ends[at + 1]
        if last > first:
            if found and found[-1][1] >= first:
                found[-1] = (found[-1][0], max(last, found[-1][1]))
            else:
                found.append((first, last))
    return found
