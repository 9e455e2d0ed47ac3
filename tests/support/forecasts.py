"""What a run shows of the time left."""

import math

from docprogress.progress.fold import Progress


def time_left(progress: Progress) -> float | None:
    """The time left, or the middle of its range; None if it is unknown."""
    if progress.remaining_seconds is not None:
        return progress.remaining_seconds
    between = progress.remaining_range
    return None if between is None else math.sqrt(between[0] * between[1])
