"""When the last document ends if workers fetch those that wait in order."""

import heapq
from collections.abc import Sequence

#: The maximum number of documents that are placed one by one.
MOST_PLACED = 500


def makespan(
    running: Sequence[float], waiting: Sequence[float], workers: float
) -> float:
    """The seconds until all documents have ended.

    Args:
        running: What the documents in process still take.
        waiting: What those that wait take, in the order in which they are fetched.
        workers: How many documents are processed at once.
    """
    longest = max(running, default=0.0)
    if not waiting:
        return longest
    if len(waiting) > MOST_PLACED:
        # Each begins when those before it are done.
        before, end = sum(running), longest
        for each in waiting:
            end = max(end, before / workers + each)
            before += each
        return max(end, before / workers)
    slots = max(round(workers), 1)
    free = sorted(running)
    del free[: max(len(free) - slots, 0)]
    free = [0.0] * (slots - len(free)) + free
    end = longest
    heapq.heapify(free)
    for each in waiting:
        done = free[0] + each
        heapq.heapreplace(free, done)
        end = max(end, done)
    return end
