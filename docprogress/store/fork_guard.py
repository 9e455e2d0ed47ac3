"""Close all database connections before a process forks.

A child must not use its parent's connections. With SQLite it would also believe that
it holds the parent's locks, and another process could delete the journal in use
(https://www.sqlite.org/howtocorrupt.html, section 2.6). So a fork waits until this
process has no open transaction, and all connections are closed before it.
"""

import logging
import os
import threading
import weakref
from types import TracebackType

from sqlalchemy import Engine

log = logging.getLogger(__name__)

#: Seconds that a fork waits for open transactions.
FORK_TIMEOUT = 60.0


class ForkGuard:
    """Admits transactions, and forks only while there are none."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._transactions = 0
        self._engines: weakref.WeakSet[Engine] = weakref.WeakSet()

    def watch(self, engine: Engine) -> None:
        """Close this engine's connections before every fork."""
        with self._condition:
            self._engines.add(engine)

    def __enter__(self) -> None:
        with self._condition:
            self._transactions += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._condition:
            self._transactions -= 1
            self._condition.notify_all()

    def before_fork(self) -> None:
        # Held until the fork has ended, so that no transaction begins.
        self._condition.acquire()
        if not self._condition.wait_for(lambda: not self._transactions, FORK_TIMEOUT):
            log.warning("forking while a transaction is open")
        for engine in list(self._engines):
            engine.dispose()

    def after_in_parent(self) -> None:
        self._condition.release()

    def after_in_child(self) -> None:
        if self._transactions:
            # The threads of these transactions do not exist in this process.
            self._transactions = 0
            for engine in list(self._engines):
                engine.dispose(close=False)
        self._condition.release()


#: Every transaction of this process runs inside it.
fork_guard = ForkGuard()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=fork_guard.before_fork,
        after_in_parent=fork_guard.after_in_parent,
        after_in_child=fork_guard.after_in_child,
    )
