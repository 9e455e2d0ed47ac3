"""A public truth for search: which of fifty news texts people find similar.

Lee, Pincombe and Welsh, "An empirical evaluation of models of text document
similarity" (2005): 50 texts in English, each pair judged by about ten people. The
wheel of gensim carries it for its tests; nothing of gensim is imported. The question
is a text's first sentence; what is wanted are the other texts, by their similarity.
"""

import math
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from search_truth import Truth

DEPTH = 10
#: What people give to texts that have nothing in common: 1 of 5 points.
NOTHING = 0.2
_SENTENCE = re.compile(r"(?<=[.?!]) ")

Place = tuple[str, int]


def files() -> Path | None:
    """The folder of the truth, if gensim is installed."""
    spec = find_spec("gensim")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0], "test", "test_data")


def read(folder: Path) -> tuple[Truth, list[list[float]]]:
    """The texts, a document each, and how similar people find each pair of them."""
    made = Truth()
    texts = (folder / "lee.cor").read_text("latin-1").split("\n")
    for number, text in enumerate(filter(None, texts)):
        made.documents[f"{number}.md"] = [text]
        made.languages[f"{number}.md"] = "en"
    lines = (folder / "similarities0-1.txt").read_text("utf-8").split("\n")
    return made, [
        [max(0.0, float(value) - NOTHING) for value in line.split()]
        for line in lines
        if line
    ]


def score(
    search: Callable[[str], Sequence[Place]],
    made: Truth,
    similar: list[list[float]],
) -> float:
    """nDCG@10, with people's similarity as the gain."""
    total = 0.0
    for number, texts in enumerate(made.documents.values()):
        gains = [similar[min(number, other)][max(number, other)] for other in range(50)]
        question = _SENTENCE.split(texts[0])[0]
        found = [int(name.partition(".")[0]) for name, _ in search(question)]
        others = [gains[other] for other in found if other != number]
        best = sorted((g for at, g in enumerate(gains) if at != number), reverse=True)
        total += _discounted(others) / _discounted(best)
    return total / len(made.documents)


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains[:DEPTH], 1))
