"""Describe on a terminal how a run and its documents ended."""

import re
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.style import Style
from rich.text import Text

from docprogress.events import Status
from docprogress.formatting import duration, plain, plural, rate
from docprogress.progress.document import DocumentProgress
from docprogress.progress.fold import Progress
from docprogress.terminal.columns import GAP
from docprogress.terminal.styles import SEPARATOR, STYLES, flow

#: A number with the state that it counts, which stay on one line.
_COUNT = re.compile(r"(\d) (completed|failed|cancelled|processing|queued)\b")
#: In place of a space at which rich must not wrap; it wraps at no-break spaces, too.
_NO_BREAK = "\ue000"

#: The least width of a reason in cells.
NARROWEST_REASON = 20

#: Puts what an error suggests into the words of a surface.
Reword = Callable[[str], str]

#: The maximum number of failures that a terminal lists; a file or a pipe gets all of
#: them.
MOST_LISTED = 50


def closing_parts(
    progress: Progress,
    *,
    seconds: float | None = None,
    pages: int | None = None,
    speed: float | None = None,
) -> list[str]:
    """What summarizes a run, in parts that a narrow terminal shows one below another.

    Args:
        progress: The run.
        seconds: How long it took; None takes it from `progress`.
        pages: How many pages were read; None takes it from `progress`.
        speed: Pages per second; None takes it from `progress`.
    """
    seconds = progress.elapsed if seconds is None else seconds
    pages = progress.pages if pages is None else pages
    speed = progress.pages_per_second if speed is None else speed
    head, colon, states = progress.summary().partition(": ")
    if colon and seconds is not None:
        head = f"{head} in {duration(seconds)}"
    parts = [f"{head}{colon}{states}"]
    if pages:
        parts.append(plural(pages, "page"))
        if speed:
            parts.append(rate(speed, "pages"))
    return parts


def closing_lines(parts: Sequence[str], console: Console) -> Iterator[Text]:
    """The summary of a run, in lines that break between its parts on a terminal."""
    if not console.is_terminal:
        yield Text(SEPARATOR.join(parts))
        return
    whole = [_COUNT.sub(f"\\1{_NO_BREAK}\\2", part) for part in parts]
    for line in flow([Text(part, style="bold") for part in whole], console.width):
        for wrapped in line.wrap(console, console.width):
            wrapped.plain = wrapped.plain.replace(_NO_BREAK, " ")
            wrapped.rstrip()
            yield wrapped


def failure_lines(
    progress: Progress,
    console: Console,
    *,
    link: Callable[[str], str | None] = lambda _: None,
    reword: Reword = str,
) -> Iterator[Text]:
    """List failed documents and their errors, wrapped to the terminal's width.

    Args:
        progress: The run.
        console: Where the lines will be printed.
        link: The URL of a document's file by the document's name, if it is known.
        reword: Puts errors into the words of the surface.
    """
    label = f"{Status.FAILED}{GAP}"
    width = max(console.width - len(label), NARROWEST_REASON)
    failures = progress.failures
    listed = failures[:MOST_LISTED] if console.is_terminal else failures
    for event in listed:
        document = progress.documents[event.document_id]
        text = Text(describe_end(document, reword), style="default")
        if url := link(document.name):
            text.stylize(Style(link=url), 0, len(plain(document.name)))
        lines = text.wrap(console, width) if console.is_terminal else [text]
        for number, line in enumerate(lines):
            start = label if number == 0 else " " * len(label)
            line.rstrip()
            yield Text(start, style=STYLES[Status.FAILED], end="").append_text(line)
    if more := len(failures) - len(listed):
        yield Text(f"… and {more:,} more", style=STYLES[Status.FAILED])


def describe_end(document: DocumentProgress, reword: Reword = str) -> str:
    """The name of a finished document, and its error or message."""
    event = document.event
    name = plain(document.name)
    reason = plain(event.error or event.message)
    for start in (f"{name}:", f"{event.status.capitalize()}:"):
        reason = reason.removeprefix(start).lstrip()
    reason = reword(reason)
    if event.status is Status.FAILED:
        return f"{name}: {reason or 'no reason was given'}"
    if event.status is Status.COMPLETED and reason:
        return f"{name}{GAP}{reason}"
    return name
