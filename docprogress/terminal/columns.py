"""How wide the columns are in which running documents are listed.

A column gets what its content needs, and names come first. A terminal that is too
narrow loses the step, then the time, then the bar, before a name becomes unreadable.
"""

from collections.abc import Iterator
from dataclasses import dataclass

GAP = "  "

#: Cells of a percentage, and of the time that a document has taken.
PERCENT = 4
CLOCK = 5

#: The cells of a step's name: at least, and at most.
STEP = 10
LONGEST_STEP = 12

#: The widest name of a document, and the cells that a name keeps in any case.
WIDEST_NAME = 80
LEAST_NAME = 32

#: Cells that messages keep beside names that are longer than the terminal is wide.
LEAST_DETAIL = 20

#: The fewest and most cells of a bar.
SHORTEST_BAR = 6
LONGEST_BAR = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The widths of the columns in cells; 0 for one that is left out."""

    name: int
    bar: int
    clock: int
    step: int
    detail: int


def columns(width: int, *, name: int, step: int, detail: int, short: int) -> Columns:
    """The columns of lines that are `width` cells wide.

    Args:
        width: The cells of a line.
        name: The cells of the longest name.
        step: The cells of the longest name of a step.
        detail: The cells of the longest message.
        short: The cells of the longest message in its shortest form.
    """
    name = min(max(name, 1), WIDEST_NAME)
    step = min(max(step, STEP), LONGEST_STEP)
    found = None
    for bar, clock, step_width in _layouts(width, step):
        taken = [PERCENT, *filter(None, (bar, clock, step_width))]
        # A gap follows the name and each column but the last.
        room = width - sum(taken) - len(GAP) * (len(taken) + 1)
        message = min(detail, LEAST_DETAIL) if step_width else short
        kept = min(max(room - min(detail, LEAST_DETAIL), LEAST_NAME), room - short)
        name_width = max(min(name, kept), 1)
        found = Columns(
            name=name_width,
            bar=bar,
            clock=clock,
            step=step_width,
            detail=max(room - name_width, 0),
        )
        if min(name, LEAST_NAME) + message <= room:
            break
    assert found is not None
    return found


def _layouts(width: int, step: int) -> Iterator[tuple[int, int, int]]:
    """The widths of bar, clock and step, from the widest layout to the narrowest."""
    bar = min(max(width // 9, SHORTEST_BAR), LONGEST_BAR)
    yield bar, CLOCK, step
    yield bar, CLOCK, 0
    yield bar, 0, 0
    yield 0, 0, 0
