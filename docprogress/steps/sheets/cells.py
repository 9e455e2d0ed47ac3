"""Show the values of cells as text."""

from array import array

from docprogress.steps.sheets.number_formats import (
    BUILT_IN,
    NumberFormat,
    number_format,
)
from docprogress.steps.sheets.rows import Budget

#: The most cell formats of a workbook that are kept; Excel has 65,490.
MAX_STYLES = 100_000

#: The errors of formulas, by their numbers in binary workbooks.
ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}


class CellFormats:
    """The number formats of a workbook's cells, by the number of a cell's style."""

    def __init__(self) -> None:
        #: The workbook's own number formats.
        self.codes: dict[int, str] = dict(BUILT_IN)
        #: The number format of each style.
        self.styles = array("L")
        self.since_1904 = False
        self._general = number_format("General")
        self._by_style: dict[int, NumberFormat] = {}

    def add_style(self, code: int) -> None:
        if len(self.styles) < MAX_STYLES:
            self.styles.append(min(max(code, 0), 0xFFFF))

    def number(self, value: float, style: int) -> str:
        """A number as its cell shows it."""
        return self._format(style).show(value, since_1904=self.since_1904)

    def text(self, text: str, style: int) -> str:
        """A text as its cell shows it."""
        return self._format(style).show_text(text)

    def _format(self, style: int) -> NumberFormat:
        found = self._by_style.get(style)
        if found is None:
            known = 0 <= style < len(self.styles)
            code = self.codes.get(self.styles[style]) if known else None
            found = self._general if code is None else number_format(code)
            if known:
                self._by_style[style] = found
        return found


class SharedStrings:
    """The texts that cells refer to by number, in little more memory than their bytes.

    A list of strings takes ten times as much for a million short ones.
    """

    def __init__(self, budget: Budget) -> None:
        # Texts that no visible cell refers to do not count against the document.
        self._budget = budget.copy()
        self._bytes = bytearray()
        self._ends = array("Q")

    def add(self, text: str) -> None:
        """Add the next text.

        Raises:
            LimitExceeded: There are too many.
        """
        self._budget.take(len(text))
        self._budget.take_cells(1)
        self._bytes += text.encode("utf-8", "replace")
        self._ends.append(len(self._bytes))

    def __getitem__(self, number: int) -> str:
        """The text of this number; empty if there is none."""
        if not 0 <= number < len(self._ends):
            return ""
        start = self._ends[number - 1] if number else 0
        return self._bytes[start : self._ends[number]].decode()


def tidy(text: str) -> str:
    """A cell's text with plain line ends, and without tabs and surrounding spaces."""
    if text.isprintable():
        return text.strip(" ")
    return (
        text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ").strip(" \n")
    )
