"""How many tokens a text has, and how a text is split that has too many.

Nothing of a text is lost when it is split, except white space between two parts.
"""

import math
import re
from collections.abc import Callable, Iterator

import numpy as np

#: Tokens of a character, by the first code point of a range.  More than common
#: tokenizers make, so that a text that is said to fit does fit: a model for English
#: takes each Cyrillic letter for a token, and byte-level ones rare Chinese characters
#: for two or three.
_WEIGHTS = (
    (0x00, 1.0),  # controls
    (0x20, 0.25),  # the space
    (0x21, 1.0),  # ASCII signs
    (0x30, 0.6),  # digits
    (0x3A, 1.0),
    (0x41, 0.35),  # ASCII letters
    (0x5B, 1.0),
    (0x61, 0.35),
    (0x7B, 1.0),
    (0x0E00, 1.5),  # Thai and what follows: Chinese, Japanese, Korean
    (0x10000, 3.0),  # emoji and rare characters
)
_STARTS = np.array([start for start, _ in _WEIGHTS], np.uint32)
_TOKENS = np.array([tokens for _, tokens in _WEIGHTS])

#: Tokens that a model adds to each text, at its begin and its end.
ADDED = 2

#: The share of a part within which its end is moved back to where a word ends.
_MOVED = 0.2
# Also behind what ends a sentence, or a part of one, in Chinese and Japanese.
_WORD_END = re.compile("(?<=[\\s\u3001\u3002\uff01\uff0c\uff0e\uff1b\uff1f])")


def estimated(text: str) -> int:
    """How many tokens a text has, as a cautious guess."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    ranges = np.searchsorted(_STARTS, points, side="right") - 1
    return ADDED + math.ceil(float(_TOKENS[ranges].sum()))


def split(
    text: str, most: int, count: Callable[[str], int] = estimated
) -> list[tuple[str, int]]:
    """The text in parts of at most `most` tokens, each with its number of tokens.

    No part is blank, unless the text is.  A part may have more than `most` tokens
    where a single character has.
    """
    tokens = count(text)
    if tokens <= most or len(text) < 2:  # noqa: PLR2004
        return [(text, tokens)]
    parts = max(2, math.ceil(tokens / max(1, most - ADDED)))
    return [
        found
        for part in _cut(text, min(parts, len(text)))
        if part.strip()
        for found in split(part, most, count)
    ]


def _cut(text: str, parts: int) -> Iterator[str]:
    """The text in so many parts of about one length, cut between words if possible."""
    length = len(text) / parts
    start = 0
    for number in range(1, parts):
        end = max(start + 1, round(number * length))
        earliest = max(start + 1, end - round(_MOVED * length))
        ends = [found.start() for found in _WORD_END.finditer(text, earliest, end)]
        end = ends[-1] if ends else end
        yield text[start:end]
        start = end
    yield text[start:]
