"""The channels of a subscription, and joins that add more to it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from docprogress.bus.keys import document_channel, run_channel


class Channel(NamedTuple):
    """The channel of a document or of a run."""

    name: bytes
    #: None for a run's channel.
    document_id: str | None


class PendingJoin:
    """Channels being added, until their current state is delivered."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = channels
        self.unconfirmed = {channel.name for channel in channels}
        self.done = asyncio.Event()


def cancellation_count() -> int:
    """How often the current task was cancelled."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def channels_of(documents: Iterable[str], runs: Iterable[str]) -> list[Channel]:
    """The channels of documents and runs."""
    return [
        *(Channel(document_channel(d).encode(), d) for d in documents),
        *(Channel(run_channel(r).encode(), None) for r in runs),
    ]


def is_intermediate(raw: bytes) -> bool:
    """Whether a message is a non-final event of a first attempt, without decoding it.

    It matches what workers publish. A false positive is corrected by reconciling.
    """
    return b'"status":"processing"' in raw and b'"attempt":1,' in raw
