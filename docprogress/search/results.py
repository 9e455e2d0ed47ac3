"""The results of a search: hits, best first, that display themselves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, overload

from docprogress.words import Correction

if TYPE_CHECKING:
    from pandas import DataFrame

#: The columns of `SearchResults.to_frame`.
COLUMNS = (
    *("document", "page", "text", "score", "document_id"),
    *("last_page", "headings", "kind", "number", "run_id", "case_id"),
    *("words", "vectors", "rerank"),
)

#: Digits of scores in a frame.
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that a search found: a chunk, its place, and its scores."""

    #: The document's name.
    document: str
    document_id: str
    run_id: str
    case_id: str | None
    #: The number of the page on which the passage begins, and of that where it ends.
    page: int
    last_page: int
    #: The headings above it, outermost first.
    headings: tuple[str, ...]
    #: `text`, `table`, `code`, `list` or a step's own kind.
    kind: str | None
    #: The number of the chunk in its document.
    number: int
    text: str
    #: What the results are ordered by. Of a hybrid search at most 1, for a passage that
    #: both parts have found first; otherwise the score of the only part.
    score: float
    #: The score of its words (BM25); None if the search found it by none.
    words: float | None = None
    #: The similarity of its vector (cosine); None if it is not among the nearest.
    vectors: float | None = None
    #: The score of the function or model that ordered the best passages again.
    rerank: float | None = None
    #: Where words of the query are in `text`: offsets, the ends exclusive.
    marks: tuple[tuple[int, int], ...] = ()
    #: Whether `text` is Markdown.
    markdown: bool = False

    def __repr__(self) -> str:
        from docprogress.search.results_text import place

        return f"<Hit {self.score:.4f}: {place(self)}>"

    def to_dict(self) -> dict[str, Any]:
        """All of it as a JSON object."""
        values = {name: getattr(self, name) for name in COLUMNS}
        return values | {
            "headings": list(self.headings),
            "marks": [list(span) for span in self.marks],
        }


class SearchResults(Sequence[Hit]):
    """The passages that a search found, best first.

    As the last line of a cell it shows them, with the words of the query marked.

    Args:
        hits: The passages.
        query: What was searched for.
        mode: `hybrid`, `words` or `vectors`.
        warnings: What could not be searched, and why.
        corrections: What was searched for instead of mistyped words.
        offset: How many better passages were skipped.
    """

    def __init__(
        self,
        hits: Sequence[Hit],
        *,
        query: str,
        mode: str = "hybrid",
        warnings: Sequence[str] = (),
        corrections: Sequence[Correction] = (),
        offset: int = 0,
    ) -> None:
        self._hits = tuple(hits)
        self.query = query
        self.mode = mode
        #: What could not be searched, and why: an unavailable embedder.
        self.warnings: tuple[str, ...] = tuple(warnings)
        #: What was searched for instead of words that no passage has: `.word` of the
        #: query, `.used`, and `.also` if it was searched for as well.
        self.corrections: tuple[Correction, ...] = tuple(corrections)
        self.offset = offset

    def __len__(self) -> int:
        return len(self._hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self._hits)

    @overload
    def __getitem__(self, which: int) -> Hit: ...

    @overload
    def __getitem__(self, which: slice) -> Self: ...

    def __getitem__(self, which: int | slice) -> Hit | Self:
        if isinstance(which, slice):
            first, _, _ = which.indices(len(self))
            return type(self)(
                self._hits[which],
                query=self.query,
                mode=self.mode,
                warnings=self.warnings,
                corrections=self.corrections,
                offset=self.offset + first,
            )
        try:
            return self._hits[which]
        except TypeError:
            raise TypeError(
                f"search results are a sequence of hits; use .to_frame()[{which!r}]"
            ) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SearchResults):
            return NotImplemented
        return (self._hits, self.warnings) == (other._hits, other.warnings)

    __hash__ = None  # type: ignore[assignment]

    def to_frame(self) -> "DataFrame":
        """A DataFrame with a row for each passage.

        Columns: `document` (its name), `page`, `text`, `score`, `document_id`,
        `last_page`, `headings`, `kind`, `number`, `run_id`, `case_id`, and the parts of
        the score: `words`, `vectors`, `rerank`.
        """
        import pandas as pd

        rows = [[getattr(hit, name) for name in COLUMNS] for hit in self]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        scores = ["score", "words", "vectors", "rerank"]
        frame[scores] = frame[scores].astype(float).round(_DIGITS)
        return frame

    def __repr__(self) -> str:
        from docprogress.search.results_text import results_text

        return results_text(self)

    def _repr_html_(self) -> str:
        """What a notebook shows: passages with marked words, places and scores."""
        from docprogress.search.results_html import results_html

        return results_html(self)
