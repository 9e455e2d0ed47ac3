"""The stem that the inflected forms of a word share, in any language.

It is light: it takes off the endings of English and German, which are those of most
Germanic and Romance languages too, and common endings of Arabic and Russian.
"""

import re

_SHORTEST = 3
_PLURAL_Y = re.compile("(?<=..)(?:ies|ied)$")
_PLURAL_X = re.compile("(?<=.x)es$")
_GENITIVE = re.compile("(?<=..[^suia])s$|(?<=..[ia])s$(?<!is)(?<!as)")
_INFLECTION = re.compile("(?<=....)(?:ern|em|en|er|e|(?<=[elr])n)$")
_DERIVATION = re.compile("(?<=...)(?:ing|ung|(?<!e)ed|edly|ly)$")
_DOUBLED = re.compile(r"(?<=..)([bdfgmnprt])\1$")
_VOWEL = re.compile("[aeiouy]")
#: The last letters of the endings above, and of stems that end otherwise.
_LAST = frozenset("dgmnrsye")
_ARABIC = re.compile("[\u0621-\u064a]+")
_ARTICLE = re.compile("^(?:[وبكف]?ال|لل|و(?=.{4}))(?=.{2})")
_ARABIC_ENDING = re.compile("(?<=..)(?:ها|ان|ات|ون|ين|يه|ه|ي)$")
_CYRILLIC = re.compile("[\u0430-\u044f]+")
_CYRILLIC_ENDING = re.compile(
    "(?<=...)(?:иями|ями|ами|иях|ого|его|ому|ему|ыми|ими|ием|ией|ях|ах|ов|ев|ей|ам|ям"
    "|ом|ем|ои|ыи|ии|ая|яя|ое|ее|ые|ие|ию|ия|ых|их|ую|юю|ы|и|а|я|о|е|у|ю|ь)$"
)


def stem(word: str) -> str:
    """The stem of a folded word."""
    if word.isascii():
        return _latin(word) if word.isalpha() else word
    if _ARABIC.fullmatch(word):
        return _ARABIC_ENDING.sub("", _ARTICLE.sub("", word))
    if _CYRILLIC.fullmatch(word):
        return _CYRILLIC_ENDING.sub("", word)
    return word


def _latin(word: str) -> str:
    if len(word) <= _SHORTEST:
        # As the stem of "days" is.
        return word[:-1] + "i" if word.endswith("y") else word
    if word[-1] not in _LAST:
        return word
    short = _PLURAL_X.sub("", _PLURAL_Y.sub("y", word))
    if short == word:
        short = _INFLECTION.sub("", _GENITIVE.sub("", word))
    derived = _DERIVATION.sub("", short)
    if derived != short and _VOWEL.search(derived):
        short = _INFLECTION.sub("", _DOUBLED.sub(r"\1", derived))
    return short[:-1] + "i" if short.endswith("y") else short
