"""Models of languages: how probable each letter is after another, or each character.

`tests/benchmarks/train_encodings.py` makes them.
"""

import json
import math
from collections import Counter, defaultdict
from functools import cache
from importlib.resources import files
from typing import Any

#: Natural logarithms of the probability of what a model does not know.
UNKNOWN_LETTER = -11.0
UNKNOWN_SYMBOL = -14.0
COMMON_SYMBOL = -7.0
IMPOSSIBLE = -30.0
#: Of a capital letter after a small one, and of ASCII other than letters.
ODD_CAPITAL = -5.0
PLAIN = -3.0
#: Of an East Asian character beside a small Latin letter.
MIXED = -3.0
#: A symbol between two small letters.
BROKEN = -4.0
#: A character of another script than the language's.
FOREIGN = -16.0


class PairModel:
    """Letters of an alphabet, each by the letter before it."""

    def __init__(self, levels: dict[str, str]) -> None:
        joint: dict[str, float] = {}
        for level, grams in levels.items():
            share = 2 ** (-int(level) / 2)
            for place in range(0, len(grams), 2):
                joint[grams[place : place + 2]] = share
        first: defaultdict[str, float] = defaultdict(float)
        for gram, share in joint.items():
            first[gram[0]] += share
        self._letters = {
            letter: share for letter, share in first.items() if letter != " "
        }
        self._scores = {
            gram: math.log(
                0.95 * share / first[gram[0]] + 0.05 * first.get(gram[1], 1e-5)
            )
            for gram, share in joint.items()
        }

    def score(self, pairs: "Counter[str]") -> float:
        """The logarithm of a text's probability, by its pairs of letters."""
        scores, letters = self._scores, self._letters
        total = 0.0
        for pair, count in pairs.items():
            known = scores.get(pair)
            if known is None:
                letter = pair[1]
                if letter in letters:
                    known = max(math.log(letters[letter]) - 4.0, UNKNOWN_LETTER)
                elif letter == " ":
                    known = -6.0
                else:
                    known = UNKNOWN_LETTER if letter.isascii() else FOREIGN
            total += count * known
        return total


class CharacterModel:
    """Characters of a language that has thousands of them."""

    def __init__(self, levels: dict[str, str]) -> None:
        self._scores = {
            character: -int(level) / 2 * math.log(2)
            for level, characters in levels.items()
            for character in characters
        }

    def score(self, characters: "Counter[str]") -> float:
        """The logarithm of the probability of some characters."""
        scores = self._scores
        return sum(
            count * scores.get(character, UNKNOWN_SYMBOL + _rarity(character))
            for character, count in characters.items()
        )


@cache
def _data() -> dict[str, Any]:
    path = files("docprogress.steps.encodings") / "models.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@cache
def pair_model(language: str) -> PairModel:
    """The model of a language with an alphabet."""
    return PairModel(_data()[language]["pairs"])


@cache
def character_model(language: str) -> CharacterModel:
    """The model of a language with thousands of characters."""
    return CharacterModel(_data()[language]["characters"])


def _rarity(character: str) -> float:
    return 0.0 if character.isalpha() else IMPOSSIBLE / 2
