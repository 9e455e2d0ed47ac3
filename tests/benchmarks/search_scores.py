"""How good rankings are: nDCG@10 and recall@5, by language and group of questions."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from search_truth import GROUPS, LANGUAGES, Question

Place = tuple[str, int]
Search = Callable[[str], Sequence[Place]]
DEPTH = 10
RECALLED = 5
#: Hybrid counts as at least as good if no more than this is missing: rounding.
TOLERANCE = 0.0005
#: How often the questions of a group are drawn again.
SAMPLES = 4000
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


@dataclass(frozen=True)
class Loss:
    """By how much nDCG hybrid is worse than the better of its parts."""

    missing: float
    #: The bounds that 95 of 100 samples of these questions are within.
    least: float
    most: float

    def __str__(self) -> str:
        chance = "; may be chance" if self.least <= 0 else ""
        return f"{self.missing:.3f} ({self.least:+.3f} to {self.most:+.3f}{chance})"


def losses(
    hybrid: Scores, parts: Sequence[Scores], *, held_out: bool | None
) -> dict[tuple[str, str], Loss]:
    """Where hybrid is worse than the better of its parts."""
    found: dict[tuple[str, str], Loss] = {}
    for language in (*LANGUAGES, "all"):
        for group in GROUPS:
            wanted = _wanted(language, group, held_out=held_out)
            best = max(parts, key=lambda part: part.mean(wanted)[0])
            pairs = zip(best.by_question, hybrid.by_question, strict=True)
            missing = np.array([b[1] - h[1] for b, h in pairs if wanted(b[0])])
            if missing.mean() > TOLERANCE:
                found[language, group] = _with_bounds(missing)
    return found


def _with_bounds(missing: NDArray[np.float64]) -> Loss:
    """A paired bootstrap: the questions are drawn again, with what each is missing."""
    draw = np.random.default_rng(0)
    means = draw.choice(missing, (SAMPLES, len(missing))).mean(axis=1)
    least, most = np.percentile(means, [2.5, 97.5])
    return Loss(float(missing.mean()), float(least), float(most))


def _wanted(
    language: str, group: str, *, held_out: bool | None
) -> Callable[[Question], bool]:
    return lambda question: (
        language in (question.language, "all")
        and question.group == group
        and held_out in (question.held_out, None)
    )
