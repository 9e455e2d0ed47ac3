"""The meaning of a page's marked content by the tags (structure tree) of a PDF."""

import re
from contextlib import closing, suppress
from ctypes import addressof, byref, c_char_p, c_float, c_ushort
from typing import Any, NamedTuple

from pypdfium2 import raw as pdfium

from docprogress.steps.readers import pdf_native as native
from docprogress.steps.readers.pdf_lines import Label

#: The maximum number of elements of a page that are looked at, and how deep they may be
#: nested.
MOST_ELEMENTS = 20_000
DEEPEST = 100

#: The most children of elements in a PDF. PDFium reads those of an element for each
#: page that it is on, however many they are.
MOST_CHILDREN = 5_000_000

#: The maximum number of rows or columns that a cell may span.
MOST_SPANNED = 100

#: The maximum number of places of a page that cells from above reach into.
MOST_TAKEN = 20_000

#: The maximum number of bytes of an element's type.
MOST_TYPE = 64

_HEADING = re.compile(r"H([1-6])?|Title")
_PARAGRAPHS = frozenset(
    ("P", "BlockQuote", "Caption", "Note", "TOCI", "Figure", "FENote", "Aside")
)
_CELLS = frozenset(("TD", "TH"))


class _Place(NamedTuple):
    """Facts about an element from its ancestors."""

    label: Label
    #: How many lists it is within.
    lists: int = 0
    #: The table it is within, 0 if none; cells within cells are those of the outer.
    table: int = 0
    row: int = -1


class _Element(NamedTuple):
    handle: Any
    place: _Place
    depth: int


class Tags:
    """The tags of one page."""

    def __init__(self) -> None:
        #: What each marked content is, by its number.
        self.labels: dict[int, Label] = {}
        #: How many children the elements had, those on other pages too.
        self.children = 0
        self._seen: set[int] = set()
        self._blocks = 0
        #: How many rows each table has, and how many cells each row, as far as read.
        self._rows: dict[int, int] = {}
        self._cells: dict[tuple[int, int], int] = {}
        # Cells that reach into rows below them: (table, row, column).
        self._taken: set[tuple[int, int, int]] = set()

    def read(self, page: object) -> None:
        """Read the tags of a loaded page."""
        tree = pdfium.FPDF_StructTree_GetForPage(page)
        if not tree:
            return
        with closing(_Tree(tree)):
            count = pdfium.FPDF_StructTree_CountChildren(tree)
            start = _Place(Label("other", 0))
            waiting = [
                _Element(pdfium.FPDF_StructTree_GetChildAtIndex(tree, n), start, 0)
                for n in range(min(count, MOST_ELEMENTS))
            ]
            waiting.reverse()
            while waiting and len(self._seen) < MOST_ELEMENTS:
                waiting += reversed(self._children(waiting.pop()))

    def _children(self, element: _Element) -> list[_Element]:
        handle, place, depth = element
        address = native.address(handle) if handle else 0
        if not address or address in self._seen or depth > DEEPEST:
            return []
        self._seen.add(address)
        outer, place = place, self._place(handle, place)
        is_row = place.row != outer.row and place.row >= 0
        children: list[_Element] = []
        count = pdfium.FPDF_StructElement_CountChildren(handle)
        self.children += max(count, 0)
        for n in range(min(count, MOST_ELEMENTS)):
            child = pdfium.FPDF_StructElement_GetChildAtIndex(handle, n)
            if child:
                children.append(_Element(child, place, depth + 1))
                continue
            number = pdfium.FPDF_StructElement_GetChildMarkedContentID(handle, n)
            if number >= 0:
                self.labels.setdefault(number, place.label)
            elif is_row:
                self._next_column(place, 1)  # an empty cell
        return children

    def _place(  # noqa: C901, PLR0911 - a list of types
        self, handle: Any, place: _Place
    ) -> _Place:
        kind = _type(handle)
        label = place.label
        if place.table and label.kind == "cell":
            return place  # whatever is within a cell is its text
        if found := _HEADING.fullmatch(kind):
            level = int(found[1] or 0) or int(kind == "Title")
            return place._replace(label=self._new("heading", level))
        if kind == "Table":
            self._blocks += 1
            return place._replace(table=self._blocks, row=-1)
        if kind == "TR" and place.table:
            row = self._rows.get(place.table, 0)
            self._rows[place.table] = row + 1
            return place._replace(row=row)
        if kind in _CELLS and place.table and place.row >= 0:
            return place._replace(label=self._cell(handle, place))
        if kind == "L":
            return place._replace(lists=place.lists + 1)
        if kind == "LI":
            return place._replace(label=self._new("item", max(place.lists - 1, 0)))
        if kind == "Lbl" and label.kind == "item":
            return place._replace(label=label._replace(bullet=True))
        if kind == "Code" and label.kind == "other":
            return place._replace(label=self._new("code"))
        if kind in _PARAGRAPHS and label.kind in ("other", "text"):
            return place._replace(label=self._new("text"))
        return place

    def _new(self, kind: str, level: int = 0) -> Label:
        self._blocks += 1
        return Label(kind, self._blocks, level)

    def _cell(self, handle: Any, place: _Place) -> Label:
        table, row = place.table, place.row
        rows = _span(handle, b"RowSpan")
        columns = _span(handle, b"ColSpan")
        column = self._next_column(place, columns)
        if rows > 1 and len(self._taken) < MOST_TAKEN:
            self._taken |= {
                (table, row + down, column + right)
                for down in range(1, rows)
                for right in range(columns)
            }
        return Label("cell", table, 0, row, column, rows, columns)

    def _next_column(self, place: _Place, columns: int) -> int:
        """Where the next cell of a row begins, which takes so many columns."""
        table, row = place.table, place.row
        column = self._cells.get((table, row), 0)
        while (table, row, column) in self._taken:
            column += 1
        self._cells[table, row] = column + columns
        return column


class _Tree:
    """Closes a structure tree."""

    def __init__(self, tree: object) -> None:
        self._tree = tree

    def close(self) -> None:
        pdfium.FPDF_StructTree_Close(self._tree)


class TagReader:
    """Reads the tags of a PDF's pages, until they have cost too much."""

    def __init__(self) -> None:
        self._left = MOST_CHILDREN

    def read(self, page: object) -> dict[int, Label]:
        """What each marked content of a loaded page is, by its number."""
        if self._left <= 0:
            return {}
        tags = Tags()
        tags.read(page)
        self._left -= tags.children
        return tags.labels


_buffer = (c_ushort * (MOST_TYPE // 2))()


def _type(handle: Any) -> str:
    size = pdfium.FPDF_StructElement_GetType(handle, addressof(_buffer), MOST_TYPE)
    if not 0 < size <= MOST_TYPE:
        return ""
    return bytes(_buffer)[: max(size - 2, 0)].decode("utf-16-le", "ignore")


def _span(handle: Any, name: bytes) -> int:
    """How many rows or columns a cell spans."""
    number = c_float()
    with suppress(ValueError, OverflowError):
        for n in range(min(pdfium.FPDF_StructElement_GetAttributeCount(handle), 10)):
            attribute = pdfium.FPDF_StructElement_GetAttributeAtIndex(handle, n)
            if not attribute:
                continue
            value = pdfium.FPDF_StructElement_Attr_GetValue(attribute, c_char_p(name))
            if value and pdfium.FPDF_StructElement_Attr_GetNumberValue(
                value, byref(number)
            ):
                return min(max(int(number.value), 1), MOST_SPANNED)
    return 1
