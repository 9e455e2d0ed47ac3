"""One line about many documents."""

from collections.abc import Mapping

from docprogress.events import Status

#: Statuses in the order in which a summary lists them.
SUMMARY_ORDER = (
    Status.COMPLETED,
    Status.FAILED,
    Status.CANCELLED,
    Status.PROCESSING,
    Status.QUEUED,
)


def summarize(
    counts: Mapping[Status, int], total: int, *, not_handed_in: str | None = None
) -> str:
    """One line for people; documents that are not counted are queued.

    Args:
        counts: How many documents have each status.
        total: How many there are.
        not_handed_in: Why documents were never submitted, if any were not.
    """
    if not total:
        return "no documents"
    queued = counts[Status.QUEUED] + total - sum(counts.values())
    shown = {**counts, Status.QUEUED: queued}
    parts = [f"{shown[s]:,} {s}" for s in SUMMARY_ORDER if shown[s]]
    line = f"{total:,} document{'' if total == 1 else 's'}: {', '.join(parts)}"
    if not_handed_in is not None:
        line += f"; not all were handed in: {not_handed_in}"
    return line
