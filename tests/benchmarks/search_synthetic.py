"""A synthetic corpus for search: words by Zipf's law, in several scripts."""

import random
import uuid
from collections.abc import Callable
from itertools import accumulate

import numpy as np

from docprogress.store import word_entries

CHUNKS_PER_DOCUMENT = 20
WORDS_PER_CHUNK = 120
QUERIES = 60
_ONSETS = (*"bdfgklmnprstw", "st", "tr", "sch")
_SYLLABLES = [onset + vowel for onset in _ONSETS for vowel in "aeiou"]
_FREQUENT = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "with",
    "on",
    "by",
    "be",
    "this",
    "are",
    "or",
    "at",
]


def vocabulary(draw: random.Random, script: str) -> list[str]:
    """The words of a script, the most frequent ones first."""
    if script == "latin":
        return _FREQUENT + [
            "".join(draw.choices(_SYLLABLES, k=draw.choice((1, 2, 2, 3, 3, 4, 5))))
            for _ in range(200_000)
        ]
    first, last, longest, count = {
        "han": (0x4E00, 0x5A00, 2, 30_000),
        "arabic": (0x0627, 0x0648, 6, 60_000),
        "thai": (0x0E01, 0x0E2E, 4, 20_000),
    }[script]
    return [
        "".join(
            chr(draw.randrange(first, last)) for _ in range(draw.randint(1, longest))
        )
        for _ in range(count)
    ]


class Corpus:
    """Texts of several scripts; every second one is in Latin letters."""

    scripts = ("latin", "latin", "latin", "han", "latin", "arabic", "latin", "thai")

    def __init__(self, seed: int = 1) -> None:
        self.draw = random.Random(seed)
        self._words = {
            script: vocabulary(self.draw, script) for script in set(self.scripts)
        }
        self._numbers = np.random.default_rng(seed)
        self._sums = {
            script: np.array(
                list(accumulate(1 / (rank + 2.7) for rank in range(len(words))))
            )
            for script, words in self._words.items()
        }

    def words(self, script: str, count: int) -> list[str]:
        sums = self._sums[script]
        places = np.searchsorted(sums, self._numbers.random(count) * sums[-1])
        words = self._words[script]
        return [words[place] for place in places.tolist()]

    def text(self, number: int) -> str:
        script = self.scripts[number // CHUNKS_PER_DOCUMENT % len(self.scripts)]
        words = self.words(script, WORDS_PER_CHUNK)
        words.append(f"AX-{number % 50_000} § {number % 900}.")
        return ("" if script in ("han", "thai") else " ").join(words)

    def document(self, number: int) -> list[word_entries.IndexedChunk]:
        first = (number - 1) * CHUNKS_PER_DOCUMENT
        return [
            word_entries.IndexedChunk(
                n + 1, self.text(first + n), "text" if n % 20 else "table"
            )
            for n in range(CHUNKS_PER_DOCUMENT)
        ]

    def queries(self) -> dict[str, tuple[list[str], dict]]:
        """Kinds of queries: the queries, and their filter."""

        def several(make: Callable[[], str]) -> list[str]:
            return [make() for _ in range(QUERIES)]

        def latin(first: int, last: int, count: int) -> Callable[[], str]:
            words = self._words["latin"]
            return lambda: " ".join(
                words[self.draw.randrange(first, min(last, len(words)))]
                for _ in range(count)
            )

        question = latin(30, 20_000, 4)
        mixed = several(lambda: " ".join(self.words("latin", 4)))
        return {
            "a rare word": (several(latin(20_000, 200_000, 1)), {}),
            "a frequent word": (several(latin(19, 40, 1)), {}),
            "words as in texts": (mixed, {}),
            "a question": (several(lambda: f"what is the {question()} of it"), {}),
            "function words only": (several(latin(0, 19, 4)), {}),
            "five frequent words": (several(latin(19, 60, 5)), {}),
            "a code": (several(lambda: f"AX-{self.draw.randrange(50_000)}"), {}),
            "a paragraph sign": (several(lambda: f"§ {self.draw.randrange(900)}"), {}),
            "Han": (several(lambda: "".join(self.words("han", 3))), {}),
            "Thai": (several(lambda: "".join(self.words("thai", 3))), {}),
            "Arabic": (several(lambda: " ".join(self.words("arabic", 3))), {}),
            "no match": (several(lambda: uuid.uuid4().hex), {}),
            "in a case of 2 %": (mixed, {"case_id": "case 7"}),
            "in a case of 0.02 %": (mixed, {"case_id": "small"}),
            "in one document": (mixed, {"names": ["17.pdf"]}),
            "tables": (mixed, {"kind": "table"}),
        }
