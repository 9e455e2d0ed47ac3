"""Tables without borders: rows whose parts are aligned.

Prose in columns, tables of contents and lists look like them, and are left alone.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from statistics import median

from docprogress.steps.readers.pdf_grids import NEAR, Rule
from docprogress.steps.readers.pdf_lines import Run
from docprogress.steps.readers.pdf_lists import marker_of
from docprogress.steps.readers.pdf_rows import (
    GAP,
    Row,
    Segment,
    columns_of,
    has_gap,
    places_of,
    rows_of,
)
from docprogress.steps.readers.pdf_tables import Table, cell_text
from docprogress.steps.readers.pdf_text_lines import TextLine

#: The least gap between two cells that are between rules, in sizes.
GAP_IN_RULES = 0.6

#: The minimum number of rows of a table, and of one between rules.
LEAST_ROWS = 3
LEAST_ROWS_IN_RULES = 2

#: The greatest distance between two rows, in sizes.
FARTHEST = 3.2

#: How far cells of a column may be from where most of them begin, end or are centred,
#: and what share of them is there.
ALIGNED = 2.5
LEAST_ALIGNED = 0.6

#: The share of cells that have text.
LEAST_FILLED = 0.6

#: The average characters of a cell in columns of prose.
PROSE = 32

MOST_COLUMNS = 40

#: The maximum number of rows of a table, and how many of them say where its columns
#: are.
MOST_ROWS = 300
LAST_ROWS = 25

#: How far the lines of a cell are apart at most, in sizes.
TIGHT = 1.5

#: The share of rows that reach over columns, at most: between rules there may be prose.
MOST_SPANNING = 0.25

#: The maximum number of characters of what stands on the left in a table of two
#: columns.
LONGEST_LABEL = 28

#: The share of cells that are parts of formulas, at most.
MOST_FORMULAS = 0.2
_FORMULA = re.compile(r"^[=<>≤≥≈⇒⇔→+∈\u2212](?!\d)|\s=\s|[⇒⇔∈∀∃]")


def aligned_tables(
    lines: Sequence[TextLine], taken: set[int], bands: Sequence[Sequence[Rule]]
) -> Iterator[Table]:
    """The tables among lines that no other table has taken."""
    for group in bands:
        table = _between_rules(lines, taken, group)
        if table is None and len(group) > LEAST_ROWS_IN_RULES:
            # The last one may be at the foot of the page.
            table = _between_rules(lines, taken, group[:-1])
        if table is not None:
            taken |= table.lines
            yield table
    gaps = (number for number in range(len(lines)) if has_gap(lines, number))
    if len(list(islice(gaps, LEAST_ROWS - 1))) < LEAST_ROWS - 1:
        return
    rows: list[Row] = []
    for row in [*rows_of(lines, taken, GAP), None]:
        if row is not None and _follows(rows, row):
            rows.append(row)
            continue
        if len(rows) >= LEAST_ROWS and (table := _table(rows, lines, LEAST_ROWS)):
            yield table
        rows = [row] if row is not None and len(row.segments) > 1 else []


def _follows(rows: list[Row], row: Row) -> bool:
    """Whether a row continues the possible table of the rows before it."""
    if not rows or rows[-1].lines[-1] + 1 != row.lines[0]:
        return False
    distance = rows[-1].baseline - row.baseline
    if not 0 < distance < FARTHEST * row.size or len(rows) >= MOST_ROWS:
        return False
    columns = columns_of(rows[-LAST_ROWS:])
    if len(columns) < 2:  # noqa: PLR2004 - none
        return False
    places = [places_of(segment, columns) for segment in row.segments]
    if any(len(place) > 1 for place in places):
        return False
    if len(row.segments) == 1:
        # The rest of a cell, below a row of the table.
        return bool(places[0]) and distance < 1.6 * row.size
    return sum(map(bool, places)) > 1


def _table(
    rows: list[Row], lines: Sequence[TextLine], least: int, *, ruled: bool = False
) -> Table | None:
    while rows and not ruled and len(rows[-1].segments) == 1 and not _ends_cell(rows):
        rows = rows[:-1]
    several = [row for row in rows if len(row.segments) > 1]
    columns = columns_of(several)
    if len(several) < least or not 1 < len(columns) <= MOST_COLUMNS:
        return None
    grid: list[list[list[Run]]] = []
    for row in rows:
        cells: list[list[Run]] = [[] for _ in columns]
        for segment in row.segments:
            places = places_of(segment, columns) or [0]
            for place in places if ruled else places[:1]:
                cells[place] += segment.runs
        if grid and _continues(grid[-1], cells, row, rows):
            grid[-1] = [a + b for a, b in zip(grid[-1], cells, strict=True)]
        else:
            grid.append(cells)
    texts = [
        [
            cell_text(cell, left, right) if cell else ""
            for cell, (left, right) in zip(row, columns, strict=True)
        ]
        for row in grid
    ]
    numbers = frozenset(number for row in rows for number in row.lines)
    spanning = sum(len(places_of(s, columns)) > 1 for row in rows for s in row.segments)
    prose = spanning > MOST_SPANNING * len(rows)
    if len(texts) < least or prose or not _has_cells(texts):
        return None
    if not (ruled or _is_table(several, columns, texts)):
        return None
    leading = sum(lines[row.lines[-1]].leads_to_page for row in several)
    if 2 * leading > len(several):
        return None
    return Table(numbers, texts, [])


def _ends_cell(rows: list[Row]) -> bool:
    """Whether the last row is the rest of a cell of the row before it."""
    last = rows[-1]
    columns = columns_of([row for row in rows if len(row.segments) > 1])
    places = places_of(last.segments[0], columns)
    return bool(places) and places[0] > 0


def _continues(
    before: list[list[Run]], cells: list[list[Run]], row: Row, rows: list[Row]
) -> bool:
    """Whether a row only holds the rest of cells of the row before it."""
    filled = [n for n, cell in enumerate(cells) if cell]
    if not all(before[n] for n in filled):
        return False
    baseline = min(run.baseline for cell in before for run in cell)
    distance = baseline - row.baseline
    gaps = [one.baseline - other.baseline for one, other in pairwise(rows)]
    wide = sorted(gaps)[2 * len(gaps) // 3]
    tight = distance < TIGHT * row.size
    if tight and distance < 0.85 * wide:
        return True
    return not cells[0] and 2 * len(filled) < len(cells) + 1 and tight


def _has_cells(texts: Sequence[Sequence[str]]) -> bool:
    """Whether most cells have text, and few of it is formulas."""
    every = [text for row in texts for text in row]
    formulas = sum(bool(_FORMULA.search(text)) for text in every)
    filled = sum(map(bool, every))
    return filled >= LEAST_FILLED * len(every) and formulas <= MOST_FORMULAS * filled


def _is_table(
    rows: Sequence[Row],
    columns: Sequence[tuple[float, float]],
    texts: Sequence[Sequence[str]],
) -> bool:
    lengths = [
        sum(map(len, column)) / max(sum(map(bool, column)), 1)
        for column in zip(*texts, strict=True)
    ]
    if sum(length > PROSE for length in lengths) > 1:
        return False
    if len(columns) == 2 and not _are_labels([row[0] for row in texts], len(rows)):  # noqa: PLR2004 - labels and what they stand for
        return False
    segments: list[list[Segment]] = [[] for _ in columns]
    for row in rows:
        for segment in row.segments:
            segments[places_of(segment, columns)[0]].append(segment)
    return all(map(_is_aligned, segments))


def _are_labels(texts: Sequence[str], rows: int) -> bool:
    """Whether texts are short ones, and no bullets, before others beside them."""
    filled = [text for text in texts if text]
    bullets = all(
        marker_of(f"{text} x") or not any(map(str.isalnum, text)) for text in filled
    )
    short = median(map(len, texts)) <= LONGEST_LABEL
    return short and not bullets and LEAST_ROWS < rows >= len(texts)


def _is_aligned(segments: Sequence[Segment]) -> bool:
    """Whether the cells of a column begin, end or are centred at the same place."""
    if len(segments) < LEAST_ROWS:
        return True
    for position in (
        [s.left for s in segments],
        [s.right for s in segments],
        [(s.left + s.right) / 2 for s in segments],
    ):
        middle = median(position)
        near = sum(abs(value - middle) <= ALIGNED for value in position)
        if near >= LEAST_ALIGNED * len(position):
            return True
    return False


def _between_rules(
    lines: Sequence[TextLine], taken: set[int], rules: Sequence[Rule]
) -> Table | None:
    """The table whose rows, or whose header and body, are divided by rules."""
    left, right = rules[0].left - NEAR, rules[0].right + NEAR
    top, bottom = rules[0].bottom, rules[-1].bottom
    inside = [
        n
        for n, line in enumerate(lines)
        if line.placed and bottom < line.last and line.first < top
    ]
    if not inside or any(
        lines[n].left < left or lines[n].right > right or n in taken for n in inside
    ):
        return None
    outside = set(range(len(lines))) - set(inside)
    rows = list(rows_of(lines, taken | outside, GAP_IN_RULES))
    above = set(range(inside[0], len(lines)))
    head = list(rows_of(lines, taken | above, GAP_IN_RULES))[-1:]
    if len(rules) > 3:  # noqa: PLR2004 - a rule below each row
        rows = _by_band(rows, [rule.bottom for rule in rules])
    if head and _heads(head[0], rows, rules):
        rows = head + rows
    return _table(rows, lines, LEAST_ROWS_IN_RULES, ruled=True)


def _heads(head: Row, rows: Sequence[Row], rules: Sequence[Rule]) -> bool:
    """Whether the row above the first rule has a header for each column."""
    if not 0 < head.baseline - rules[0].bottom < TIGHT * head.size:
        return False
    columns = columns_of([row for row in rows if len(row.segments) > 1])
    places = [places_of(segment, columns) for segment in head.segments]
    return len(columns) == len(places) and places == [[n] for n in range(len(places))]


def _by_band(rows: list[Row], heights: list[float]) -> list[Row]:
    """The rows between two rules as one, if most are alone there."""
    bands: list[list[Row]] = [[] for _ in heights]
    for row in rows:
        middle = row.baseline
        bands[sum(height > middle for height in heights) - 1].append(row)
    used = [band for band in bands if band]
    alone = sum(len(band) == 1 for band in used)
    if len(used) < LEAST_ROWS or alone < len(used) / 2:
        return rows
    return [
        Row(
            [segment for row in band for segment in row.segments],
            [number for row in band for number in row.lines],
            band[0].baseline,
            band[0].size,
        )
        for band in used
    ]
