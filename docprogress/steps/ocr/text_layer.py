"""Whether the text of a PDF's page can be used, or is to be recognised."""

import re

#: What stands for characters whose meaning is unknown: the replacement character,
#: private use, control characters.
_GARBAGE = re.compile(
    "[\x01-\x08\x0e-\x1f\ufffd\ue000-\uf8ff\U000f0000-\U0010fffd]",
)

#: The share of such characters from which a text is garbage.
GARBAGE_SHARE = 0.4

#: A page with fewer visible characters may be a scan with a stamp or a page number.
FEW_CHARACTERS = 100


def visible_characters(text: str) -> int:
    """How many characters leave a mark."""
    return len("".join(text.split()))


def is_garbage(text: str) -> bool:
    """Whether most of a text means nothing."""
    if _GARBAGE.search(text) is None:
        return False
    return len(_GARBAGE.findall(text)) > GARBAGE_SHARE * visible_characters(text)
