"""Find out how a delimited text file, such as CSV, separates and quotes its fields.

Each delimiter is tried on the first rows. The one wins whose rows have the same number
of fields and whose fields look like values. Prose has no such delimiter.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

#: Characters at the beginning of a file that are examined, and rows in them.
SAMPLE = 64 * 1024
SAMPLE_ROWS = 200

#: The share of rows that must have the same number of fields.
CONSISTENT = 0.7

#: The minimum number of rows of a file whose name does not say that it is delimited.
FEWEST_ROWS = 4

#: The longest fields, on average, of such a file.
SHORT = 40

#: A field with more lines than this is taken for an unbalanced quotation mark.
MOST_LINES = 100

_DELIMITERS = "\t;,|"
_SEPARATOR = re.compile(r"(?i)\ufeff?sep=(.)\r?\n")
_NUMBER = re.compile(r"[-+(]?[€$£¥]?[\d.,'\u00a0\u202f ]*\d[)%€$£¥ ]*")
_INSIDE = {
    one: re.compile(f"[{re.escape(_DELIMITERS.replace(one, ''))}](?! )")
    for one in _DELIMITERS
}
_OUTSIDE = re.compile(r"[\t;,|](?= )")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How fields are separated and quoted."""

    delimiter: str
    #: None if nothing is quoted.
    quote: str | None = '"'
    escape: str | None = None
    #: Characters before the first row.
    skip: int = 0

    def rows(
        self, lines: Iterator[str], *, strict: bool = False
    ) -> Iterator[list[str]]:
        """The fields of each row.

        Raises:
            csv.Error: A field is too long: a quotation mark is not closed.
        """
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote or '"',
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape,
            skipinitialspace=self.delimiter != "\t",
            strict=strict,
        )


def find_dialect(text: str, *, named: bool) -> Dialect | None:
    """The dialect of a delimited text; None if it is not delimited.

    Args:
        text: The beginning of the file, or all of it.
        named: Whether the file's name says that it is delimited. If not, all rows must
            be alike.
    """
    if found := _SEPARATOR.match(text):
        return Dialect(delimiter=found[1], skip=found.end())
    lines = text[:SAMPLE].splitlines(keepends=True)
    if len(text) >= SAMPLE or len(lines) > SAMPLE_ROWS:
        lines = lines[: min(len(lines) - 1, SAMPLE_ROWS)] or lines
    best, most = None, 0.0
    for delimiter in _DELIMITERS:
        if not any(delimiter in line for line in lines[:SAMPLE_ROWS]):
            continue
        for dialect in _dialects(delimiter, lines):
            score = _score(dialect, lines, named=named)
            if score > most:
                best, most = dialect, score
    return best


def is_balanced(dialect: Dialect, text: str) -> bool:
    """Whether every quotation mark that opens a field closes it soon."""
    lines = io.StringIO(text, newline="")
    for strict in (True, False):
        lines.seek(dialect.skip)
        try:
            return all(
                field.count("\n") <= MOST_LINES
                for row in dialect.rows(lines, strict=strict)
                for field in row
            )
        except csv.Error as error:
            # Text between a closing quotation mark and the delimiter is tolerated.
            if "expected after" not in str(error):
                return False
    return False


def _dialects(delimiter: str, lines: list[str]) -> Iterator[Dialect]:
    text = "".join(lines)
    escape = "\\" if "\\" + delimiter in text or '\\"' in text else None
    yield Dialect(delimiter=delimiter, escape=escape)
    mark = re.escape(delimiter)
    single = re.findall(rf"(?m)(?:^|{mark})'[^'\n]*'(?={mark}|\r?$)", text)
    if len(single) >= len(lines):
        yield Dialect(delimiter=delimiter, quote="'", escape=escape)
    if '"' in text:
        yield Dialect(delimiter=delimiter, quote=None, escape=escape)


def _score(dialect: Dialect, lines: list[str], *, named: bool) -> float:
    """How well a dialect suits: 0 if it does not, up to 1."""
    try:
        rows = [row for row in dialect.rows(iter(lines)) if any(row)]
    except csv.Error:
        return 0.0
    if not rows:
        return 0.0
    fields, count = Counter(map(len, rows)).most_common(1)[0]
    share = count / len(rows)
    if fields < 2 or share < CONSISTENT:  # noqa: PLR2004
        return 0.0
    alike = [row for row in rows if len(row) == fields]
    if not named and not _unmistakable(dialect, rows, fields, share):
        return 0.0
    cells = [cell for row in alike for cell in row]
    clean = sum(_clean(cell, dialect) for cell in cells) / len(cells)
    return share * clean * (1 - 1 / (fields + 1))


def _unmistakable(
    dialect: Dialect, rows: list[list[str]], fields: int, share: float
) -> bool:
    """Whether a file that is not named so is delimited all the same."""
    cells = [cell for row in rows for cell in row]
    enough = fields >= (2 if dialect.delimiter == "\t" else 3)
    short = sum(map(len, cells)) <= SHORT * len(cells)
    # Markdown tables and indented text begin with a delimiter.
    begins = sum(not row[0].strip() for row in rows)
    numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in cells)
    regular = dialect.delimiter != "," or numbers >= len(rows) / 2
    return (
        enough
        and short
        and regular
        and share == 1.0
        and len(rows) >= FEWEST_ROWS
        and begins < len(rows) / 2
    )


def _clean(cell: str, dialect: Dialect) -> float:
    """How much a field looks like a single value, from 0 to 1."""
    if not cell or _NUMBER.fullmatch(cell):
        return 1.0
    if dialect.quote is None and '"' in cell:
        return 0.5
    if _INSIDE[dialect.delimiter].search(cell):
        return 0.1
    return 0.8 if _OUTSIDE.search(cell) else 1.0
