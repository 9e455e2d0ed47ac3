"""Which Celery queue a document's next task goes to.

A step without a queue of its own uses the default queue. Every queue exists once for
each protocol version and fair-share level, under a name of its own in the broker.
"""

from collections.abc import Sequence

from kombu.entity import Queue

from docprogress.errors import StepError
from docprogress.queueing import fair_share
from docprogress.queueing.protocol import PROTOCOL, UNDERSTOOD, required_version
from docprogress.queueing.queue_state import DEFAULT_DISPLAY_NAME, DEFAULT_QUEUE
from docprogress.steps import Step
from docprogress.store import DocumentRow, QueuedRow, RunRow, Store
from docprogress.store.queues import Waiting


def queue_name(queue: str | None, level: int = 0, protocol: int = PROTOCOL) -> str:
    """The broker's name for one fair-share level of a step's queue."""
    base = DEFAULT_QUEUE if protocol == 1 else f"{DEFAULT_QUEUE}-{protocol}"
    own = queue not in (None, DEFAULT_DISPLAY_NAME, DEFAULT_QUEUE)
    return fair_share.level_queue_name(f"{base}.{queue}" if own else base, level)


def display_name(queue: str | None) -> str:
    """The name of a step's queue as users write it."""
    named = queue is not None and queue_name(queue) != queue_name(None)
    return queue if named and queue else DEFAULT_DISPLAY_NAME


def task_queues(queues: Sequence[str | None]) -> list[Queue]:
    """The broker's queues that a worker of these queues consumes, at every level."""
    names = dict.fromkeys(
        queue_name(queue, protocol=protocol)
        for protocol in UNDERSTOOD
        for queue in queues
    )
    levels = (fair_share.RECOVERED_LEVEL, *range(fair_share.LEVELS))
    return [
        Queue(fair_share.level_queue_name(name, level))  # type: ignore[no-untyped-call]
        for name in names
        for level in levels
    ]


def next_step(document: DocumentRow | QueuedRow, run: RunRow) -> Step:
    """The step that a document is at or waits for; its last one once all are done."""
    return _step(run, document.next_step)


def waiting_queue(store: Store, waiting: Waiting) -> str | None:
    """The queue of documents that wait; None if another version planned the run.

    Raises:
        StoreError: The run cannot be read.
    """
    run = store.runs.cached(waiting.run_id)
    if required_version(run.settings) is not None:
        return None
    try:
        return _step(run, waiting.position).queue
    except StepError:
        return None


def _step(run: RunRow, position: int) -> Step:
    return Step.from_dict(run.steps[min(position, len(run.steps) - 1)])
