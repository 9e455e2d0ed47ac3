"""Join words that were hyphenated at the end of a line, and keep the author's hyphens.

PDFium marks all hyphens at line ends with U+FFFE, whoever has put them there.
"""

import re
from collections.abc import Container

MARK = "\ufffe"
SOFT_HYPHEN = "\u00ad"

#: Characters before and after a hyphenation that are examined.
_LONGEST_WORD = 40
_WORD_END = re.compile(r"\S+\Z")
_WORD_START = re.compile(r"[^\W\d_]+")

#: What begins words that are written with a hyphen.
_FIRST = """
self well ill half non cross high low long short full part one two three four five six
seven eight nine ten twenty thirty forty fifty sixty seventy eighty ninety hundred first
second third fourth last left right single double triple quarter real state user end
open close closed large small new free hard soft fast slow price cost market data time
life year month week day hour minute case client customer server service labor labour
work risk tax cash wind water air oil gas solar energy fire heat light sun profit
decision policy rule law land best better clear far good hand hot ice
"""
#: What ends them.
_SECOND = """
based related specific driven like level time term free made known wide size sized type
scale side sided oriented dependent independent aware friendly efficient effective
intensive sensitive led owned run determining making taking setting bearing saving
sharing building changing consuming processing producing paying party quality order
purpose day year month week hour minute old ever called paid dimensional looking facing
reaching standing lasting growing rate rated risk value valued defined designed handed
hearted minded off out up down in by to of the and fold book date line point page word
way ended state shot rich poor weight class hand
"""
_FIRST_WORDS = frozenset(_FIRST.split())
_SECOND_WORDS = frozenset(_SECOND.split())

#: Short words between the hyphens of "out-of-date", which are the author's.
_BETWEEN = r"(?:to|of|the|and|in|by|for|a|on|at|or|up|off|out|per|de|la|sur|en)\b"
_LOWER = "[a-zß-ÿ]"
#: Where a hyphen within a word is likely to be a soft one: before a part that is no
#: word, between two others, and in a capitalised word, which would have more capitals.
_SUSPECT = re.compile(
    r"-(?<=[^\W\d_]{2}-)(?:"
    r"(?:tion|sion|tions|ment|ments|ness|ity|ties|able|ible|ence|ance|tional|ously|ally"
    r"|ung|ungen|lich|liche|lichen|keit|heit|schaft|isch|ische|ischen|tionen)\b"
    rf"|(?!{_BETWEEN})[^\W\d_]{{2,}}-(?!{_BETWEEN})[^\W\d_]{{2,}}"
    rf"|(?<={_LOWER} [A-ZÄÖÜ]{_LOWER}{{2}}-){_LOWER}{{3,}}(?! [A-Z])"
    rf"|(?<={_LOWER} [A-ZÄÖÜ]{_LOWER}{{3}}-){_LOWER}{{3,}}(?! [A-Z])"
    rf"|(?<={_LOWER} [A-ZÄÖÜ]{_LOWER}{{4}}-){_LOWER}{{3,}}(?! [A-Z])"
    rf"|(?<={_LOWER} [A-ZÄÖÜ]{_LOWER}{{5}}-){_LOWER}{{3,}}(?! [A-Z])"
    r")"
)
_SOFT_WORD = re.compile(rf"[^\W\d_]+(?:[-{SOFT_HYPHEN}][^\W\d_]+)+")


def join_hyphenated(text: str, typed: Container[int] = ()) -> str:
    """Join words hyphenated at the end of a line.

    A hyphen stays that belongs to the word: in "day-to-day", "--all-files" and
    "Baden-Baden", where the page has the word with its hyphen within a line, and in
    compounds such as "price-determining".

    Args:
        text: The text, with PDFium's marks.
        typed: The positions of marks that the author is known to have typed.
    """
    if MARK not in text:
        return text
    first, *others = text.split(MARK)
    parts = [first]
    position = len(first)
    for other in others:
        before = _WORD_END.search(parts[-1][-_LONGEST_WORD:])
        hyphenated = before and before[0].isalpha() and other[:1].islower()
        keep = not hyphenated
        if before and hyphenated:
            after = _WORD_START.match(other[:_LONGEST_WORD])
            keep = position in typed or (
                after is not None and _is_compound(text, before[0], after[0])
            )
        parts += ("-" if keep else "", other)
        position += 1 + len(other)
    return "".join(parts)


def positions(text: str) -> list[int]:
    """Where a text has marks between letters that join into a word."""
    found = []
    position = text.find(MARK)
    while position >= 0:
        if (
            text[position - 1 : position].isalpha()
            and text[position + 1 :][:1].islower()
        ):
            found.append(position)
        position = text.find(MARK, position + 1)
    return found


def _is_compound(text: str, before: str, after: str) -> bool:
    """Whether two parts of a word are written with a hyphen."""
    if f"{before}{after}" in text:
        return False
    if f"{before}-{after}" in text:
        return True
    return before.lower() in _FIRST_WORDS and after in _SECOND_WORDS


def may_have_soft(text: str) -> bool:
    """Whether some of a text's hyphens look like soft ones within a word."""
    return SOFT_HYPHEN in text or ("-" in text and _SUSPECT.search(text) is not None)


def without_soft(text: str, original: str) -> str:
    """A text without hyphens that are soft ones in the PDF.

    Args:
        text: The text, in which they may have become hyphens.
        original: The page's text with soft hyphens as they are.
    """
    for word in {*_SOFT_WORD.findall(original)}:
        if SOFT_HYPHEN in word:
            shown = word.replace(SOFT_HYPHEN, "-")
            text = re.sub(
                rf"(?<![\w-]){re.escape(shown)}(?![\w-])",
                word.replace(SOFT_HYPHEN, ""),
                text,
            )
    return text.replace(SOFT_HYPHEN, "")
