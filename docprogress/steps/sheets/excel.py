"""What Excel workbooks in XML (.xlsx) and in records (.xlsb) have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from docprogress.documents import Document
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps.extraction import Extraction, Facts
from docprogress.steps.readers import ooxml
from docprogress.steps.sheets.asides import asides
from docprogress.steps.sheets.cells import CellFormats, SharedStrings
from docprogress.steps.sheets.grid import Grid
from docprogress.steps.sheets.pages import Hidden, Sheet, extraction
from docprogress.steps.sheets.rows import Budget, Row
from docprogress.steps.zipped_xml import ZippedXml


class ExcelWorkbook(ABC):
    """A workbook whose sheets are parts of a package."""

    engine: ClassVar[str]
    #: The name of the part that lists the sheets, as a regular expression.
    main: ClassVar[str]
    #: Bytes of a sheet's part that make about one page.
    bytes_per_page: ClassVar[int]

    def __init__(
        self, package: ZippedXml, budget: Budget, *, settings: Settings, name: str
    ) -> None:
        self._package = package
        self._name = name
        self._budget = budget
        self._include_hidden = include_hidden = settings.include_hidden
        self._comments = settings.include_comments
        self._formats = CellFormats()
        self._strings: SharedStrings | None = None
        main = ooxml.main_part(package, self.main)
        if main is None:
            raise self._damaged("its list of sheets is missing")
        self._relations = ooxml.relations(package, main)
        sheets = list(self._listed(main))
        self._shown = [
            (title, part)
            for title, hidden, part in sheets
            if include_hidden or not hidden
        ]
        self.hidden = Hidden(sheets=len(sheets) - len(self._shown))
        self.shown = len(self._shown)
        self.pages = sum(self._pages(part) for _, part in self._shown)

    def sheets(self) -> Iterator[Sheet]:
        for title, part in self._shown:
            grid = Grid(self._budget, self.hidden, include_hidden=self._include_hidden)
            yield Sheet(
                name=title,
                rows=self._rows(part, grid),
                merges=grid.merges,
                pages=self._pages(part),
                asides=partial(self._asides, part, grid),
            )

    def close(self) -> None:
        self._package.close()

    def _asides(self, part: str, grid: Grid) -> Iterator[str]:
        return asides(
            self._package,
            part,
            self._budget,
            comments=self._comments,
            shows=grid.shows_cell,
        )

    def _pages(self, part: str) -> int:
        return 1 + self._package.size(part) // self.bytes_per_page

    @abstractmethod
    def _listed(self, main: str) -> Iterator[tuple[str, bool, str]]:
        """The sheets: their titles, whether they are hidden, their parts."""

    @abstractmethod
    def _rows(self, part: str, grid: Grid) -> Iterator[Row]:
        """The visible rows of a sheet's part that have content."""

    @abstractmethod
    def _read_strings(self, part: str, strings: SharedStrings) -> None:
        """Read the part with the shared texts."""

    @abstractmethod
    def _read_styles(self, part: str) -> None:
        """Read the part with the formats of cells."""

    def _shared_strings(self) -> SharedStrings:
        """The shared texts and the formats of cells, which are read once."""
        if self._strings is None:
            self._strings = SharedStrings(self._budget)
            for relation in self._relations.values():
                if relation.kind == "sharedStrings":
                    self._read_strings(relation.target, self._strings)
                elif relation.kind == "styles":
                    self._read_styles(relation.target)
        return self._strings

    def _damaged(self, reason: object) -> Unreadable:
        return Unreadable(
            f"{self._name}: an Excel workbook that is damaged or cut short ({reason})"
        )


def read_workbook(
    kind: type[ExcelWorkbook], document: Document, settings: Settings, facts: Facts
) -> Extraction:
    """Read a workbook, a page for each sheet."""
    package = ZippedXml(
        document.name,
        document.path,
        what="an Excel workbook",
        max_characters=settings.max_characters,
        facts=facts,
    )
    facts["engine"] = kind.engine
    budget = Budget(document, settings)
    try:
        workbook = kind(package, budget, settings=settings, name=document.name)
        ooxml.read_properties(package, facts)
        return extraction(
            document, workbook, settings=settings, facts=facts, budget=budget
        )
    except BaseException:
        package.close()
        raise
