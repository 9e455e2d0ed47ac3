"""Group documents into messages: several in one where each takes moments.

The documents of a message share a queue and a fair-share level.
"""

from collections.abc import Sequence
from typing import NamedTuple

from docprogress.queueing.fair_share import priority_level
from docprogress.queueing.sender import Message
from docprogress.steps import Step
from docprogress.steps.planning import is_fast_plan
from docprogress.store import DocumentRow, Store

#: The maximum number of documents, and bytes of them, in one message. Fetching a
#: message costs as much as reading a few pages. Towards the end of a run messages have
#: fewer documents, so that all workers finish together.
MAX_DOCUMENTS = 8
MAX_BYTES = 1024 * 1024


class RunPlan(NamedTuple):
    """What batching needs to know of a run."""

    steps: list[Step]
    #: Whether the steps take moments for most documents.
    fast: bool
    priority: int


class MessageBatcher:
    """Makes messages of documents.

    Args:
        store: Holds the runs of the documents.
        processes: How many worker processes share the documents.
    """

    def __init__(self, store: Store, *, processes: int) -> None:
        self._store = store
        self._processes = processes
        self._plans: dict[str, RunPlan] = {}

    def batch(
        self, documents: Sequence[DocumentRow], *, first: int = 1, coming: int = 0
    ) -> list[Message]:
        """Group documents that are sent together into messages.

        Args:
            documents: In the order they are to be processed in.
            first: The position of the first one among all that are sent.
            coming: How many more will follow.

        Raises:
            StoreError: A run cannot be read.
        """
        messages: list[Message] = []
        # At the start of a run, every worker process gets its share.
        share = -(-len(documents) // self._processes)
        room = size = 0
        for index, document in enumerate(documents):
            plan = self.plan(document.run_id)
            queue = plan.steps[min(document.next_step, len(plan.steps) - 1)].queue
            retried = document.attempt > 1
            # A worker may have died of a document that is retried.
            fast = plan.fast and not retried and document.url is None
            size += document.size or 0
            # Recovery expects a document's first message in the level of its number.
            position = first + index if retried else document.number
            level = priority_level(position, plan.priority)
            fits = room > 0 and messages[-1].level == level and size <= MAX_BYTES
            if not (fast and fits):
                # Half of what would be left for each worker process.
                rest = (len(documents) - index + coming) // (2 * self._processes)
                room = max(1, min(rest, share, MAX_DOCUMENTS)) if fast else 1
                size = document.size or 0
                messages.append(Message(queue, [], level))
            messages[-1].documents.append((document.id, document.attempt))
            room -= 1
        return messages

    def plan(self, run_id: str) -> RunPlan:
        """Return a run's plan, which never changes.

        Raises:
            StoreError: The run cannot be read.
        """
        if run_id not in self._plans:
            run = self._store.runs.get(run_id)
            steps = [Step.from_dict(step) for step in run.steps]
            self._plans[run_id] = RunPlan(
                steps,
                fast=is_fast_plan(steps, embedder=run.settings["embedder"]),
                priority=run.settings.get("priority", 0),
            )
        return self._plans[run_id]
