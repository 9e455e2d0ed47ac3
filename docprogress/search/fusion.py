"""Fuse the rankings of words and of vectors into one: reciprocal rank fusion.

Each ranking gives the passage at rank r the value weight / (RANK_OFFSET + r), and a
passage has the sum of its values (Cormack, Clarke, Büttcher: "Reciprocal Rank Fusion
outperforms Condorcet and individual Rank Learning Methods", SIGIR 2009).

The order does not depend on how many passages are asked for, so that pages of results
continue each other: only the first `WINDOW` of each ranking are summed, and passages
that are in none of these follow by their best rank.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from docprogress.store import Match

#: The constant of the paper; differences among the first ranks count less with it.
RANK_OFFSET = 60

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
    parts = {ranking.part: ranking.weight for ranking in rankings}
    total = sum(parts.values())
    least = min(parts.values())
    for ranking in rankings:
        for rank, match in enumerate(ranking.matches, 1):
            passage = passages[match.document_id, match.number]
            if rank <= WINDOW:
                passage.score += _value(rank, ranking.weight) / total
    for ranking in rankings:
        for rank, match in enumerate(ranking.matches[WINDOW:], WINDOW + 1):
            passage = passages[match.document_id, match.number]
            # Less than that of any passage within the window.
            passage.score = max(passage.score, _value(rank, least) / total)


def _value(rank: int, weight: float) -> float:
    return weight * (RANK_OFFSET + 1) / (RANK_OFFSET + rank)
