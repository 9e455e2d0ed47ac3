"""Find the structure of a PDF's pages, and write it as Markdown.

The first pages, and a few of the others, show what is usual in the document. Everything
that is in the text is in the Markdown: where it would not be, it is the plain text.

`pdf_layouts` reads lines, fonts, rules, links and tags while a page is loaded; in them
`pdf_headings`, `pdf_tables`, `pdf_aligned`, `pdf_lists` and `pdf_tagged` find what
their names say, and `pdf_blocks` puts the page together.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from docprogress.documents import Page
from docprogress.errors import DocumentError
from docprogress.steps.readers import pdf_markdown as markdown
from docprogress.steps.readers.pdf_aligned import aligned_tables
from docprogress.steps.readers.pdf_blocks import Blocks, Heading
from docprogress.steps.readers.pdf_fonts import Font
from docprogress.steps.readers.pdf_headings import Headings
from docprogress.steps.readers.pdf_lines import Layout
from docprogress.steps.readers.pdf_outline import Outline
from docprogress.steps.readers.pdf_tables import Table, ruled_table
from docprogress.steps.readers.pdf_tagged import tagged_headings, tagged_tables
from docprogress.steps.readers.pdf_text_lines import (
    TextLine,
    leading_of,
    text_lines,
)
from docprogress.steps.text import clean

#: How many pages are read before the first one is given, and one in how many of the
#: others is looked at beforehand, at most so many.
FIRST_PAGES = 12
EVERY = 16
MOST_SAMPLED = 12

#: How much longer than the text Markdown may be: merged cells are repeated.
LONGEST = 4
EXTRA = 4_000

#: Words, and characters of scripts that write none.
_WORD = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]|[^\W\u2e80-\u9fff\uf900-\ufaff]+")


#: A page's layout, text and lines.
_Waiting = tuple[Layout | None, str, list[TextLine] | None]


class Structure:
    """The structure of one PDF.

    Args:
        pages: How many pages it has.
        outline: Its bookmarks.
        layout: Reads the layout and text of a page, counted from 0, out of turn.
    """

    def __init__(
        self,
        pages: int,
        outline: Outline,
        layout: Callable[[int], tuple[Layout | None, str]],
    ) -> None:
        self._pages = pages
        self._read = layout
        self._headings = Headings(outline, pages)
        self._tagged = False
        #: Whether the usual fonts and sizes of the document are known.
        self.settled = False
        self._waiting: dict[int, _Waiting] = {}

    def add(self, page: Page, layout: Layout | None) -> Page:
        """A page with its Markdown, once the usual fonts and sizes are known."""
        if self.settled:
            lines = text_lines(layout, page.text) if layout else None
            found = self._markdown(page.number, layout, page.text, lines)
            return replace(page, markdown=found)
        lines = self._learn(page.number - 1, layout, page.text)
        self._waiting[page.number] = layout, page.text, lines
        if len(self._waiting) >= FIRST_PAGES or page.number >= self._pages:
            self._settle()
        return page

    def fill(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Add the Markdown of the first pages, held back until it is known.

        Raises:
            DocumentError: Whatever reads the pages did, once those before are given.
        """
        held: deque[Page] = deque()
        failure: DocumentError | None = None
        try:
            for page in pages:
                held.append(page)
                while self.settled and held:
                    yield self._filled(held.popleft())
        except DocumentError as error:
            failure = error
        if not self.settled:
            self._settle()
        for page in held:
            yield self._filled(page)
        if failure is not None:
            raise failure

    def _filled(self, page: Page) -> Page:
        waiting = self._waiting.pop(page.number, None)
        if page.confidence is not None:
            return replace(page, markdown=None)
        if waiting is None:
            return page
        return replace(page, markdown=self._markdown(page.number, *waiting))

    def _learn(
        self, index: int, layout: Layout | None, text: str
    ) -> list[TextLine] | None:
        lines = text_lines(layout, text) if layout else None
        if lines is not None:
            self._tagged = self._tagged or any(
                line.label and line.label.kind == "heading" for line in lines
            )
            self._headings.learn(index, lines)
        return lines

    def _settle(self) -> None:
        rest = range(max(self._waiting, default=0), self._pages)
        count = min(len(rest) // EVERY, MOST_SAMPLED)
        for number in range(count):
            index = rest[len(rest) * (2 * number + 1) // (2 * count)]
            layout, text = self._read(index)
            self._learn(index, layout, clean(text))
        self._headings.settle()
        self.settled = True

    def _markdown(
        self,
        number: int,
        layout: Layout | None,
        text: str,
        lines: list[TextLine] | None,
    ) -> str | None:
        """The Markdown of a page."""
        if not text.strip():
            return None
        if layout is None or lines is None:
            return markdown.plain(text)
        found = self._build(number - 1, layout, lines)
        tabular = "| --- |" in found or layout.labels
        longest = LONGEST * len(text) + EXTRA
        if len(found) > longest or (tabular and not _has_all_words(found, text)):
            return markdown.plain(text)
        return found

    def _build(self, index: int, layout: Layout, lines: list[TextLine]) -> str:
        headings = self._headings
        leading = leading_of(lines, headings.body)
        longest = LONGEST * sum(len(line.text) for line in lines) + EXTRA
        tables = [
            table
            for table in self._tables(layout, lines)
            if sum(len(text) for row in table.rows for text in row) <= longest
        ]
        taken = {number for table in tables for number in table.lines}
        if self._tagged and layout.labels:
            found = tagged_headings(lines, headings)
        else:
            found = [
                Heading(heading.start, heading.end, headings.level(heading))
                for heading in headings.find(index, lines, leading)
            ]
        found = [
            heading
            for heading in found
            if taken.isdisjoint(range(heading.start, heading.end))
        ]
        blocks = Blocks(
            lines,
            body=Font(headings.body_bold, False, headings.body_fixed),
            leading=leading,
            links=layout.links,
        )
        return blocks.build(found, tables)

    def _tables(self, layout: Layout, lines: list[TextLine]) -> list[Table]:
        if layout.labels and (found := tagged_tables(layout, lines)):
            return found
        tables: list[Table] = []
        taken: set[int] = set()
        for grid in layout.grids:
            table = ruled_table(grid, lines)
            if table is not None and taken.isdisjoint(table.lines):
                tables.append(table)
                taken |= table.lines
        code: set[int] = set()
        if not self._headings.body_fixed:
            code = {n for n, line in enumerate(lines) if line.fixed}
        tables += aligned_tables(lines, taken | code, layout.bands)
        return tables


def _has_all_words(found: str, text: str) -> bool:
    """Whether all words of a text are in its Markdown."""
    missing = Counter(_WORD.findall(text))
    missing.subtract(_WORD.findall(found))
    return all(count <= 0 for count in missing.values())
