"""The rows of GitHub tables."""

import re
from collections.abc import Sequence

from docprogress.structure.inline import plain

Rows = tuple[tuple[str, ...], ...]

#: Cells that are added to short rows of a table, at most: a header with many columns
#: could make millions of them out of a few characters.
MAX_ADDED = 500_000

_DELIMITER = re.compile(r":?-+:?")
_DELIMITERS = frozenset("|:- \t")
_SPECIAL = "\\`*_~[<&"
_BAR = re.compile(r"\\.|\|")


def delimiters(line: str) -> int:
    """How many columns a delimiter row has; 0 if the line is none."""
    if "|" not in line or "-" not in line or not _DELIMITERS.issuperset(line):
        return 0
    found = split(line)
    return len(found) if all(map(_DELIMITER.fullmatch, found)) else 0


def split(line: str) -> list[str]:
    """The cells of a row, in Markdown."""
    line = line.strip()
    if "\\" not in line:
        parts = line.split("|")
    else:
        parts = []
        start = 0
        for bar in _BAR.finditer(line):
            if bar[0] == "|":
                parts.append(line[start : bar.start()])
                start = bar.end()
        parts.append(line[start:])
    if line[:1] == "|":
        del parts[0]
    if len(parts) > 1 and not parts[-1].strip():
        del parts[-1]
    return [part.strip() for part in parts]


def rows(lines: Sequence[str]) -> Rows:
    """The cells of rows as plain text; `<br>` is a line end in them.

    Each row has the columns of the first one. What a row has beyond is joined to its
    last cell.
    """
    left = MAX_ADDED
    width = 0
    made: list[tuple[str, ...]] = []
    # Most tables have no markup at all, which is found out fast at once.
    whole = "\n".join(lines)
    marked = any(sign in whole for sign in _SPECIAL)
    for line in lines:
        if not marked and line[:2] == "| " and line[-2:] == " |" and "  " not in line:
            cells = line[2:-2].split(" | ")
        elif marked:
            cells = [_text(cell) for cell in split(line)]
        else:
            cells = split(line)
        width = width or len(cells)
        if len(cells) > width:
            cells[width - 1 :] = [" | ".join(cells[width - 1 :])]
        elif missing := min(width - len(cells), left):
            left -= missing
            cells += [""] * missing
        made.append(tuple(cells))
    return tuple(made)


def _text(cell: str) -> str:
    # In code, a bar is escaped as well.
    return plain(cell.replace("\\|", "|")) if "\\" in cell else plain(cell)
