"""One line about many documents."""

from collections.abc import Mapping

from docprogress.events import (
    NEEDS_OCR,
    NOT_HANDED_IN,
    NOTES_WITHOUT_TEXT,
    ProgressEvent,
    Status,
)
from docprogress.formatting import plural

#: Statuses in the order in which a summary lists them.
SUMMARY_ORDER = (
    Status.COMPLETED,
    Status.FAILED,
    Status.CANCELLED,
    Status.PROCESSING,
    Status.QUEUED,
)

#: How to have the text of images recognised.
INSTALL_OCR = "install docprogress[ocr]"


def lacks_text(message: str) -> bool | None:
    """Whether a completed document without text needs OCR, by its message.

    None if it has text.
    """
    notes = message.split("; ")[1:]
    found = [note for note in notes if note in NOTES_WITHOUT_TEXT]
    return found[0] == NEEDS_OCR if found else None


def why_not_handed_in(event: ProgressEvent) -> str | None:
    """Why a document was never submitted; None if it was."""
    if event.status is not Status.CANCELLED:
        return None
    reason = event.message.removeprefix(NOT_HANDED_IN)
    return None if reason == event.message else reason


def summarize(
    counts: Mapping[Status, int],
    total: int,
    *,
    not_handed_in: str | None = None,
    without_text: int = 0,
    needs_ocr: bool = False,
) -> str:
    """One line for people; documents that are not counted are queued.

    Args:
        counts: How many documents have each status.
        total: How many there are.
        not_handed_in: Why documents were never submitted, if any were not.
        without_text: How many documents have completed, and have no text.
        needs_ocr: Whether the text of some would have to be recognised.
    """
    if not total:
        return "no documents"
    queued = counts[Status.QUEUED] + total - sum(counts.values())
    shown = {**counts, Status.QUEUED: queued}
    parts = [f"{shown[s]:,} {s}" for s in SUMMARY_ORDER if shown[s]]
    line = f"{total:,} document{'' if total == 1 else 's'}: {', '.join(parts)}"
    if not_handed_in is not None:
        line += f"; not all were handed in: {not_handed_in}"
    if without_text:
        line += f"; {describe_without_text(without_text, total, needs_ocr=needs_ocr)}"
    return line


def describe_without_text(count: int, total: int, *, needs_ocr: bool) -> str:
    """How many documents have no text, and what to do about it."""
    verb = "has" if count == 1 else "have"
    line = f"{count:,} of {plural(total, 'document')} {verb} no text"
    return f"{line}; {INSTALL_OCR}" if needs_ocr else line
