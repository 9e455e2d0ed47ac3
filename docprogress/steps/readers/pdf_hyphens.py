"""Join words that were hyphenated at the end of a line."""

import re

#: Characters before a hyphenation that are examined.
_LONGEST_WORD = 40
_WORD_END = re.compile(r"\S+\Z")


def join_hyphenated(text: str) -> str:
    """Join words hyphenated at the end of a line.

    PDFium marks all hyphens at line ends with U+FFFE, including those that belong to
    the word, as in "day-to-day", "--all-files" and "Baden-Baden".
    """
    if "\ufffe" not in text:
        return text
    first, *others = text.split("\ufffe")
    parts = [first]
    for other in others:
        before = _WORD_END.search(parts[-1][-_LONGEST_WORD:])
        belongs = not (before and before[0].isalpha() and other[:1].islower())
        parts.append("-" if belongs else "")
        parts.append(other)
    return "".join(parts)
