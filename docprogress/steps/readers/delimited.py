"""Read CSV and other delimited text as a table; as plain text if it is none."""

import io
from collections.abc import Iterator
from dataclasses import replace

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps import textual
from docprogress.steps.delimited import Dialect, find_dialect, is_balanced
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    read_text,
    single_page,
)
from docprogress.steps.sheets.cells import tidy
from docprogress.steps.sheets.pages import PAGE_SIZE, Sheet, page_limit, sheet_pages
from docprogress.steps.sheets.rows import Budget, Row


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a delimited file as one page, a large one as several."""

    def pages() -> Iterator[Page]:
        text = read_text(document, settings, facts)
        dialect = _dialect(text)
        if dialect is None:
            facts["media_type"] = textual.PLAIN
            facts["engine"] = "text"
            result.total = 1
            yield single_page(text, facts)
            return
        facts["engine"] = "csv"
        facts["delimiter"] = dialect.delimiter
        budget = Budget(document, settings)
        sheet = Sheet(name="", rows=_rows(text, dialect, budget))
        number = 0
        for page in sheet_pages(sheet, budget, heading=False):
            number += 1
            page_limit(document, number, settings)
            result.total = max(expected, number)
            yield replace(page, number=number)
        result.total = number

    expected = 1 + document.size // (2 * PAGE_SIZE)
    result = Extraction(pages(), total=expected, facts=facts, unit="sheet")
    return result


def _dialect(text: str) -> Dialect | None:
    """The dialect of the whole text, whose quotation marks may be unbalanced."""
    dialect = find_dialect(text, named=True)
    if dialect is None:
        return None
    for quote in dict.fromkeys((dialect.quote, None)):
        tried = replace(dialect, quote=quote)
        if is_balanced(tried, text):
            return tried
    return None


def _rows(text: str, dialect: Dialect, budget: Budget) -> Iterator[Row]:
    lines = io.StringIO(text, newline="")
    lines.seek(dialect.skip)
    for number, fields in enumerate(dialect.rows(lines)):
        cells = {
            column: shown
            for column, field in enumerate(fields)
            if field and (shown := tidy(field))
        }
        if cells:
            budget.take(sum(map(len, cells.values())))
            yield Row(number, number, cells)
