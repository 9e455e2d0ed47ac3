"""The modes of search."""

from enum import StrEnum


class Mode(StrEnum):
    """What passages are found by."""

    HYBRID = "hybrid"
    WORDS = "words"
    VECTORS = "vectors"
