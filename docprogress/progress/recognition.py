"""How long it takes to recognise a page (OCR), learned within the run.

A recognised page takes a hundred times as long as another one, so that the number of
pages says little about the time left.
"""

import math

from docprogress.progress.document import DocumentProgress, valid_count
from docprogress.progress.pace import (
    HALF_DEVIATION,
    MOST_DEVIATION,
    OTHERS_DEVIATION,
    UNKNOWN,
    Pace,
)

#: How many of the newest pages determine the mean, and how many of its own a document
#: must have before they count rather than the run's.
MOST_PAGES = 40
OWN_PAGES = 3

#: The first page of a document says nothing if it takes so many times as long as the
#: next one: the models are loaded with it.
SLOW_START = 2.0


class RecognitionTimes:
    """How long pages took that were recognised."""

    def __init__(self) -> None:
        self._pages = 0.0
        self._seconds = 0.0

    def observe(self, document: DocumentProgress, at: float) -> None:
        """Learn from a document's newest event."""
        timing, done = document.timing, valid_count(document.event.ocr_current) or 0
        if timing.recognition_baseline is None or timing.recognised_at is None:
            timing.recognition_baseline = (at, done)
            timing.recognised_at = at
            timing.recognised_pages = done
            return
        gained = done - timing.recognised_pages
        if gained > 0:
            self._forget_slow_start(document, seconds=at - timing.recognised_at)
            kept = min(1.0, MOST_PAGES / (self._pages + gained))
            seconds = at - timing.recognised_at
            self._pages = self._pages * kept + gained
            self._seconds = self._seconds * kept + seconds
            timing.recognition_seconds += seconds
            timing.recognised_at, timing.recognised_pages = at, done

    def _forget_slow_start(self, document: DocumentProgress, *, seconds: float) -> None:
        """Forget a document's first page, if the next one shows that it was slow."""
        timing = document.timing
        if timing.recognition_baseline is None or timing.recognised_at is None:
            return
        began, before = timing.recognition_baseline
        first = timing.recognised_at - began
        if timing.recognised_pages - before == 1 and first > SLOW_START * seconds:
            timing.recognition_baseline = timing.recognised_at, timing.recognised_pages
            if self._pages == 1:
                self._pages = self._seconds = 0.0

    def left(self, document: DocumentProgress, at: float) -> Pace:
        """What is left until all pages are recognised."""
        event, timing = document.event, document.timing
        total = valid_count(event.ocr_total) or 0
        pages = total - (valid_count(event.ocr_current) or 0)
        if pages <= 0:
            return Pace(0.0, 0.0)
        since = timing.recognised_at or timing.advanced_at
        began, before = timing.recognition_baseline or (since, timing.recognised_pages)
        own = timing.recognised_pages - before
        deviation = OTHERS_DEVIATION
        if own >= OWN_PAGES or (own and not self._pages):
            each = (since - began) / own
            deviation = HALF_DEVIATION * math.sqrt(max(pages, OWN_PAGES) / own)
        elif self._pages:
            each = self._seconds / self._pages
        else:
            return UNKNOWN
        spent = at - since
        # A page that takes longer than expected may end at any time.
        left = each * (pages - 1) + max(each - spent, 0.1 * max(each, spent))
        return Pace(left, min(deviation, MOST_DEVIATION))
