"""Messages that have workers reconcile documents in a sink with the store."""

from collections.abc import Iterable
from itertools import groupby

from docprogress.queueing.sender import SETTLE_TASK, Message
from docprogress.store.sinks import SinkEntry
from docprogress.store.statements import batches

#: The maximum number of documents in one message.
DOCUMENTS = 200


def settlement_messages(entries: Iterable[SinkEntry]) -> list[Message]:
    """Group documents into messages for the workers that reach their sinks.

    A message may be lost or delivered twice, since the tasks are in the store.
    """
    return [
        Message(queue or None, some, task=SETTLE_TASK)
        for (queue, _), group in groupby(sorted(entries, key=_target), key=_target)
        for some in batches(((entry.document_id, 0) for entry in group), DOCUMENTS)
    ]


def _target(entry: SinkEntry) -> tuple[str, str]:
    return entry.queue or "", entry.sink
