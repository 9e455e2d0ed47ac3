"""The colours of the states, and lines that fit a terminal."""

from collections.abc import Sequence

from rich.text import Text

from docprogress.events import Status

#: The colour of each state.
STYLES = {
    Status.COMPLETED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.PROCESSING: "cyan",
    Status.QUEUED: "dim",
}

STALLED_STYLE = "bold yellow"

SEPARATOR = " · "


def flow(parts: Sequence[Text], width: int) -> list[Text]:
    """Parts of a sentence with separators, in lines that break only between parts."""
    lines: list[Text] = []
    for part in parts:
        if lines and lines[-1].cell_len + len(SEPARATOR) + part.cell_len <= width:
            lines[-1].append(SEPARATOR, style="dim").append_text(part)
        else:
            # The style of a text as a whole would be that of what is appended, too.
            lines.append(Text().append_text(part))
    return lines
