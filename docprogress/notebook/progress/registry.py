"""The view sessions of this process: one for all views of the same documents."""

import threading
from collections.abc import Hashable, Sequence

from docprogress.client.connections import Connections
from docprogress.client.run import Run
from docprogress.notebook.cells import CellClock
from docprogress.notebook.environment import in_kernel
from docprogress.notebook.progress.session import ViewSession
from docprogress.notebook.progress.source import Source

#: Sessions that have ended and are kept for a page that is reloaded.
MOST_ENDED = 32


class SessionRegistry:
    """Shares sessions between views, and notifies them of retries and waits."""

    def __init__(self) -> None:
        # Guards which sessions there are, and how many views each has.
        self._lock = threading.RLock()
        self._sessions: dict[Hashable, ViewSession] = {}
        self._cells = CellClock(self._cell_ended)

    @property
    def sessions(self) -> list[ViewSession]:
        """All sessions that can be joined."""
        with self._lock:
            return list(self._sessions.values())

    def join(self, source: Source) -> ViewSession:
        """The session of these documents, for one more view.

        A source that is not used, because the session has one, is closed.
        """
        with self._lock:
            if in_kernel():
                self._cells.follow()
            session = self._sessions.get(source.key)
            if session is None:
                session = self._sessions[source.key] = ViewSession(
                    source,
                    idle=lambda: self._cells.idle_seconds,
                    on_close=self._remove,
                    on_end=self._close_ended,
                )
            session.views += 1
        if source.run is not None:
            self.observe(source.run.connections)
        if session.source is not source:
            source.close()
        return session

    def leave(
        self, session: ViewSession, display_ids: Sequence[str], *, holds: int = 0
    ) -> None:
        """End a view; the last one closes the session.

        The caller must hold no lock: closing waits for the session's thread, whose
        work on a page's request may need that lock.

        Args:
            session: What the view has joined.
            display_ids: The view's outputs, which become static.
            holds: How often the view holds the session.
        """
        session.detach(display_ids, holds=holds)
        with self._lock:
            # In one step, so that no view joins a session that is about to be closed.
            session.views -= 1
            last = session.views <= 0
            if last:
                self._remove(session)
        if last:
            session.close()

    def observe(self, connections: Connections) -> None:
        """Be notified of retries and waits of these connections' runs."""
        connections.observe(self)

    def retried(self, run: Run) -> None:
        """Restore the live view of documents that are retried."""
        for session in self._of(run):
            session.resume()

    def waited(self, run: Run) -> None:
        """Show the table now, for notebooks that are executed without a page."""
        for session in self._of(run):
            session.settle()

    def _cell_ended(self) -> None:
        for session in self.sessions:
            session.cell_ended()

    def _of(self, run: Run) -> list[ViewSession]:
        return [
            session
            for session in self.sessions
            if session.source.run and session.source.run.id == run.id
        ]

    def _remove(self, session: ViewSession) -> None:
        with self._lock:
            if self._sessions.get(session.source.key) is session:
                del self._sessions[session.source.key]

    def _close_ended(self) -> None:
        """Close the sessions that ended first, if there are many."""
        ended = [session for session in self.sessions if session.ended]
        for session in ended[: max(len(ended) - MOST_ENDED, 0)]:
            # A session's own thread calls this: joining another one could deadlock.
            session.stop()
            session.release()


#: The sessions of this process.
registry = SessionRegistry()
