"""Texts of an OpenDocument sheet outside its cells: text boxes, charts, comments."""

from collections.abc import Iterator

from docprogress.errors import Unreadable
from docprogress.steps.readers.opendocument import CHART, DC, DRAW, TEXT, XLINK
from docprogress.steps.sheets.rows import Budget
from docprogress.steps.zipped_xml import ZippedXml

#: Charts of one sheet whose titles are read.
MOST_OBJECTS = 1_000

#: The elements that are shapes, where they stand in a cell.
SHAPES = tuple(
    f"{DRAW} {name}"
    for name in (
        *("frame", "custom-shape", "rect", "ellipse", "circle", "caption", "g"),
        *("line", "polyline", "polygon", "path", "connector", "measure", "control"),
    )
)

_PARAGRAPHS = (f"{TEXT} p", f"{TEXT} h")
_BLANKS = (f"{TEXT} s", f"{TEXT} tab", f"{TEXT} line-break")
_TITLES = (f"{CHART} title", f"{CHART} subtitle")


class Aside:
    """Collects the text inside of a shape or a comment.

    Args:
        budget: Each character is taken from it.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._open = 0
        self._names = False
        self._pieces: list[str] = []
        self._author: list[str] = []
        #: The charts and other objects that it shows.
        self.objects: list[str] = []

    @property
    def text(self) -> str:
        """The text, a line for each paragraph."""
        lines = (" ".join(line.split()) for line in "".join(self._pieces).split("\n"))
        return "\n".join(filter(None, lines))

    @property
    def author(self) -> str:
        """Who wrote it, if it is a comment."""
        return " ".join("".join(self._author).split())[:200]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name in _PARAGRAPHS:
            self._open += 1
        elif name == f"{DC} creator":
            self._names = True
        elif name == f"{DRAW} object" and len(self.objects) < MOST_OBJECTS:
            self.objects.append(attributes.get(f"{XLINK} href", ""))
        elif name in _BLANKS:
            self._pieces.append(" ")

    def end(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._open -= 1
            self._pieces.append("\n")
        elif name == f"{DC} creator":
            self._names = False

    def characters(self, data: str) -> None:
        if self._names or self._open:
            self._budget.take(len(data))
            (self._author if self._names else self._pieces).append(data)


def chart_titles(
    package: ZippedXml, objects: list[str], budget: Budget
) -> Iterator[str]:
    """The titles of charts and of their axes."""
    for name in objects[:MOST_OBJECTS]:
        titles = _Titles(budget)
        try:
            package.parse(f"{name.removeprefix('./').strip('/')}/content.xml", titles)
        except Unreadable:
            continue  # it is missing, or damaged, which costs no cell
        yield from titles.texts


class _Titles:
    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._depth = 0
        self._pieces: list[str] = []
        self.texts: list[str] = []

    def start(self, name: str, _: dict[str, str]) -> None:
        self._depth += name in _TITLES

    def end(self, name: str) -> None:
        if name in _PARAGRAPHS and self._depth:
            self._pieces.append(" ")
        if name in _TITLES:
            self._depth -= 1
            if text := " ".join("".join(self._pieces).split()):
                self.texts.append(text)
            self._pieces.clear()

    def characters(self, data: str) -> None:
        if self._depth:
            self._budget.take(len(data))
            self._pieces.append(data)
