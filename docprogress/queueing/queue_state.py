"""The displayed state of a queue, and the names of the default one."""

from typing import NamedTuple

#: The default queue's name in the broker.
DEFAULT_QUEUE = "docprogress"

#: The default queue's name in settings, messages and tables.
DEFAULT_DISPLAY_NAME = "default"


class Queue(NamedTuple):
    """The documents that wait in a queue."""

    name: str
    documents: int
    #: How long the oldest one has waited; None if the queue is empty.
    oldest_seconds: float | None
    #: Whether a worker consumes the queue; None if Redis cannot be reached.
    served: bool | None
