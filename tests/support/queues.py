"""Names of queues, as the broker has them."""

from docprogress.queueing.fair_share import LEVELS, level_queue_name


def level_queue_names(queue: str) -> list[str]:
    """The broker's names for the levels of a queue, without the recovered one."""
    return [level_queue_name(queue, level) for level in range(LEVELS)]
