"""Put text into reading order by its position.

It is used where the order in which a page is drawn is not the one in which it is read:
columns drawn row by row, and lines that run downwards. Rows of a table stay rows.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from docprogress.steps.readers.pdf_pieces import HYPHEN, Line, Piece

#: The least gap between columns, in heights of a line.
GAP = 1.0
LEAST_GAP = 8.0

#: The minimum number of lines of a column, and the most columns of prose beside each
#: other.
LEAST_LINES = 3
MOST_COLUMNS = 4

#: The shares by which a column is prose rather than a column of a table: of its lines
#: that go on with a sentence, and that are about as long as its longest one.
CONTINUED = 0.4
FILLED = 0.6
#: A line is about as long as the longest one from this share of its width on.
LONG = 0.7
#: The average number of words in a line, and of characters where words have no spaces.
LEAST_WORDS = 2.5
LEAST_CHARACTERS = 8

_SENTENCE_ENDS = ".!?:;。！？：；"  # noqa: RUF001 - as they are typed


class Segment(NamedTuple):
    """A part of a row without a gap."""

    pieces: Line
    left: float
    right: float

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces).strip()


def in_columns(lines: list[Line]) -> list[Line] | None:
    """Lines of columns that were drawn row by row, column by column.

    None if they are in order already, or are the rows of a table.
    """
    rows = [_segments(line) for line in _rows(lines)]
    columns = _columns(row for row in rows if len(row) > 1)
    if not 1 < len(columns) <= MOST_COLUMNS:
        return None
    ordered: list[Line] = []
    block: list[list[Segment]] = [[] for _ in columns]
    changed = False
    for row in [*rows, []]:
        places = [_column_of(segment, columns) for segment in row]
        if row and None not in places:
            for segment, place in zip(row, places, strict=True):
                block[place or 0].append(segment)
            continue
        # What goes across the columns, or the end, ends those above it.
        used = list(filter(None, block))
        if used:
            if len(used) == 1 or not all(map(_is_prose, used)):
                return None
            changed = True
            ordered += [line for column in used for line in _hyphenated(column)]
            block = [[] for _ in columns]
        if row:
            ordered.append([piece for segment in row for piece in segment.pieces])
    return ordered if changed else None


def _rows(lines: list[Line]) -> list[Line]:
    """Lines at the same height as one."""
    rows: list[Line] = []
    # The right end of the last row, and the middle of its last visible character.
    end = middle = 0.0
    for line in lines:
        inked = [piece for piece in line if not piece.text.isspace()]
        if not inked:
            continue
        beside = bool(rows) and inked[0].left > end
        if (
            beside
            and min([piece.bottom for piece in inked]) < middle
            and middle < max([piece.top for piece in inked])
        ):
            rows[-1] = [*rows[-1], *line]
        else:
            rows.append(line)
            end = inked[0].right
        end = max(end, *[piece.right for piece in inked])
        middle = inked[-1].middle
    return rows


def _segments(row: Line) -> list[Segment]:
    """The parts of a row that are divided by gaps."""
    segments: list[Line] = [[]]
    last: Piece | None = None
    for piece in row:
        if piece.text.isspace():
            segments[-1].append(piece)
            continue
        if last is not None and (gap := piece.left - last.right) > LEAST_GAP:
            height = max(last.top - last.bottom, piece.top - piece.bottom)
            if gap > GAP * height:
                segments.append([])
        segments[-1].append(piece)
        last = piece
    return [_segment(pieces) for pieces in segments]


def _segment(pieces: Line) -> Segment:
    inked = [piece for piece in pieces if not piece.text.isspace()] or pieces
    left, right = min([p.left for p in inked]), max([p.right for p in inked])
    return Segment(pieces, left, right)


def _columns(rows: Iterable[list[Segment]]) -> list[tuple[float, float]]:
    """The extents of the columns that the segments of several rows make."""
    spans = sorted((s.left, s.right) for row in rows for s in row)
    columns: list[tuple[float, float]] = []
    for left, right in spans:
        if columns and left < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns


def _column_of(segment: Segment, columns: Sequence[tuple[float, float]]) -> int | None:
    for number, (left, right) in enumerate(columns):
        if segment.left >= left - 1 and segment.right <= right + 1:
            return number
    return None


def _is_prose(column: list[Segment]) -> bool:
    """Whether the lines of a column are sentences that go on from one to the next."""
    texts = [segment.text for segment in column]
    if len(texts) < LEAST_LINES:
        return False
    longest = max(segment.right - segment.left for segment in column)
    filled = sum(s.right - s.left >= LONG * longest for s in column[:-1])
    words = sum(len(text.split()) for text in texts) / len(texts)
    wide = [text for text in texts if _is_wide(text)]
    if 2 * len(wide) > len(texts):
        long_enough = sum(map(len, texts)) / len(texts) >= LEAST_CHARACTERS
    else:
        long_enough = words >= LEAST_WORDS
    pairs = len(texts) - 1
    continued = sum(_goes_on(texts[n], texts[n + 1]) for n in range(pairs))
    return long_enough and filled >= FILLED * pairs and continued >= CONTINUED * pairs


def _goes_on(text: str, following: str) -> bool:
    """Whether a sentence continues in the following line."""
    if text[-1:] in _SENTENCE_ENDS:
        return False
    return following[:1].islower() or text[-1:] == "-" or _is_wide(following)


def _is_wide(text: str) -> bool:
    """Whether a text begins in a script without spaces between words."""
    return "\u2e80" <= text[:1] <= "\u9fff" or "\uf900" <= text[:1] <= "\ufaff"


def _hyphenated(column: list[Segment]) -> list[Line]:
    """The lines of a column, with hyphens at their ends marked as PDFium does."""
    lines = [segment.pieces for segment in column]
    for number, line in enumerate(lines[:-1]):
        inked = [piece for piece in line if not piece.blank]
        if len(inked) > 1 and inked[-1].text == "-" and inked[-2].text.isalpha():
            lines[number] = [*_without_last(line), inked[-1]._replace(text=HYPHEN)]
    return lines


def _without_last(line: Line) -> Line:
    """A line without its last visible character, and what follows that."""
    last = max(n for n, piece in enumerate(line) if not piece.blank)
    return line[:last]


def downwards(lines: list[Line], vertical: set[int]) -> list[Line]:
    """Lines with those that run downwards from right to left, tier by tier.

    Args:
        lines: The page's lines.
        vertical: The text objects whose lines run downwards.
    """
    columns: list[Line] = []
    others: list[Line] = []
    for line in lines:
        rest = [piece for piece in line if piece.owner not in vertical]
        owned: dict[int, Line] = {}
        for piece in line:
            if piece.owner in vertical:
                owned.setdefault(piece.owner, []).append(piece)
        columns += owned.values()
        if any(not piece.blank for piece in rest):
            others.append(rest)
    ordered = [line for tier in _tiers(columns) for line in _right_to_left(tier)]
    top = max((piece.top for line in columns for piece in line), default=0.0)
    above = [line for line in others if line[0].bottom >= top]
    below = [line for line in others if line[0].bottom < top]
    return [*above, *ordered, *below]


def _tiers(columns: list[Line]) -> list[list[Line]]:
    """Groups of columns that are side by side, from the top down."""
    tiers: list[list[Line]] = []
    end = 0.0
    for column in sorted(columns, key=lambda line: -line[0].top):
        if not tiers or max(piece.top for piece in column) <= end:
            tiers.append([])
            end = min(piece.bottom for piece in column)
        tiers[-1].append(column)
        end = min(end, *(piece.bottom for piece in column))
    return tiers


def _right_to_left(tier: list[Line]) -> list[Line]:
    """The columns of a tier from right to left; what stands below continues one."""

    def center(line: Line) -> float:
        return max(p.left + p.right for p in line) / 2

    return sorted(tier, key=lambda line: (-round(center(line)), -line[0].top))
