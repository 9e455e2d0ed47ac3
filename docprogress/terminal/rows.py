"""Draw a line for each running document."""

import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from docprogress.events import Status
from docprogress.formatting import cut, pad, plain, shorten, stopwatch
from docprogress.progress.document import DocumentProgress
from docprogress.terminal.columns import GAP, LONGEST_STEP, Columns, columns
from docprogress.terminal.styles import SEPARATOR, STALLED_STYLE, STYLES

#: Tolerance for sums of shares in floating point.
ROUNDING = 1e-9

#: Cells that a message keeps where names need the others.
LONGEST_SHORT = 11

#: A message that counts something, without its first word: "Reading page 3 of 40".
_COUNTING = re.compile(r"\S+ (.*\b\d+ of \d+\b.*)")

FULL, HALF, EMPTY = "━", "╸", "─"


def running_rows(
    documents: Sequence[DocumentProgress],
    width: int,
    name_width: int | None,
    *,
    stalled: bool,
) -> list[Text]:
    """The lines of running documents; `stalled` says whether any may be stalled."""
    if not documents:
        return []
    silent = [stalled and document.stalled for document in documents]
    details = [
        _details(document, stalled=quiet)
        for document, quiet in zip(documents, silent, strict=True)
    ]
    names = max(cell_len(plain(document.name)) for document in documents)
    found = columns(
        width,
        name=max(name_width or 0, names),
        step=max(cell_len(plain(document.event.step)) for document in documents),
        detail=max(cell_len(texts[0]) for texts in details),
        short=max(min(cell_len(texts[-1]), LONGEST_SHORT) for texts in details),
    )
    return [
        _row(document, found, texts, stalled=quiet)
        for document, texts, quiet in zip(documents, details, silent, strict=True)
    ]


def _row(
    document: DocumentProgress,
    found: Columns,
    details: Sequence[str],
    *,
    stalled: bool,
) -> Text:
    """The line of a running document."""
    event = document.event
    row = Text(pad(shorten(plain(document.name), found.name), found.name))
    if found.bar:
        style = "yellow" if stalled else STYLES[Status.PROCESSING]
        halves = int(event.progress / 100 * found.bar * 2)
        parts = [(halves // 2, style)]
        row.append(GAP)
        row.append_text(bar(parts, found.bar, half=bool(halves % 2)))
    row.append(f"{GAP}{percentage(event.progress)}")
    if found.clock:
        clock = stopwatch(document.elapsed or 0.0)
        row.append(f"{GAP}{clock:>{found.clock}}", style="dim")
    if found.step:
        step = pad(cut(plain(event.step), LONGEST_STEP), found.step)
        row.append(f"{GAP}{step}")
    fitting = [text for text in details if cell_len(text) <= found.detail]
    detail = fitting[0] if fitting else cut(details[-1], found.detail)
    if not detail and not found.step:
        detail = cut(plain(event.step), found.detail)
    style = STALLED_STYLE if stalled else "default"
    return row.append(GAP).append(detail, style=style)


def _details(document: DocumentProgress, *, stalled: bool) -> list[str]:
    """Texts for a running document's activity, from the longest to the shortest."""
    if stalled:
        return [f"stalled for {stopwatch(document.silent_seconds)}", "stalled"]
    event = document.event
    attempt = (
        f"attempt {document.attempt}{SEPARATOR}" if (document.attempt or 1) > 1 else ""
    )
    message = plain(event.message)
    if message.casefold() == plain(event.step).casefold():
        message = ""
    texts = [f"{attempt}{message}"]
    if event.current is not None and event.total:
        counted = f"{plain(event.unit or '')} {event.current} of {event.total}".strip()
        if message.endswith(counted):
            # The step's column, or the unit, makes the verb redundant.
            texts = [f"{attempt}{counted}"]
            message = counted
        texts.append(message)
    if counting := _COUNTING.fullmatch(message):
        texts.append(counting[1])
    if event.current is not None and event.total:
        texts.append(f"{event.current}/{event.total}")
    return texts


def bar(parts: list[tuple[int, str]], width: int, *, half: bool = False) -> Text:
    """A bar of coloured parts, filled up to its width."""
    drawn = Text()
    for cells, style in parts:
        drawn.append(FULL * min(cells, width - len(drawn)), style=style)
    if half and len(drawn) < width:
        drawn.append(HALF, style=parts[-1][1])
    return drawn.append(EMPTY * (width - len(drawn)), style="dim")


def percentage(percent: float) -> str:
    """Format a percentage, rounded down: 100 % means done."""
    whole = 100 if percent >= 100 else min(int(percent + ROUNDING), 99)  # noqa: PLR2004 - of a hundred
    return f"{whole:>2} %"
