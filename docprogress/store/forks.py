"""No connection is open while a process forks.

A child must not use what its parent opened.  For SQLite it is worse than that: the
library would think that the child holds the parent's locks, which the system did
not give it, and another process could delete the journal under its hands
(https://www.sqlite.org/howtocorrupt.html, section 2.6).  So a fork waits until no
transaction is open in this process, and all connections are closed before it.
"""

import logging
import os
import threading
import weakref
from types import TracebackType

from sqlalchemy import Engine

log = logging.getLogger(__name__)

#: The longest, in seconds, for which a fork waits for open transactions.
PATIENCE = 60.0


class _Gate:
    """Lets transactions in, and a fork only between them."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._engines: weakref.WeakSet[Engine] = weakref.WeakSet()

    def watch(self, engine: Engine) -> None:
        """Close this engine's connections before every fork."""
        with self._condition:
            self._engines.add(engine)

    def __enter__(self) -> None:
        with self._condition:
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._condition:
            self._inside -= 1
            self._condition.notify_all()

    def before_fork(self) -> None:
        # Held until the fork is over: nobody comes in.
        self._condition.acquire()
        if not self._condition.wait_for(lambda: not self._inside, PATIENCE):
            log.warning("forking while a transaction is open")
        for engine in list(self._engines):
            engine.dispose()

    def after_in_parent(self) -> None:
        self._condition.release()

    def after_in_child(self) -> None:
        if self._inside:
            # Whoever was inside is not in this process.
            self._inside = 0
            for engine in list(self._engines):
                engine.dispose(close=False)
        self._condition.release()


#: Every transaction of every store of this process goes through it.
gate = _Gate()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=gate.before_fork,
        after_in_parent=gate.after_in_parent,
        after_in_child=gate.after_in_child,
    )
