"""Whether a page shows a view live, or whether only a table can be seen."""

import time
from collections.abc import Callable

from docprogress.notebook.cells import attended, running_cell

#: Seconds without a running cell after which a page that never answered counts as
#: missing. Its answers wait until the running cell has ended.
ANSWER_SECONDS = 10.0


class Audience:
    """Which pages show the outputs of a session.

    A page answers as soon as it has loaded the widget. Where none does, the front end
    has no widgets, or cannot load what draws this one.

    Args:
        idle: Since how many seconds no cell runs.
        clock: The time in seconds.
    """

    def __init__(
        self, idle: Callable[[], float], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle = idle
        self._clock = clock
        self._attended = False
        self._answered = False
        self._missing = False
        self._shown_at: float | None = None
        self._cells: set[str | None] = set()
        self._waited_in: str | None = None

    @property
    def live(self) -> bool:
        """Whether outputs are to be live as long as documents are unfinished."""
        return self._attended and not self._missing

    @property
    def answered(self) -> bool:
        """Whether a page has ever sent a message, so that it receives messages, too."""
        return self._answered

    def enter(self) -> None:
        """Note that an output is about to be shown in the running cell."""
        self._attended |= attended()

    def shown(self) -> None:
        """Note that the running cell has an output."""
        self._cells.add(running_cell())
        if self._shown_at is None:
            self._shown_at = self._clock()

    def hold(self) -> None:
        """Note that the widget is shown elsewhere."""
        self._attended = True

    def answer(self) -> None:
        """Note that a page has sent something."""
        self._answered, self._missing = True, False

    def miss(self) -> bool:
        """Whether a page turns out to be missing now."""
        if self._answered or not self.live or self._shown_at is None:
            return False
        waited = min(self._idle(), self._clock() - self._shown_at)
        self._missing = waited >= ANSWER_SECONDS
        return self._missing

    def wait(self) -> None:
        """Note that the running cell has waited for the documents."""
        self._waited_in = running_cell()

    @property
    def waited(self) -> bool:
        """Whether the running cell has waited for the documents."""
        return running_cell() == self._waited_in is not None

    @property
    def shown_here(self) -> bool:
        """Whether the running cell has an output."""
        return running_cell() in self._cells
