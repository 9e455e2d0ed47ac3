"""Estimate the tokens of a text, and split a text that has too many.

Splitting loses nothing except white space between two parts.
"""

import math
import re
from collections.abc import Callable, Iterator

import numpy as np

#: Tokens per character, by the first code point of a range. They exceed those of common
#: tokenizers, so that a text that is estimated to fit does fit: English models use a
#: token for each Cyrillic letter, and byte-level ones two or three for rare Chinese
#: characters.
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

#: A text in parts that fit into a model's window, each with its tokens.
Parts = list[tuple[str, int]]

#: Tokens that a model adds at the begin and the end of each text.
ADDED = 2

#: The share of a part by which its end may move back to the end of a word.
_MAX_SHIFT = 0.2
# White space, or punctuation of Chinese and Japanese.
_WORD_END = re.compile("(?<=[\\s\u3001\u3002\uff01\uff0c\uff0e\uff1b\uff1f])")


def estimate_tokens(text: str) -> int:
    """An upper estimate of the tokens of a text."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    ranges = np.searchsorted(_STARTS, points, side="right") - 1
    return ADDED + math.ceil(float(_TOKENS[ranges].sum()))


def split(text: str, most: int, count: Callable[[str], int] = estimate_tokens) -> Parts:
    """Split a text into parts of at most `most` tokens.

    No part is blank, unless the text is. A part exceeds `most` only if a single
    character does.

    Returns:
        Each part with its number of tokens.
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
    """Cut a text into parts of similar length, between words if possible."""
    length = len(text) / parts
    start = 0
    for number in range(1, parts):
        end = max(start + 1, round(number * length))
        earliest = max(start + 1, end - round(_MAX_SHIFT * length))
        ends = [found.start() for found in _WORD_END.finditer(text, earliest, end)]
        end = ends[-1] if ends else end
        yield text[start:end]
        start = end
    yield text[start:]
