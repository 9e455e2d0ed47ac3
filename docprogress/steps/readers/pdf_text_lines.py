"""The lines of a page's text with their appearance."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from docprogress.steps.readers.pdf_fonts import Font
from docprogress.steps.readers.pdf_lines import Dot, Label, Layout, Run

#: Several dots that lead to a page's number, or a number alone behind a gap.
LEADERS = re.compile(r"(?:[.·…_]\s?){4,}\s*[\divxlc]{1,5}\s*$", re.IGNORECASE)

#: A gap this many sizes wide before a number at the end is that of a table of contents.
NUMBER_GAP = 1.5


#: How far before a line a bullet is drawn, in sizes.
FARTHEST_DOT = 2.0


class TextLine(NamedTuple):
    """A line of a page's text; several printed ones if a hyphen joins them."""

    text: str
    runs: list[Run]
    left: float
    right: float
    #: The baselines of its first and last printed line.
    first: float
    last: float
    size: float
    bold: bool
    italic: bool
    fixed: bool
    turned: bool
    label: Label | None
    #: Whether it begins with spaces, which its place does not tell.
    indented: bool = False
    #: Whether a bullet is drawn before it.
    dotted: bool = False

    @property
    def placed(self) -> bool:
        """Whether it is known where it is."""
        return bool(self.size) and not self.turned

    @property
    def leads_to_page(self) -> bool:
        """Whether it is an entry of a table of contents."""
        if not self.text[-1:].isalnum():
            return False
        if LEADERS.search(self.text):
            return True
        if len(self.runs) < 2 or not self.runs[-1].text.strip().isdigit():  # noqa: PLR2004 - a title and a number
            return False
        gap = self.runs[-1].left - self.runs[-2].right
        return gap > NUMBER_GAP * self.size


_EMPTY = TextLine("", [], 0, 0, 0, 0, 0, False, False, False, False, None)


def text_lines(layout: Layout, text: str) -> list[TextLine] | None:
    """The lines of a page; None if its text has others than its layout.

    Args:
        layout: The layout.
        text: The page's final text.
    """
    texts = text.split("\n")
    if len(texts) != len(layout.lines):
        return None
    labels = layout.labels
    lines = [
        _line(line.strip(), runs, labels)
        for line, runs in zip(texts, layout.lines, strict=True)
    ]
    spaced = text[:1] == " " or "\n " in text
    for number, line in enumerate(texts if spaced else ()):
        if line[:1] == " ":
            lines[number] = lines[number]._replace(indented=True)
    for number in _dotted(lines, layout.dots) if layout.dots else ():
        lines[number] = lines[number]._replace(dotted=True)
    return lines


def _dotted(lines: list[TextLine], dots: list[Dot]) -> Iterator[int]:
    """The lines that begin behind a bullet that is drawn."""
    for number, line in enumerate(lines):
        if line.placed and any(
            0 < line.left - x < FARTHEST_DOT * line.size
            and 0 < y - line.first < line.size
            for x, y in dots
        ):
            yield number


def leading_of(lines: list[TextLine], body: float) -> float:
    """The usual distance between a page's lines of body text."""
    gaps: Counter[float] = Counter()
    below = None
    for line in reversed(lines):
        if not -1 < line.size - body < 1:
            below = None
            continue
        if below is not None:
            gaps[round(line.last - below.first, 1)] += 1
        below = line
    usual = [
        (count, -gap) for gap, count in gaps.items() if 0.9 * body < gap < 2.2 * body
    ]
    return -max(usual)[1] if usual else 1.2 * body


def _line(text: str, runs: list[Run], labels: dict[int, Label]) -> TextLine:
    if not runs or not text:
        return _EMPTY._replace(text=text)
    if len(runs) == 1:
        run = runs[0]
        return TextLine(
            text,
            runs,
            run.left,
            run.right,
            run.baseline,
            run.baseline,
            run.size,
            *run.font,
            run.turned,
            labels.get(run.mark) if labels else None,
        )
    first = main = runs[0]
    font, longest, alike = first.font, 0, True
    for run in runs:
        if (length := len(run.text)) > longest:
            main, longest = run, length
        if run.font is not font and run.font != font:
            alike = False
    if not alike:
        inked = {run.font for run in runs if any(map(str.isalnum, run.text))}
        bold, italic, fixed = zip(*(inked or {main.font}), strict=True)
        font = Font(all(bold), all(italic), all(fixed))
    return TextLine(
        text,
        runs,
        min([run.left for run in runs]),
        max([run.right for run in runs]),
        first.baseline,
        runs[-1].baseline,
        main.size,
        *font,
        main.turned,
        labels.get(main.mark) if labels else None,
    )
