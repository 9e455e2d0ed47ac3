"""Rows of a sheet, and the budget that limits how much of a workbook is read.

Only cells with content are kept, so that a sheet takes the memory of its text,
whatever size it claims to have.
"""

import copy
from typing import NamedTuple

from docprogress.documents import Document
from docprogress.errors import LimitExceeded
from docprogress.settings import Settings
from docprogress.steps.extraction import too_long

#: The maximum number of cells of a workbook, empty ones included.
MAX_CELLS = 20_000_000

#: The last row and column of a sheet, counted from 0.
LAST_ROW = 1_048_575
LAST_COLUMN = 16_383


class Row(NamedTuple):
    """The cells of a visible row that have content, by column."""

    #: The row's number in the file, counted from 0.
    number: int
    #: Its number among the rows that are not hidden.
    position: int
    cells: dict[int, str]


class Merge(NamedTuple):
    """A rectangle of cells that is shown as one; the bounds are inclusive."""

    top: int
    left: int
    bottom: int
    right: int


class Budget:
    """How many characters and cells of a document may still be read.

    Args:
        document: The document, for errors.
        settings: The limits.
    """

    def __init__(self, document: Document, settings: Settings) -> None:
        self._document = document
        self._settings = settings
        self._characters = settings.max_characters
        self._cells = MAX_CELLS

    def copy(self) -> "Budget":
        """A separate budget with the same remainder."""
        return copy.copy(self)

    def take(self, characters: int) -> None:
        """Count characters.

        Raises:
            LimitExceeded: There are too many.
        """
        self._characters -= characters
        if self._characters < 0:
            raise too_long(self._document, self._settings)

    def take_cells(self, cells: int) -> None:
        """Count cells.

        Raises:
            LimitExceeded: There are too many.
        """
        self._cells -= cells
        if self._cells < 0:
            raise LimitExceeded(
                f"{self._document.name}: a workbook with more than {MAX_CELLS:,} "
                "cells; export only the sheets that you need, or save it as CSV"
            )


def cell_position(reference: str) -> tuple[int, int] | None:
    """Row and column, counted from 0, of a reference such as `B12`."""
    letters = reference.rstrip("0123456789")
    column = 0
    for letter in letters.upper():
        if not "A" <= letter <= "Z":
            return None
        column = column * 26 + ord(letter) - 64
    digits = reference[len(letters) :]
    if not letters or not digits or len(letters) > 3 or len(digits) > 7:  # noqa: PLR2004
        return None
    row = int(digits) - 1
    if not 0 <= row <= LAST_ROW or column - 1 > LAST_COLUMN:
        return None
    return row, column - 1


def column_name(column: int) -> str:
    """The letters of a column, counted from 0."""
    name = ""
    while column >= 0:
        column, letter = divmod(column, 26)
        name = chr(65 + letter) + name
        column -= 1
    return name


def merge_of(reference: str) -> Merge | None:
    """The rectangle of a reference such as `A1:B2`."""
    first, _, last = reference.partition(":")
    start, end = cell_position(first), cell_position(last or first)
    if start is None or end is None or start > end or start[1] > end[1]:
        return None
    return Merge(*start, *end)
