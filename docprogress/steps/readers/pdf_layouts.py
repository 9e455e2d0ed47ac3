"""Read the layout of a page that is loaded in PDFium, to find its structure."""

from collections.abc import Sequence

import pypdfium2
from pypdfium2 import raw as pdfium

from docprogress.steps.readers.pdf_grids import bands, grids
from docprogress.steps.readers.pdf_line_reader import (
    LineReader,
    lines_of_pieces,
    sparse_lines,
)
from docprogress.steps.readers.pdf_lines import (
    MOST_CHARACTERS,
    MOST_LINES,
    Label,
    Layout,
)
from docprogress.steps.readers.pdf_pieces import Line as PieceLine
from docprogress.steps.readers.pdf_rules import read_links, read_rules
from docprogress.steps.readers.pdf_tags import TagReader


class LayoutReader:
    """Reads the layouts of a PDF's pages."""

    def __init__(self, pdf: pypdfium2.PdfDocument) -> None:
        self._pdf = pdf
        self._tagged: bool | None = None
        self._tags = TagReader()

    def read(
        self,
        page: object,
        content: object,
        text: str,
        first: int,
        *,
        drawn: Sequence[int],
        ordered: Sequence[PieceLine] | None = None,
    ) -> Layout | None:
        """The layout of a loaded page; None if it has too many lines.

        Args:
            page: The page.
            content: Its text, loaded.
            text: What PDFium gives for it.
            first: The position in PDFium's text that it begins at.
            drawn: Its objects that are not text.
            ordered: Its lines, if they were put into another order.
        """
        if len(text) > MOST_CHARACTERS or text.count("\n") > MOST_LINES or not text:
            return None
        rules, dots = read_rules(drawn)
        found, flat = grids(rules)
        groups = list(bands(flat))
        links = []
        if pdfium.FPDFPage_GetAnnotCount(page):
            links = read_links(self._pdf, page, content)
        if ordered is not None:
            lines = lines_of_pieces(ordered)
            return Layout(lines, found, groups, links, {}, dots)
        if self._tagged is None:
            self._tagged = bool(pdfium.FPDFCatalog_IsTagged(self._pdf))
        labels: dict[int, Label] = self._tags.read(page) if self._tagged else {}
        reader = LineReader(content, text, first, tagged=bool(labels))
        if not labels:
            regions = [(grid.bottom, grid.top) for grid in found]
            regions += [(group[-1].bottom, group[0].top) for group in groups]
            numbers = sparse_lines(reader.lines)
            if regions:
                numbers |= {
                    number
                    for number, line in enumerate(reader.lines)
                    if line and any(b < line[0].baseline < t for b, t in regions)
                }
            if numbers:
                reader.split(numbers)
        return Layout(reader.lines, found, groups, links, labels, dots)
