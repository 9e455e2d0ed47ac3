"""Split texts into tokens: words, codes and numbers, and runs of unspaced scripts.

Tokens are parts of the original text, so that they can be marked in it.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import chain

#: Scripts with many letters, whose words are joined to others: kana, Han, Hangul.
_IDEOGRAPHIC = (
    "\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
#: Scripts with few letters and without spaces: Thai, Lao, Myanmar, Khmer.
_ALPHABETIC = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_FIRST_UNSPACED = "\u0e00"
UNSPACED = _IDEOGRAPHIC + _ALPHABETIC

#: Join the parts of a code or a compound: "AX-400", "2.1", "e-mail", "don't".
JOINERS = "\\-\u2010-\u2014\u2212\uff0d._/:@&'\u2019\u02bc"
#: Join the digits of a number besides: "12,500", and spaces of fixed width.
_DIGIT_JOINERS = ",\u00a0\u2009\u202f\u066b\u066c"
#: Signs that belong to the number that follows.
SIGNS = "§¶#№"

_MARKS = ("Mn", "Mc")
#: Where marks are: in scripts, and at the end of what is assigned.
_MARKED = range(0x300, 0x1F000), range(0xE0100, 0xE01F0)
#: The voiced sound marks of half-width kana, and signs that are not written.
_VOICED = "\uff9e\uff9f\u200b\u200c\u200d\u00ad\u0640\u2060"

# Kana, Han and Hangul without marks.
_PLAIN_RUN = re.compile(
    "[\u3005-\u3007\u3041-\u3096\u30a1-\u30ff\u3400-\u9fff\uac00-\ud7a3]+"
)

_ASCII = re.compile(
    r"[^\W_]+(?:(?:[-._/:@&']|(?<=[0-9]),(?=[0-9]))[^\W_]+)*(?:\+\+|#(?!\w))?"
    r"|#[0-9]+",
    re.ASCII,
)
_SIGNED = f"[{SIGNS}]+(?:[ \u00a0\u2009\u202f]?\\d(?:[\\w.]*\\w)?)?"
#: Texts without marks and in scripts with spaces, which most texts are: Latin, Greek,
#: Cyrillic, punctuation, currencies, symbols, private use, ligatures.
_SIMPLE_TEXT = re.compile(
    "[\0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u205f\u20a0-\u20bf"
    "\u2100-\u2bff\ue000-\uf8ff\ufb00-\ufb06\ufffd]*"
)
_SIMPLE = re.compile(
    f"[^\\W_]+(?:(?:[{JOINERS}]|(?<=\\d)[{_DIGIT_JOINERS}](?=\\d))[^\\W_]+)*"
    f"(?:\\+\\+|#(?!\\w))?|{_SIGNED}"
)


@cache
def _pattern() -> re.Pattern[str]:
    """Compiling it takes a while; ASCII does not need it."""
    marks = _ranges(
        code
        for code in chain.from_iterable(_MARKED)
        if unicodedata.category(chr(code)) in _MARKS
    )
    marks += "\u00ad\u0640\u200b-\u200d\u2060"
    letters = f"(?:[^\\W_{UNSPACED}][{marks}]*)+"
    joined = (
        f"{letters}(?:(?:[{JOINERS}]|(?<=\\d)[{_DIGIT_JOINERS}](?=\\d)){letters})*"
        "(?:\\+\\+|#(?!\\w))?"
    )
    return re.compile(
        f"(?P<ideographs>[{_IDEOGRAPHIC}][{_IDEOGRAPHIC}{marks}]*)"
        f"|(?P<alphabet>[{_ALPHABETIC}][{_ALPHABETIC}\u200b-\u200d]*)"
        f"|{_SIGNED}"
        f"|{joined}"
    )


def tokens(text: str) -> list[str]:
    """The tokens of a text."""
    pattern = _pattern_of(text)
    if pattern.groups:
        return [found[0] for found in pattern.finditer(text)]
    found: list[str] = pattern.findall(text)
    return found


def spans(text: str) -> list[tuple[int, int]]:
    """Where the tokens of a text begin and end."""
    return [found.span() for found in _pattern_of(text).finditer(text)]


def _pattern_of(text: str) -> re.Pattern[str]:
    """The quickest pattern that finds the tokens of a text."""
    if text.isascii():
        return _ASCII
    return _SIMPLE if _SIMPLE_TEXT.fullmatch(text) else _pattern()


def unspaced(token: str) -> str | None:
    """The group of scripts of a token without spaces; None if it is a word."""
    if token.isascii() or max(token) < _FIRST_UNSPACED:
        return None
    found = _pattern().match(token)
    return found.lastgroup if found else None


def clusters(run: str) -> list[str]:
    """The letters of a run of an unspaced script, each with its marks."""
    if _PLAIN_RUN.fullmatch(run):
        return list(run)
    found: list[str] = []
    for sign in run:
        if found and (unicodedata.category(sign) in _MARKS or sign in _VOICED):
            found[-1] += sign
        else:
            found.append(sign)
    return found


def _ranges(codes: Iterable[int]) -> str:
    """Code points as ranges of a regular expression."""
    found: list[list[int]] = []
    for code in codes:
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in found)
