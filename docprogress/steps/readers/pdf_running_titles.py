"""Lines that run along the top or bottom of a document's pages."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from docprogress.steps.readers.pdf_text_lines import TextLine

#: The share of pages on which a line at their edge is a running title.
RUNNING = 0.4
LEAST_RUNNING = 3

#: The size of a running title at most, in that of body text.
LARGEST = 1.3

_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")


class RunningTitles:
    """The running titles of a document.

    Args:
        pages: The lines of a sample of its pages.
        body: The size of its body text.
    """

    def __init__(self, pages: Iterable[Sequence[TextLine]], body: float) -> None:
        self._largest = LARGEST * body
        texts: Counter[str] = Counter()
        heights: Counter[int] = Counter()
        count = 0
        for page in pages:
            count += 1
            lines = [line for line in page if line.text]
            texts.update({_key(line) for line in lines[:2] + lines[-2:]})
            if lines and _has_page_number(lines[0].text):
                heights[round(lines[0].first)] += 1
        least = max(LEAST_RUNNING, RUNNING * count)
        self._texts = {text for text, count in texts.items() if count >= least}
        #: Where those with page numbers stand, which differ from chapter to chapter.
        self._heights = {height for height, count in heights.items() if count >= least}

    def __contains__(self, line: TextLine) -> bool:
        if (
            self._heights
            and line.size < self._largest
            and _has_page_number(line.text)
            and any(abs(height - line.first) <= 1 for height in self._heights)
        ):
            return True
        return bool(self._texts) and _key(line) in self._texts


def _has_page_number(text: str) -> bool:
    return text[0].isdigit() or text[-1].isdigit()


def _key(line: TextLine) -> str:
    return f"{_DIGITS.sub('#', line.text.casefold())} {line.size:.0f}"
