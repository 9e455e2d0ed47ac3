"""Score how probable a text is in a language.

A score is the natural logarithm of the probability of the text, so that the scores of
two decodings of the same bytes compare, however many characters each has.
"""

import unicodedata
from collections import Counter
from functools import lru_cache
from operator import add
from typing import NamedTuple

from docprogress.steps.encodings.models import (
    BROKEN,
    COMMON_SYMBOL,
    FOREIGN,
    IMPOSSIBLE,
    MIXED,
    ODD_CAPITAL,
    PLAIN,
    UNKNOWN_SYMBOL,
    character_model,
    pair_model,
)

#: What an English word costs in another language.
QUOTED = -2.0

EAST_ASIAN_LANGUAGES = ("ja", "ko", "zh", "zh-tw")

#: Languages that are not written in Latin letters.
OTHER_ALPHABETS = (
    *("ru", "uk", "bg", "sr", "mk", "be", "el", "he", "ar", "fa", "ur", "th"),
    *EAST_ASIAN_LANGUAGES,
)

#: The beginning of East Asian characters.
EAST_ASIAN = "\u2e80"

_COMMON = frozenset(
    "«»‹›„“”‚‘’–—…€£°§·•¿¡№\u00a0\u00ad©®™²³½¼¾×ªº"  # noqa: RUF001
    "「」『』、。・（）！？：；，《》〈〉【】～．\u3000ー々"  # noqa: RUF001
)
#: Symbols that stand within words: apostrophes, joiners, the Catalan dot.
_WITHIN_WORDS = frozenset("\u2019·\u00ad\u200c\u200d")
_FOLDED = str.maketrans("șțی", "şţي")


class Features(NamedTuple):
    """What of a text is scored, whatever its language."""

    #: Words of ASCII letters alone, in small letters.
    words: Counter[str]
    #: Pairs of letters of other words; a space stands for whatever separates words.
    pairs: Counter[str]
    characters: Counter[str]
    #: The score of everything else.
    rest: float


def features(text: str, *, compose: bool = False) -> Features:
    """Take a text apart.

    Args:
        text: The text.
        compose: Whether it has letters and their accents apart.
    """
    if compose:
        text = unicodedata.normalize("NFC", text)
    rest = 0.0
    characters: Counter[str] = Counter()
    # What each character is: a letter, a capital, or something else.
    plain: dict[int, str] = {}
    case: dict[int, str] = {}
    for character, count in Counter(text).items():
        code = ord(character)
        plain[code] = case[code] = " "
        if _is_east_asian(character):
            characters[character] = count
            case[code] = "C"
        elif _is_letter(character):
            plain[code] = character.lower()
            case[code] = "l" if character.islower() else "."
            if character.isupper():
                case[code] = "U"
                rest -= count
        else:
            rest += count * other(character)
            if character > "\x7f" and character not in _WITHIN_WORDS:
                case[code] = "S"
    cases = text.translate(case)
    rest += cases.count("lU") * ODD_CAPITAL
    rest += cases.count("lSl") * BROKEN
    rest += (cases.count("lC") + cases.count("Cl")) * MIXED
    letters = text.translate(plain).translate(_FOLDED).split()
    words = Counter(word for word in letters if word.isascii())
    joined = f" {' '.join(word for word in letters if not word.isascii())} "
    pairs = Counter(map(add, joined, joined[1:]))
    pairs.pop("  ", None)
    return Features(words, pairs, characters, rest)


def _is_east_asian(character: str) -> bool:
    return character >= EAST_ASIAN and character.isalpha() and character not in _COMMON


def _is_letter(character: str) -> bool:
    """Whether a character belongs to a word: a letter, or a mark on one."""
    return (
        character.isalpha()
        or "\u0300" <= character <= "\u036f"
        or "\u0e00" < character < "\u0e4f"
        or "\u064b" <= character <= "\u0652"
    )


def other(character: str) -> float:
    """The score of a character that is no letter."""
    if character > "\x7f":
        return symbol(character)
    if character > " ":
        return PLAIN
    return 0.0 if character in "\t\n\r " else IMPOSSIBLE


def symbol(character: str) -> float:
    """The score of a character that is neither ASCII nor a letter."""
    if character in _COMMON:
        return COMMON_SYMBOL
    kind = unicodedata.category(character)
    if kind in ("Cc", "Cn", "Co", "Cs") or character == "\ufffd":
        return IMPOSSIBLE
    if "\uff01" <= character <= "\uff5e" or "\u3000" <= character <= "\u303f":
        return COMMON_SYMBOL - 2
    return UNKNOWN_SYMBOL


def score(found: Features, language: str) -> float:
    """The score of a text in a language, which may quote English."""
    total = found.rest + _words(found.words, language)
    if language in EAST_ASIAN_LANGUAGES:
        total += character_model(language).score(found.characters)
        return total + pair_model("en").score(found.pairs)
    total += FOREIGN * found.characters.total()
    return total + pair_model(language).score(found.pairs)


def _words(words: Counter[str], language: str) -> float:
    """The score of words of ASCII letters."""
    spoken = "en" if language in OTHER_ALPHABETS else language
    return sum(count * word_score(word, spoken) for word, count in words.items())


@lru_cache(maxsize=20_000)
def word_score(word: str, language: str) -> float:
    """The score of a word in a language, or in English if that is better."""
    text = f" {word} "
    pairs = Counter(map(add, text, text[1:]))
    own = pair_model(language).score(pairs)
    if language == "en":
        return own
    return max(own, pair_model("en").score(pairs) + QUOTED)
