"""How long a chunk may be, and in which unit that is counted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from semantic_text_splitter import TextSplitter

from docprogress.settings import Settings

#: Characters that the splitter gets at a time: at least so many, and so many chunks.
#: Its time is quadratic in a text without line ends: a second for 400,000 characters,
#: hours for 50 million. A token may be several characters.
WINDOW = 16_384
WINDOW_CHUNKS = 4
WINDOW_CHUNKS_OF_TOKENS = 16

#: Characters that neighbours share, and what part of a chunk's tokens.
OVERLAP = 100
OVERLAP_PART = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The limits of chunks."""

    #: The maximum number of characters or tokens of a chunk, and how many neighbours
    #: share.
    most: int
    overlap: int
    #: Counts the tokens of a text; None to count characters.
    count: Callable[[str], int] | None = None

    @classmethod
    def of_settings(cls, settings: Settings) -> Self:
        """The limits that the settings, and the embedder's window, state.

        Raises:
            SettingsError: There is no such embedder, or it is not installed.
        """
        overlap = settings.chunk_overlap
        if settings.chunk_unit == "characters":
            most = settings.chunk_characters
            shared = min(OVERLAP, most // 2) if overlap is None else overlap
            return cls(most=most, overlap=shared)
        # A model takes seconds to load, and only its tokens need it.
        from docprogress.steps.embed import embedder

        model = embedder(settings)
        most = min(settings.chunk_tokens, model.window or settings.chunk_tokens)
        shared = most // OVERLAP_PART if overlap is None else min(overlap, most - 1)
        return cls(most=most, overlap=shared, count=model.count_tokens)

    @property
    def window(self) -> int:
        """How many characters the splitter gets at a time."""
        chunks = WINDOW_CHUNKS if self.count is None else WINDOW_CHUNKS_OF_TOKENS
        return max(WINDOW, chunks * self.most)

    def of(self, text: str) -> int:
        """The size of a text; a text that is too long in any case is not counted."""
        if self.count is None or len(text) > self.window:
            return len(text)
        return self.count(text)

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
