"""A step's input that counts what the step takes of it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from docprogress.reporting.step_progress import StepProgress


class CountedInput(list[Any]):
    """A step's input that counts the items that the step takes.

    Each item that is finished for the first time renews the step's time limit.
    """

    def __init__(
        self,
        items: Iterable[Any],
        progress: StepProgress,
        renew: Callable[[], None],
    ) -> None:
        super().__init__(items)
        self.progress: StepProgress | None = progress
        self._renew = renew
        self._done = 0

    def __iter__(self) -> Iterator[Any]:
        progress = self.progress
        for number, item in enumerate(super().__iter__(), 1):
            yield item
            if number > self._done:
                self._done = number
                self._renew()
            if progress is not None and progress is self.progress:
                progress.total = len(self)
                progress.advance()
