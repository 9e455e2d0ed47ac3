"""A static table as HTML, for front ends of every kind.

They differ in what they leave of it: JupyterLab removes style sheets from notebooks
that are not trusted, GitHub removes every style. So styles are inline and change only
how it looks, and numbers are aligned by an attribute as well.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from html import escape

from docprogress.events import Status
from docprogress.formatting import capitalized, cut, duration, one_line, plain, plural
from docprogress.notebook.progress.table_rows import NO_PERCENT, TableRow
from docprogress.progress.summary import SUMMARY_ORDER

#: The rows that are shown without a click.
UNFOLDED_ROWS = 50

#: The longest error that is shown without a click, in characters.
LONGEST_ERROR = 120

#: The shortest duration that is shown as a number, in seconds.
SHORTEST = 0.05

#: Marks that distinguish states without colour, and colours that can be seen on
#: white and on black; words have the colour of the text around them.
_MARKS = {
    Status.COMPLETED: ("✓", "#2e8b57"),
    Status.FAILED: ("✗", "#d9534f"),
    Status.CANCELLED: ("⊘", "#b8860b"),
    Status.PROCESSING: ("▸", "#3b82c4"),
    Status.QUEUED: ("·", "inherit"),
}
#: The mark of a completed document, and of one with a note on its result.
_NOTED = ("⚠", "#b8860b")

_CELL = "text-align:left;vertical-align:top;padding:3px 16px 3px 0"
_NUMBER = (
    "text-align:right;vertical-align:top;padding:3px 16px 3px 0;"
    "font-variant-numeric:tabular-nums;white-space:nowrap"
)
#: Long names without spaces are wrapped, in a column of some width.
_NAME = "overflow-wrap:anywhere;min-width:12em"


class _Column:
    """A column of the table.

    Args:
        head: Its head.
        cell: The HTML of a document's cell.
        number: Whether it has numbers.
        style: Further style of its cells.
    """

    def __init__(
        self,
        head: str,
        cell: Callable[[TableRow], str],
        *,
        number: bool = False,
        style: str = "",
    ) -> None:
        self.cell = cell
        self._number = number
        self._style = f"{_NUMBER if number else _CELL}{';' if style else ''}{style}"
        self.head = self._element("th", head)

    def element(self, cell: str) -> str:
        """A cell of its body."""
        return self._element("td", cell)

    def _element(self, name: str, content: str) -> str:
        align = ' align="right"' if self._number else ' align="left"'
        return f'<{name}{align} style="{self._style}">{content}</{name}>'


def render(
    heads: Sequence[str],
    rows: Sequence[TableRow],
    more: int,
    notes: Sequence[tuple[str, str]],
) -> str:
    """The table.

    Args:
        heads: The lines above it; the last one is its title.
        rows: Its documents; many are folded.
        more: The number of documents that have no row.
        notes: The lines below it, each a text and code.
    """
    *lines, title = heads
    parts = [
        "<div>",
        *(f"<p>{escape(line)}</p>" for line in lines),
        f"<p><strong>{escape(title)}</strong></p>",
    ]
    # Empty columns are left out.
    columns = [each for each in _COLUMNS if any(map(each.cell, rows))]
    if rows:
        parts += _table(columns, rows[:UNFOLDED_ROWS])
    if folded := rows[UNFOLDED_ROWS:]:
        parts += [
            f"<details><summary>{_describe(folded)}</summary>",
            *_table(columns, folded),
            "</details>",
        ]
    if more:
        parts.append(f"<p>… and {more:,} more</p>")
    for text, code in notes:
        shown = f" <code>{escape(code, quote=False)}</code>" if code else ""
        parts.append(f"<p><em>{escape(text)}</em>{shown}</p>")
    parts.append("</div>")
    return "\n".join(parts)


def _table(columns: Sequence[_Column], rows: Sequence[TableRow]) -> list[str]:
    return [
        '<table style="border-collapse:collapse">',
        f"<thead><tr>{''.join(column.head for column in columns)}</tr></thead>",
        "<tbody>",
        *(
            f"<tr>{''.join(each.element(each.cell(row)) for each in columns)}</tr>"
            for row in rows
        ),
        "</tbody>",
        "</table>",
    ]


def _describe(rows: Sequence[TableRow]) -> str:
    """How many documents are folded, by status."""
    counts = Counter(row.status for row in rows)
    parts = [f"{counts[s]:,} {s}" for s in SUMMARY_ORDER if counts[s]]
    return f"{plural(len(rows), 'more document')}: {', '.join(parts)}"


def _status(row: TableRow) -> str:
    mark, colour = _NOTED if row.notes else _MARKS[row.status]
    # A space that is not broken where styles are removed.
    return f'<span style="color:{colour}">{mark}</span>&nbsp;{row.status}'


def _document(row: TableRow) -> str:
    name = f"<bdi>{escape(one_line(row.name))}</bdi>"
    reason = capitalized(row.error or "; ".join(row.notes))
    return f"{name}<br>{_reason(reason)}" if reason else name


def _reason(text: str) -> str:
    text = one_line(text)
    if len(text) <= LONGEST_ERROR:
        return f"<small>{escape(text)}</small>"
    begin = cut(text, LONGEST_ERROR)
    return (
        f"<details><summary><small>{escape(begin)}</small></summary>"
        f"<small>{escape(text)}</small></details>"
    )


def _step(row: TableRow) -> str:
    """Where a document is or was that has not completed."""
    if row.status is Status.COMPLETED or not row.step:
        return ""
    step = escape(plain(row.step))
    percent = row.percent.replace(" ", "&nbsp;")
    return step if row.percent == NO_PERCENT else f"{step}, {percent}"


def _duration(row: TableRow) -> str:
    if row.seconds is None:
        return ""
    shown = "&lt; 0.1 s" if row.seconds < SHORTEST else duration(row.seconds)
    return shown.replace(" ", "&nbsp;")


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


_COLUMNS = (
    _Column("Document", _document, style=_NAME),
    _Column("Status", _status, style="white-space:nowrap"),
    _Column("Step", _step),
    _Column("Pages", lambda row: _count(row.pages), number=True),
    _Column("Chunks", lambda row: _count(row.chunks), number=True),
    _Column("Duration", _duration, number=True),
    _Column("Attempts", lambda row: _count(row.attempts), number=True),
)
