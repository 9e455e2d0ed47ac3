"""The chunking step: pages to chunks that end with sentences or paragraphs.

Where pages have Markdown, a chunk has one kind and one path of headings, and each
table is split by its rows.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from docprogress.documents import PAGE_SEPARATOR, Chunk, Page
from docprogress.settings import Settings
from docprogress.steps.chunking.headed import headed_spans
from docprogress.steps.chunking.regions import Region, regions
from docprogress.steps.chunking.sizes import Sizes
from docprogress.steps.chunking.spans import spans
from docprogress.steps.chunking.tables import Piece, joined, table_pieces

#: Texts up to this many characters are split at once, which takes a second at most, so
#: that the number of chunks is known.
COUNTED_CHARACTERS = 2_000_000


class Chunks(Iterator[Chunk]):
    """An iterator over a document's chunks."""

    unit = "chunk"

    def __init__(self, pages: Iterable[Page], settings: Settings) -> None:
        kept = list(pages)
        self._numbers = [page.number for page in kept]
        self._starts: list[int] = []
        start = 0
        for page in kept:
            self._starts.append(start)
            start += len(page.text) + len(PAGE_SEPARATOR)
        self._text = PAGE_SEPARATOR.join(page.text for page in kept)
        self._made = 0
        sizes = Sizes.of_settings(settings)
        known = settings.structure == "auto" and any(page.markdown for page in kept)
        self._pieces = (
            _structured(kept, self._text, sizes)
            if known
            else _unstructured(self._text, sizes)
        )
        #: The number of chunks; None for long texts, where it is unknown.
        self.total: int | None = None
        if len(self._text) <= COUNTED_CHARACTERS:
            pieces = list(self._pieces)
            self.total = len(pieces)
            self._pieces = iter(pieces)

    def __next__(self) -> Chunk:
        piece, region = next(self._pieces)
        self._made += 1
        return Chunk(
            number=self._made,
            text=joined(piece.header, self._text[piece.start : piece.end]),
            start=piece.start,
            end=piece.end,
            first_page=self._page(piece.start),
            last_page=self._page(piece.end - 1),
            kind=region.kind if region else "text",
            headings=region.headings if region else (),
        )

    def __length_hint__(self) -> int:
        if self.total is None:
            return NotImplemented  # type: ignore[no-any-return]
        return self.total - self._made

    def _page(self, offset: int) -> int:
        return self._numbers[bisect_right(self._starts, offset) - 1]


def chunk(pages: Iterable[Page], *, settings: Settings) -> Chunks:
    """Split the text of all pages, joined by `PAGE_SEPARATOR`, into chunks.

    Raises:
        Unreadable: The splitter failed.
    """
    return Chunks(pages, settings)


def _unstructured(text: str, sizes: Sizes) -> Iterator[tuple[Piece, Region | None]]:
    for start, end in spans(text, sizes):
        yield Piece(start, end), None


def _structured(
    pages: list[Page], text: str, sizes: Sizes
) -> Iterator[tuple[Piece, Region | None]]:
    for region in regions(pages, text):
        if region.kind == "table":
            for piece in table_pieces(text, region, sizes):
                yield piece, region
        else:
            for start, end in headed_spans(
                text, region.start, region.body, region.end, sizes
            ):
                yield Piece(start, end), region
