"""How many documents, pages and bytes a run has got through, and how fast recently."""

from docprogress.events import ProgressEvent
from docprogress.progress.document import PAGE_UNITS, DocumentProgress, valid_count
from docprogress.progress.rates import Rate


class Throughput:
    """The work that a run has completed."""

    def __init__(self) -> None:
        #: Pages read so far.
        self.pages = 0
        self.completions = Rate()
        self.page_rate = Rate()
        self.byte_rate = Rate()

    def begin(self, at: float) -> None:
        """Start the rates when a document is first seen to run."""
        for rate in (self.completions, self.page_rate, self.byte_rate):
            rate.begin(at)

    def count(
        self, document: DocumentProgress, event: ProgressEvent, at: float, *, seen: bool
    ) -> None:
        """Count the pages and bytes that an event adds.

        Args:
            document: The document, whose size is known if it will ever be.
            event: Its newest event.
            at: When the event arrived.
            seen: Whether the reported work was done while this process watched.
        """
        if event.unit in PAGE_UNITS:
            self.count_pages(document, valid_count(event.current), at, seen=seen)
        timing = document.timing
        if event.progress > timing.highest:
            gained = event.progress - timing.highest
            self.byte_rate.add(at, round(document.size * gained / 100))
            timing.highest = event.progress

    def count_pages(
        self,
        document: DocumentProgress,
        pages: int | None,
        at: float,
        *,
        seen: bool = True,
    ) -> None:
        """Count a document's pages, of which so many have been read."""
        gained = (pages or 0) - document.pages
        if gained > 0:
            document.pages += gained
            self.pages += gained
            if seen:
                self.page_rate.add(at, gained)
