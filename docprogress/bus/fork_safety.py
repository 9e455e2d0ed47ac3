"""Clients and locks that a forked process does not share with its parent."""

import os
import threading
import weakref
from typing import Protocol

import redis

from docprogress.bus.connection import connect


class Renewable(Protocol):
    """A resource that a forked process must not use as its parent left it."""

    def after_fork(self) -> None:
        """Make a new lock, and forget the parent's connections."""


class ForkSafeClient:
    """One client per process, made when it is first used.

    Args:
        url: Where Redis is.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        # Guards the creation of the client; connections have locks of their own.
        self._lock = threading.Lock()
        self._client: redis.Redis | None = None
        renew_after_fork(self)

    @property
    def client(self) -> redis.Redis:
        """The client, which any number of threads may use."""
        client = self._client
        if client is None:
            with self._lock:
                client = self._client
                if client is None:
                    client = connect(self.url)
                    # Or garbage collection would close connections still in use.
                    client.auto_close_connection_pool = False
                    self._client = client
        return client

    def after_fork(self) -> None:
        """Forget what belongs to the parent process, its lock included."""
        self._lock = threading.Lock()
        self._client = None

    def close(self) -> None:
        """Close idle connections; a later use makes a new client."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            # A connection that another thread is using closes when it is released.
            client.connection_pool.disconnect(inuse_connections=False)


_renewables: "weakref.WeakSet[Renewable]" = weakref.WeakSet()


def renew_after_fork(renewable: Renewable) -> None:
    """Call `after_fork` of this in every process forked while it exists.

    Another thread may hold its lock during the fork, and would never release it there.
    """
    _renewables.add(renewable)


def _renew() -> None:
    for renewable in list(_renewables):
        renewable.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
