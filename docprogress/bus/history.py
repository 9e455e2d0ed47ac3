"""Read the state and the past events that Redis keeps."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

from redis.exceptions import RedisError

from docprogress.bus.connection import batched
from docprogress.bus.connection_errors import translate_error
from docprogress.bus.fork_safety import ForkSafeClient
from docprogress.bus.keys import counts_key, document_channel
from docprogress.errors import EventError
from docprogress.events import ProgressEvent, Status, decode


class History:
    """The events that Redis keeps. Methods raise `BusError` if Redis is unavailable."""

    def __init__(self, client: ForkSafeClient) -> None:
        self._source = client

    def events(
        self, document_id: str, *, since: str | None = None
    ) -> list[ProgressEvent]:
        """The events of a document, oldest first, from `since` (inclusive) on."""
        try:
            entries = self._source.client.xrange(
                document_channel(document_id), min=since or "-"
            )
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        return decode_entries(cast("list[Any]", entries))

    def newest(self, document_ids: Sequence[str]) -> dict[str, ProgressEvent]:
        """The newest event of each document that has one."""
        found: dict[str, ProgressEvent] = {}
        try:
            for batch in batched(document_ids):
                pipe = self._source.client.pipeline(transaction=False)
                for document_id in batch:
                    pipe.xrevrange(document_channel(document_id), count=1)
                for entries in pipe.execute():
                    found |= {
                        event.document_id: event for event in decode_entries(entries)
                    }
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        return found

    def counts(self, run_id: str) -> dict[Status, int]:
        """How many documents of a run have each status, by their newest events."""
        try:
            found = cast(
                "dict[bytes, bytes]", self._source.client.hgetall(counts_key(run_id))
            )
        except (RedisError, OSError) as error:
            raise translate_error(error) from error
        return {status: int(found.get(status.encode(), 0)) for status in Status}


def decode_entries(
    entries: Iterable[tuple[bytes, dict[bytes, bytes]]],
) -> list[ProgressEvent]:
    """The events in the entries of a stream; entries that hold none are skipped."""
    found = []
    for stream_id, fields in entries:
        try:
            event = decode(fields[b"event"])
        except (EventError, KeyError):
            continue
        found.append(event.replace(id=stream_id.decode()))
    return found
