"""Printing of tables and lists, shared by several commands."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from docprogress.events import Status
from docprogress.progress.summary import SUMMARY_ORDER
from docprogress.terminal.listing import labelled
from docprogress.terminal.styles import STYLES

#: The width of the console if the output is not a terminal, in cells.
UNLIMITED = 10_000


def states(counts: Mapping[Status, int]) -> Text:
    """The number of documents by status, in words and colour."""
    parts = [
        Text(f"{counts[status]:,} {status}", style=STYLES[status])
        for status in SUMMARY_ORDER
        if counts[status]
    ]
    return Text(", ").join(parts)


def local_time(when: datetime) -> str:
    """The moment in the time zone of this machine."""
    return f"{when.astimezone():%Y-%m-%d %H:%M}"


def output_console() -> Console:
    """A console for standard output, of any width if that is no terminal."""
    console = Console(highlight=False)
    if not sys.stdout.isatty():
        console.width = UNLIMITED
    return console


def width_of(console: Console) -> int | None:
    """The cells of the terminal; None if there is none."""
    return None if console.width == UNLIMITED else console.width


def show_facts(facts: Iterable[tuple[str, str | Text]]) -> None:
    """Print named facts, except empty ones."""
    given = [(name, value) for name, value in facts if value]
    longest = max(len(name) for name, _ in given) + 2
    console = output_console()
    width = width_of(console)
    for name, value in given:
        text = value if isinstance(value, Text) else Text(value)
        label = Text(f"{name:<{longest}}", style="dim")
        # The label's style is not that of the text.
        for line in labelled(Text().append_text(label), text, width):
            console.print(line, soft_wrap=True)


def write_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each row as a line of JSON."""
    for row in rows:
        sys.stdout.write(f"{json.dumps(row, default=_as_json)}\n")


def _as_json(value: Any) -> Any:
    """A datetime in the wire format, or a NumPy number as a Python number."""
    return value.isoformat() if isinstance(value, datetime) else value.item()
