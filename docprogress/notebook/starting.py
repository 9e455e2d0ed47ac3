"""Shows in the running cell what it waits for, while local services start.

The message replaces an output without content, and is replaced by one: a saved
notebook keeps nothing of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from docprogress.notebook.environment import in_kernel


@contextmanager
def shown(text: str) -> Iterator[None]:
    """Show a text in the cell that runs, if this is a kernel, until the block ends."""
    if not in_kernel():
        yield
        return
    from IPython.display import display

    handle: Any = display(  # type: ignore[no-untyped-call] # not typed
        {}, raw=True, display_id=True
    )
    html = f'<span role="status" style="opacity: 0.7">{escape(text)}</span>'
    handle.update({"text/plain": text, "text/html": html}, raw=True)
    try:
        yield
    finally:
        handle.update({}, raw=True)
