"""Run native code in a thread that can be abandoned.

A signal's handler, which cancels a document, runs in the main thread and only between
two of Python's instructions. The main thread therefore waits, and another one works.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Abandoned(Exception):  # noqa: N818 - reads as a fact
    """Raised within work whose result is no longer needed."""


class Background(Generic[T]):
    """Runs one piece of work at a time.

    Work that was abandoned ends at its next `check`; the next work waits for that.
    """

    def __init__(self) -> None:
        self._free = threading.Lock()

    def run(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Run `work(check)` in a thread, and return its result.

        `check` raises `Abandoned` once the calling thread was interrupted.

        Raises:
            BaseException: What the work raised, or what interrupted the wait.
        """
        self._free.acquire()
        abandoned, done = threading.Event(), threading.Event()
        results: list[T] = []
        errors: list[BaseException] = []

        def check() -> None:
            if abandoned.is_set():
                raise Abandoned

        held = threading.Lock()

        def release() -> None:
            """Allow the next work to begin; it can be called twice."""
            if held.acquire(blocking=False):
                self._free.release()

        def work_and_report() -> None:
            try:
                check()
                results.append(work(check))
            except BaseException as error:  # noqa: BLE001 - raised by the waiting thread
                errors.append(error)
            finally:
                release()
                done.set()

        thread = threading.Thread(
            target=work_and_report, name="docprogress-ocr", daemon=True
        )
        try:
            thread.start()
            done.wait()
        except BaseException:
            abandoned.set()
            # The interrupt may have come before the thread was seen to start: what it
            # does then is raise `Abandoned`.
            if not thread.is_alive():
                release()
            raise
        if errors:
            raise errors[0]
        return results[0]
