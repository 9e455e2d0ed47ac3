"""Deadlines of steps, in memory that a worker's processes share.

Each value is written in one go. `struct.pack_into` would set a slot to zero first, and
a reader at that moment would take it for one without a process.
"""

import mmap
from typing import NamedTuple

#: How many worker processes may share the memory.
SLOTS = 1024


class Deadline(NamedTuple):
    """When a process must end its step."""

    #: The process; 0 if the slot was never used.
    pid: int
    #: The moment (monotonic) at which the step must end; 0 if none runs.
    moment: float
    #: The limit in seconds that sets it; 0 if the step was asked to stop.
    limit: float = 0.0
    #: Whether that is a limit of the step's total time.
    in_total: bool = False


_FIELDS = len(Deadline._fields)


class StepDeadlines:
    """The deadline of each process, by its slot."""

    def __init__(self) -> None:
        memory = mmap.mmap(-1, SLOTS * _FIELDS * 8)
        self._cells = memoryview(memory).cast("d")

    def __getitem__(self, slot: int) -> Deadline:
        first = slot * _FIELDS
        pid, moment, limit, in_total = self._cells[first : first + _FIELDS].tolist()
        return Deadline(int(pid), moment, limit, bool(in_total))

    def __setitem__(self, slot: int, deadline: Deadline) -> None:
        first = slot * _FIELDS
        self._cells[first] = deadline.pid
        self._cells[first + 2] = deadline.limit
        self._cells[first + 3] = deadline.in_total
        self._cells[first + 1] = deadline.moment
