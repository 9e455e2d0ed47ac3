"""Texts of an Excel sheet outside its cells: shapes, titles of charts, comments.

It follows the sheet's cells. What a chart draws is in the cells already.
"""

import sys
from collections.abc import Callable, Iterator

from docprogress.errors import Unreadable
from docprogress.steps.readers import ooxml
from docprogress.steps.readers.drawings import add_drawing
from docprogress.steps.readers.flow import Budget as FlowBudget
from docprogress.steps.readers.flow import Flow
from docprogress.steps.sheets.rows import Budget
from docprogress.steps.text import TooLong
from docprogress.steps.xml_parsing import Handler
from docprogress.steps.zipped_xml import ZippedXml

_DRAWING_SPACE = (
    "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing",
    "http://purl.oclc.org/ooxml/drawingml/spreadsheetDrawing",
)
_SHAPES = ooxml.elements(
    (_DRAWING_SPACE, "sp cNvPr"),
    (ooxml.DRAWING, "p t br"),
    (ooxml.COMPATIBILITY, "Fallback"),
)
_CHARTS = frozenset(ooxml.elements((ooxml.CHART, "chart")))
_DIAGRAMS = frozenset(ooxml.elements((ooxml.DIAGRAM, "relIds")))
_DIAGRAM_DATA = "diagramData"
_TITLES = ooxml.elements(
    (ooxml.CHART, "title v pt"), (ooxml.DRAWING, "p t"), (ooxml.CHART, "userShapes")
)

#: Drawings, charts and parts with comments of one sheet that are read.
MOST_PARTS = 1_000

#: Characters of a diagram.
MOST_CHARACTERS = 1_000_000

#: How the text of a comment begins that is shown as part of a thread.
_THREADED = "[Threaded comment]"


def asides(
    package: ZippedXml,
    part: str,
    budget: Budget,
    *,
    comments: bool,
    shows: Callable[[str], bool],
) -> Iterator[str]:
    """The texts besides the cells of a sheet, shapes and charts first.

    Args:
        package: The open workbook.
        part: The sheet's part.
        budget: Each character is taken from it.
        comments: Whether comments are read.
        shows: Whether a cell, given by its reference, is shown.
    """
    related = list(ooxml.relations(package, part).values())[:MOST_PARTS]
    for found in related:
        if found.kind == "drawing" and not found.external:
            yield from _drawing(package, found.target, budget)
    if comments:
        kinds = [f for f in related if "omment" in f.kind and not f.external]
        yield from _comments(package, kinds, budget, shows)


def _drawing(package: ZippedXml, part: str, budget: Budget) -> Iterator[str]:
    shapes = _Shapes(budget)
    if not _parsed(package, part, shapes):
        return
    yield from shapes.texts
    if not shapes.parts:
        return
    related = ooxml.relations(package, part)
    for name in shapes.parts[:MOST_PARTS]:
        found = related.get(name)
        if found is None or found.external:
            continue
        if found.kind == _DIAGRAM_DATA:
            yield from _diagram(package, found, budget)
            continue
        titles = _Titles(budget)
        if _parsed(package, found.target, titles):
            yield from titles.texts


def _diagram(
    package: ZippedXml, found: ooxml.Relation, budget: Budget
) -> Iterator[str]:
    """The text of a diagram (SmartArt)."""
    flow = Flow(FlowBudget(MOST_CHARACTERS))
    try:
        add_drawing(package, found, flow, diagram=True)
    except TooLong:
        budget.take(sys.maxsize)
    text = str(flow).strip()
    budget.take(len(text))
    if text:
        yield text


def _comments(
    package: ZippedXml,
    parts: list[ooxml.Relation],
    budget: Budget,
    shows: Callable[[str], bool],
) -> Iterator[str]:
    people: dict[str, str] = {}
    if any(found.kind == "threadedComment" for found in parts):
        persons = _Persons()
        for name in package.names:
            if name.startswith("xl/persons/") and name.endswith(".xml"):
                _parsed(package, name, persons)
        people = persons.names
    for found in parts:
        comments = _Comments(budget, people)
        if not _parsed(package, found.target, comments):
            continue
        for reference, author, text in comments.found:
            if shows(reference) and (shown := comment(reference, author, text)):
                yield shown


def comment(reference: str, author: str, text: str) -> str:
    """A comment as it is shown; empty if it says nothing of its own.

    Args:
        reference: The cell's, such as `B12`.
        author: Who wrote it, if that is known.
        text: What it says.
    """
    # Excel puts the author's name before the text of a new one.
    words = " ".join(text.split()).removeprefix(f"{author}:").strip()
    if not words or words.startswith(_THREADED):
        return ""
    return f"[{reference}] {author or 'Comment'}: {words}"


def _parsed(package: ZippedXml, part: str, handler: Handler) -> bool:
    """Whether a part could be read; the sheet's cells matter more than these."""
    try:
        package.parse(part, handler)
    except Unreadable:
        return False
    return True


class _Pieces:
    """Collects the text inside of some elements."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._pieces: list[str] = []
        self._inside = False

    def characters(self, data: str) -> None:
        if self._inside:
            self._budget.take(len(data))
            self._pieces.append(data)

    def _taken(self) -> str:
        lines = "".join(self._pieces).split("\n")
        self._pieces.clear()
        return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


class _Shapes(_Pieces):
    """The texts of a drawing's shapes, and the relations of its charts and diagrams."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self._hidden = False
        self._fallbacks = 0
        self.texts: list[str] = []
        self.parts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match _SHAPES.get(name):
            case "sp":
                self._hidden = False
            case "cNvPr":
                self._hidden = attributes.get("hidden") in ("1", "true")
            case "t":
                self._inside = not self._hidden and not self._fallbacks
            case "br":
                self._pieces.append("\n")
            case "Fallback":
                self._fallbacks += 1
        shown = not self._hidden and not self._fallbacks
        if shown and name in _CHARTS and (found := ooxml.relation(attributes)):
            self.parts.append(found)
        elif shown and name in _DIAGRAMS:
            self.parts.append(ooxml.relation(attributes, "dm"))

    def end(self, name: str) -> None:
        match _SHAPES.get(name):
            case "t":
                self._inside = False
            case "p":
                self._pieces.append("\n")
            case "sp":
                if text := self._taken():
                    self.texts.append(text)
            case "Fallback":
                self._fallbacks -= 1


class _Titles(_Pieces):
    """The titles of a chart and of its axes."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self._depth = 0
        self.texts: list[str] = []

    def start(self, name: str, _: dict[str, str]) -> None:
        kind = _TITLES.get(name)
        if kind == "title":
            self._depth += 1
        self._inside = bool(self._depth) and kind in ("t", "v")

    def end(self, name: str) -> None:
        self._inside = False
        match _TITLES.get(name):
            case "title":
                self._depth -= 1
                # A title that is linked to a cell may be there twice.
                lines = dict.fromkeys(self._taken().split("\n"))
                if text := " ".join(lines):
                    self.texts.append(text)
            case "p" | "pt":
                self._pieces.append("\n")


class _Comments(_Pieces):
    """The comments of a part, of the old kind (notes) or in threads."""

    def __init__(self, budget: Budget, people: dict[str, str]) -> None:
        super().__init__(budget)
        self._people = people
        self._authors: list[str] = []
        self._reference = self._author = ""
        self.found: list[tuple[str, str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        match local:
            case "comment":
                number = attributes.get("authorId", "")
                known = number.isdecimal() and len(number) < 6  # noqa: PLR2004
                place = int(number) if known else len(self._authors)
                self._author = "".join(self._authors[place : place + 1])
                self._reference = attributes.get("ref", "")[:20]
            case "threadedComment":
                self._author = self._people.get(attributes.get("personId", ""), "")
                self._reference = attributes.get("ref", "")[:20]
        in_thread = local == "text" and not self._authors
        self._inside = local in ("t", "author") or in_thread

    def end(self, name: str) -> None:
        self._inside = False
        match name.rpartition(" ")[2]:
            case "author":
                self._authors.append(" ".join(self._taken().split())[:200])
            case "comment" | "threadedComment":
                self.found.append((self._reference, self._author, self._taken()))


class _Persons:
    """The names of those who wrote threads, by their ids."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(" ")[2] == "person":
            shown = attributes.get("displayName", "")[:200]
            self.names[attributes.get("id", "")] = shown

    def end(self, _: str) -> None: ...
    def characters(self, _: str) -> None: ...
