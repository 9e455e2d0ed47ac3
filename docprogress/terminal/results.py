"""Describe on a terminal how a run and its documents ended."""

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from docprogress.events import Status
from docprogress.formatting import duration, plain, plural, rate
from docprogress.progress.document import DocumentProgress
from docprogress.progress.fold import Progress
from docprogress.terminal.drawing import GAP, NARROWEST, STYLES


def closing_line(
    progress: Progress,
    *,
    seconds: float | None = None,
    pages: int | None = None,
    speed: float | None = None,
) -> str:
    """Summarize a run in one line.

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
    return " · ".join(parts)


def failure_lines(progress: Progress, console: Console) -> Iterator[Text]:
    """List failed documents and their errors, wrapped to the terminal's width."""
    label = f"{Status.FAILED}{GAP}"
    width = max(console.width - len(label), NARROWEST // 2)
    for event in progress.failures:
        text = Text(describe_end(progress.documents[event.document_id]))
        lines = text.wrap(console, width) if console.is_terminal else [text]
        for number, line in enumerate(lines):
            start = label if number == 0 else " " * len(label)
            line.rstrip()
            yield Text(start, style=STYLES[Status.FAILED], end="").append_text(
                Text.styled(line.plain, "default")
            )


def describe_end(document: DocumentProgress) -> str:
    """The name of a finished document, and its error or message."""
    event = document.event
    name = plain(document.name)
    reason = plain(event.error or event.message)
    for start in (f"{name}:", f"{event.status.capitalize()}:"):
        reason = reason.removeprefix(start).lstrip()
    if event.status is Status.FAILED:
        return f"{name}: {reason or 'no reason was given'}"
    if event.status is Status.COMPLETED and reason:
        return f"{name}{GAP}{reason}"
    return name
