"""Recognise UTF-16 without a byte order mark by the blocks of its characters.

It serves the scripts that no language model knows: a text keeps to a few blocks of
Unicode, beside spaces and punctuation. In the wrong byte order, or of binary data, the
characters are scattered or not assigned.
"""

import unicodedata
from collections import Counter

#: The minimum number of characters that tell, and of different ones among them.
LEAST = 10
LEAST_DIFFERENT = 7

#: The maximum number of characters of a text without a space or punctuation.
LONGEST_WORD = 60

#: Characters that are examined.
SAMPLE = 1024

#: The size of a block, and the blocks of characters that every script uses: ASCII,
#: general punctuation, CJK punctuation.
_BLOCK = 128
_SHARED = {0x0000 // _BLOCK, 0x2000 // _BLOCK, 0x3000 // _BLOCK}

#: The share of a text's other characters that are in its three most frequent blocks.
CONCENTRATED = 0.9


def guess_by_blocks(data: bytes) -> str | None:
    """The byte order of bytes that are UTF-16; None if they are no text."""
    sample = data[: 2 * SAMPLE]
    sample = sample[: len(sample) & ~1]
    found = [
        encoding
        for encoding in ("utf-16-le", "utf-16-be")
        if _is_text(sample.decode(encoding, "replace"))
    ]
    return found[0] if len(found) == 1 else None


def _is_text(text: str) -> bool:
    if len(text) < LEAST or len(set(text)) < LEAST_DIFFERENT:
        return False
    # The sample may end in the middle of a character.
    for character in text[:-1]:
        category = unicodedata.category(character)
        if character == "\ufffd" or category in ("Cn", "Co", "Cs"):
            return False
        if category == "Cc" and character not in "\t\n\r\f":
            return False
    blocks = Counter(ord(character) // _BLOCK for character in text)
    shared = sum(blocks.pop(block, 0) for block in _SHARED)
    if len(text) > LONGEST_WORD and not shared:
        return False
    own = blocks.total()
    most = sum(count for _, count in blocks.most_common(3))
    return 2 * own >= len(text) and most >= CONCENTRATED * own
