"""Split texts into the words by which they are compared."""

import re
import unicodedata
from functools import cache
from itertools import pairwise

#: Scripts without spaces between words, or with words joined to others:
#: Thai, Lao, Myanmar, Khmer, kana, Han, Hangul.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
#: Arabic vowel signs and tatweel, which most writers leave out.
_ARABIC_SIGNS = re.compile("[\u0610-\u061a\u0640\u064b-\u065f\u0670]")


def _marks() -> str:
    """All combining marks, which regular expressions do not count as letters."""
    return "".join(
        sign
        for sign in map(chr, range(0x300, 0x10000))
        if unicodedata.category(sign) in ("Mn", "Mc")
    )


# For `str.translate`: lower-case letters and digits, and spaces for all else.
_ASCII_LETTERS = "".join(
    sign.lower() if sign.isalnum() else " " for sign in map(chr, range(128))
)
# Common punctuation and symbols beyond ASCII: quotes, dashes, bullets, arrows,
# operators, boxes. Letters and digits in these ranges are left out.
_SYMBOLS = re.compile(
    "[\u00a0-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    "\u2010-\u2027\u2030-\u205e\u2190-\u22ff\u2500-\u25ff]"
)
_PAIR = 2
_UNSPACED_ONLY = re.compile(f"[{_UNSPACED}]+")
_PLAIN_WORD = re.compile(r"[^\W_]{2,}")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of what is not plain, and of a word.

    They take a sixth of a second to compile; ASCII needs neither.
    """
    marks = _marks()
    not_plain = rf"[\u0640{_UNSPACED}{marks}]"
    word = rf"(?P<unspaced>[{_UNSPACED}]+)|(?:[^\W_{_UNSPACED}][{marks}]*){{2,}}"
    return re.compile(not_plain), re.compile(word)


def words(text: str) -> list[str]:
    """The words of a text, with case folded and characters normalised."""
    if not text.isascii():
        text = _SYMBOLS.sub(" ", text)
    if text.isascii():
        return [w for w in ascii_words(text) if len(w) > 1]
    text = unicodedata.normalize("NFKC", text).casefold()
    not_plain, word_pattern = _patterns()
    if not not_plain.search(text):
        # Sufficient for most texts, and five times faster.
        return _PLAIN_WORD.findall(text)
    text = _ARABIC_SIGNS.sub("", text)
    found: list[str] = []
    for word in word_pattern.finditer(text):
        if word.lastgroup:
            found += word[0]
            found += map("".join, pairwise(word[0]))
        else:
            found.append(word[0])
    return found


def has_unspaced(text: str) -> bool:
    """Whether some of a text is in a script without spaces between words."""
    return not text.isascii() and bool(_UNSPACED_ONLY.search(text))


def ascii_words(text: str) -> list[str]:
    """The words of a text that is ASCII, and its single letters and digits."""
    return text.translate(_ASCII_LETTERS).split()


class Evidence:
    """Tests whether a text contains one of a query's words.

    In scripts without spaces, a word is a pair of characters, or a character that
    stands alone in the query.
    """

    def __init__(self, query: str) -> None:
        found = set(words(query))
        pairs = {w for w in found if len(w) == _PAIR and _UNSPACED_ONLY.fullmatch(w)}
        self._words = found - set("".join(pairs))

    def __bool__(self) -> bool:
        return bool(self._words)

    def found_in(self, text: str) -> bool:
        """Whether the text contains one of the words."""
        if text.isascii():
            # Much faster, and rules out most texts.
            lower = text.lower()
            if not any(word in lower for word in self._words):
                return False
        return not self._words.isdisjoint(words(text))
