"""Fold case, accents, widths, digits and the spellings of Arabic."""

import re
import unicodedata

#: Accents of Latin, Greek and Cyrillic letters.
_ACCENTS = re.compile("[\u0300-\u036f]")
#: What many writers leave out: vowel signs of Hebrew and Arabic, tatweel, soft
#: hyphens, joiners.
_OMITTED = re.compile(
    "[\u00ad\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u200b-\u200d\u2060]"
)
#: Letters that writers of Arabic, Persian and Latin scripts exchange.
_SPELLINGS = str.maketrans(
    {
        **dict.fromkeys("أإآٱ", "ا"),
        **dict.fromkeys("ىیئ", "ي"),
        "ک": "ك",
        "ؤ": "و",
        "ة": "ه",
        "ø": "o",
        "đ": "d",
        "ł": "l",
        "ı": "i",
        "æ": "ae",
        "œ": "oe",
        "ð": "d",
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u2019\u02bc", "'"),
    }
)


#: Han, kana, Hangul, and the consonants of Thai, which are folded already.
_FOLDED = re.compile(
    "[\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff\uac00-\ud7a3\u0e01-\u0e32]+"
)


def fold(token: str) -> str:
    """The token as it is compared."""
    if token.isascii():
        return token.lower()
    if _FOLDED.fullmatch(token):
        return token
    text = _OMITTED.sub("", unicodedata.normalize("NFKC", token))
    text = unicodedata.normalize("NFKD", text.casefold()).translate(_SPELLINGS)
    text = unicodedata.normalize("NFC", _ACCENTS.sub("", text)).translate(_SPELLINGS)
    if text.isascii() or text.isalpha():
        return text
    return "".join(
        str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text
    )
