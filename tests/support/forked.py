"""A fork of the process of a test."""

import os
import signal
import traceback
from collections.abc import Callable


class Child:
    """A fork of this process that does one thing."""

    def __init__(self, task: Callable[[], object]) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            try:
                # A child that hangs must not outlive the test.
                signal.alarm(60)
                task()
            except BaseException:  # noqa: BLE001 - printed, and shown by the exit status
                traceback.print_exc()
                os._exit(1)
            os._exit(0)

    def wait(self) -> None:
        _, status = os.waitpid(self._pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0
