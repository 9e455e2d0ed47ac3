"""Why a document waits, from its newest event and the time of day."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from docprogress.events import ProgressEvent, Status

#: The beginning of a message that says what a document waits for.
WAITING = "Waiting for "

_UNTIL = re.compile(r" until \d\d:\d\d:\d\d")


def waiting_text(event: ProgressEvent, now: datetime) -> str | None:
    """What a document waits for: "waiting for the storage".

    None if its message does not say so, or if the time in it has passed. That time
    is in the viewer's time zone.
    """
    message = event.message
    waits = message.startswith(WAITING)
    if event.status is Status.QUEUED and event.waiting_until is not None:
        until = _moment(event.waiting_until)
        if until is None or until <= now:
            return None
        time = f"{until.astimezone():%H:%M:%S}"
        if not waits:
            return f"waiting until {time} to try again"
        message = _UNTIL.sub(f" until {time}", message, count=1)
    return f"w{message[1:]}" if waits and not event.final else None


def common_reason(events: Iterable[ProgressEvent], now: datetime) -> str | None:
    """The reason of the first of these documents, if all of them wait."""
    texts = [waiting_text(event, now) for event in events]
    return texts[0] if all(texts) else None


def first_reason(events: Iterable[ProgressEvent], now: datetime) -> str | None:
    """The reason of the first queued document that has one."""
    for event in events:
        if event.status is Status.QUEUED:
            text = waiting_text(event, now)
            if text is not None:
                return text
    return None


def shown_message(event: ProgressEvent, now: datetime) -> str:
    """An event's message, with the time it names in the viewer's time zone.

    A document whose wait is over is only queued.
    """
    waits = event.message.startswith(WAITING) and event.waiting_until is not None
    if not waits or event.status is not Status.QUEUED:
        return event.message
    text = waiting_text(event, now)
    return "Queued" if text is None else f"W{text[1:]}"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
