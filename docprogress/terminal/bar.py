"""A plain progress bar for work in this process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(
    verb: str, total: int, *, unit: str
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error, or in the notebook, while the context is open.

    Returns:
        What to call with how much is done, out of how much.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(verb),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, of: bar.update(task, completed=min(done, of), total=of)
