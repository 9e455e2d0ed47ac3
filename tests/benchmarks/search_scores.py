"""How good rankings are: nDCG@10 and recall@5, by language and group of questions."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from search_truth import GROUPS, LANGUAGES, Question

Place = tuple[str, int]
Search = Callable[[str], Sequence[Place]]
DEPTH = 10
RECALLED = 5
#: Hybrid counts as at least as good if no more than this is missing: rounding.
TOLERANCE = 0.0005
_HALVES = {False: "tuned half", True: "held-out half", None: "all questions"}


def ndcg(found: Sequence[Place], answers: frozenset[Place]) -> float:
    gained = sum(
        1 / math.log2(rank + 1)
        for rank, place in enumerate(found[:DEPTH], 1)
        if place in answers
    )
    best = sum(
        1 / math.log2(rank + 1) for rank in range(1, min(len(answers), DEPTH) + 1)
    )
    return gained / best


def recall(found: Sequence[Place], answers: frozenset[Place]) -> float:
    return len(answers.intersection(found[:RECALLED])) / min(len(answers), RECALLED)


@dataclass
class Scores:
    """The scores of one system."""

    #: nDCG and recall of each question, in the order of the questions.
    by_question: list[tuple[Question, float, float]] = field(default_factory=list)

    def mean(self, wanted: Callable[[Question], bool]) -> tuple[float, float]:
        rows = [row for row in self.by_question if wanted(row[0])]
        return (
            sum(row[1] for row in rows) / len(rows),
            sum(row[2] for row in rows) / len(rows),
        )


def scores(search: Search, questions: Iterable[Question]) -> Scores:
    made = Scores()
    for question in questions:
        found = search(question.text)
        row = question, ndcg(found, question.answers), recall(found, question.answers)
        made.by_question.append(row)
    return made


def table(systems: dict[str, Scores], *, held_out: bool | None) -> str:
    """A row for each language and group, a column for each system."""
    width = max(map(len, systems)) + 2
    lines = [
        _HALVES[held_out].ljust(18)
        + "".join(name.rjust(max(width, 12)) for name in systems)
    ]
    for language in (*LANGUAGES, "all"):
        for group in GROUPS:
            cells = [
                found.mean(_wanted(language, group, held_out=held_out))
                for found in systems.values()
            ]
            lines.append(
                f"{language:4}{group:14}"
                + "".join(f"{n:.3f} {r:.3f}".rjust(max(width, 12)) for n, r in cells)
            )
    return "\n".join(lines)


def losses(
    hybrid: Scores, parts: Sequence[Scores], *, held_out: bool | None
) -> dict[tuple[str, str], float]:
    """Where hybrid is worse than the better of its parts, and by how much nDCG."""
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for language in (*LANGUAGES, "all"):
        for group in GROUPS:
            wanted = _wanted(language, group, held_out=held_out)
            best = max(part.mean(wanted)[0] for part in parts)
            missing = best - hybrid.mean(wanted)[0]
            if missing > TOLERANCE:
                found[language, group] = missing
    return dict(found)


def _wanted(
    language: str, group: str, *, held_out: bool | None
) -> Callable[[Question], bool]:
    return lambda question: (
        language in (question.language, "all")
        and question.group == group
        and held_out in (question.held_out, None)
    )
