"""How long a chunk may be, and in which unit that is counted."""

from collections.abc import Callable
from dataclasses import dataclass

from semantic_text_splitter import TextSplitter

#: Characters that the splitter gets at a time: at least so many, and so many chunks.
#: Its time is quadratic in a text without line ends: a second for 400,000 characters,
#: hours for 50 million.
WINDOW = 16_384
WINDOW_CHUNKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The limits of chunks."""

    #: The most characters or tokens of a chunk, and how many neighbours share.
    most: int
    overlap: int
    #: Counts the tokens of a text; None to count characters.
    count: Callable[[str], int] | None = None

    @property
    def window(self) -> int:
        """How many characters the splitter gets at a time."""
        return max(WINDOW, WINDOW_CHUNKS * self.most)

    def of(self, text: str) -> int:
        """The size of a text."""
        return len(text) if self.count is None else self.count(text)

    def fits(self, text: str) -> bool:
        return self.of(text) <= self.most

    def splitter(
        self, most: int | None = None, overlap: int | None = None
    ) -> TextSplitter:
        """A splitter for these limits, or for others in the same unit."""
        most = self.most if most is None else most
        overlap = min(self.overlap if overlap is None else overlap, most - 1)
        if self.count is None:
            return TextSplitter(most, overlap)
        return TextSplitter.from_callback(self.count, most, overlap)
