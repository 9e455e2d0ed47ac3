"""Read the layout of a page that is loaded in PDFium, for what tells its structure."""

from collections.abc import Sequence

import pypdfium2
from pypdfium2 import raw as pdfium

from docprogress.steps.readers.pdf_lines import (
    MOST_CHARACTERS,
    MOST_LINES,
    Label,
    Layout,
    has_gaps,
    lines_of_pieces,
    read_lines,
)
from docprogress.steps.readers.pdf_pieces import Line as PieceLine
from docprogress.steps.readers.pdf_rules import read_links, read_rules
from docprogress.steps.readers.pdf_tags import read_tags

#: The fewest rules that may belong to a table.
LEAST_RULES = 3


class LayoutReader:
    """Reads the layouts of a PDF's pages."""

    def __init__(self, pdf: pypdfium2.PdfDocument) -> None:
        self._pdf = pdf
        self._tagged: bool | None = None

    def read(
        self,
        page: object,
        content: object,
        text: str,
        first: int,
        ordered: Sequence[PieceLine] | None = None,
    ) -> Layout | None:
        """The layout of a loaded page; None if it has too many lines.

        Args:
            page: The page.
            content: Its text, loaded.
            text: What PDFium gives for it.
            first: The position in PDFium's text that it begins at.
            ordered: Its lines, if they were put into another order.
        """
        if len(text) > MOST_CHARACTERS or text.count("\n") > MOST_LINES or not text:
            return None
        rules = read_rules(page)
        links = []
        if pdfium.FPDFPage_GetAnnotCount(page):
            links = read_links(self._pdf, page, content)
        if ordered is not None:
            return Layout(lines_of_pieces(ordered), rules, links, {})
        if self._tagged is None:
            self._tagged = bool(pdfium.FPDFCatalog_IsTagged(self._pdf))
        labels: dict[int, Label] = read_tags(page) if self._tagged else {}
        single = len(rules) >= LEAST_RULES and not labels
        lines = read_lines(content, text, first, single=single, tagged=bool(labels))
        if not single and not labels and has_gaps(lines):
            lines = read_lines(content, text, first, single=True, tagged=False)
        return Layout(lines, rules, links, labels)
