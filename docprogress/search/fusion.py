"""Fuse the rankings of words and of vectors into one, by how much the words say.

Words give a passage its share of the best score, vectors the reciprocal of its rank,
1 / (RANK_OFFSET + rank): similarities of different models are not on one scale. A
passage has the weighted sum. How much each part weighs depends on the query
(`part_weights`): where the best passage has all of its words, or its numbers, they
decide; where it has few of them, as for a paraphrase, vectors do. The constants were
chosen by `tests/benchmarks/search.py`, on the half of its questions that is not held
out.

The order does not depend on how many passages are asked for, so that pages of results
continue each other: only the first `WINDOW` of each ranking are summed, and passages
that are in none of these follow by their best rank.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from docprogress.store import Match

#: Differences among the first ranks count less with a greater one.
RANK_OFFSET = 10

#: The weight of vectors where passages have no word of the query; that of words is 1
#: where one has them all.
VECTORS = 2.0
#: The least weight of vectors, which orders what no words order.
LEAST_VECTORS = 0.01
#: The weight of vectors if the query has a number that is a name, and a passage has
#: words of it: vectors know no numbers.
NUMBERS = 1e-4
#: "AX-400", "§ 12", "2.1", "2041", but not "the 3 risks".
_NUMBER = re.compile(r"\d[\d.,/:-]*\d|[^\W\d_]-?\d|[§#] ?\d|\b[A-Z]+ \d")
#: What any passage within the window has, and no passage outside.
LEAST_SCORE = 1e-3

#: The ranks of each ranking that are summed.
WINDOW = 200

Place = tuple[str, int]


class Part(StrEnum):
    """What passages are ranked by."""

    WORDS = "words"
    VECTORS = "vectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Passages as one part of a search found them, best first."""

    part: Part
    matches: Sequence[Match]
    weight: float = 1.0
    #: Whether the matches' scores are those of this part.
    scored: bool = True


@dataclass(slots=True)
class Fused:
    """A passage in the fused order."""

    document_id: str
    number: int
    score: float = 0.0
    words: float | None = None
    vectors: float | None = None

    @property
    def place(self) -> Place:
        return self.document_id, self.number


def fuse(rankings: Iterable[Ranking]) -> list[Fused]:
    """The passages of all rankings, each once, best first.

    The score of a single ranking is its own. That of several is at most 1, for a
    passage that is first in all parts.
    """
    found = [ranking for ranking in rankings if ranking.matches]
    passages: dict[Place, Fused] = {}
    for ranking in found:
        for match in ranking.matches:
            place = match.document_id, match.number
            passage = passages.setdefault(place, Fused(*place))
            if ranking.scored:
                setattr(passage, ranking.part, match.score)
    if len(found) == 1:
        for match in found[0].matches:
            passages[match.document_id, match.number].score = match.score
        return list(passages.values())
    if found:
        _score(found, passages)
    return sorted(passages.values(), key=lambda each: (-each.score, each.place))


def _score(rankings: Sequence[Ranking], passages: dict[Place, Fused]) -> None:
    # Rankings of one part have no passage in common.
    parts: dict[Part, float] = {}
    for ranking in rankings:
        parts[ranking.part] = max(ranking.weight, parts.get(ranking.part, 0))
    share = (1 - LEAST_SCORE) / sum(parts.values())
    within: set[Place] = set()
    for ranking in rankings:
        for value, match in zip(_values(ranking), ranking.matches, strict=False):
            place = match.document_id, match.number
            passages[place].score += ranking.weight * value * share
            within.add(place)
    for place in within:
        passages[place].score += LEAST_SCORE
    for ranking in rankings:
        for rank, match in enumerate(ranking.matches[WINDOW:], WINDOW + 1):
            place = match.document_id, match.number
            if place not in within:
                outside = LEAST_SCORE * WINDOW / rank
                passages[place].score = max(passages[place].score, outside)


def _values(ranking: Ranking) -> Iterator[float]:
    """The values of the passages within the window, at most 1."""
    matches = ranking.matches[:WINDOW]
    if ranking.part == Part.WORDS and matches[0].score > 0:
        best = matches[0].score
        return (match.score / best for match in matches)
    return ((RANK_OFFSET + 1) / (RANK_OFFSET + at) for at in range(1, len(matches) + 1))


def part_weights(query: str, share: float) -> tuple[float, float]:
    """The weights of words and of vectors.

    Args:
        query: The query.
        share: Which share of it the best passage has: its score of words, by that of
            a passage with all of them.
    """
    share = min(max(share, 0.0), 1.0)
    if share and _NUMBER.search(query):
        return 1.0, NUMBERS
    return share, max(LEAST_VECTORS, VECTORS * (1 - share))
