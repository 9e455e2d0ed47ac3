"""A program that serves pages, started for a test and ended with it."""

import os
import signal
import subprocess
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from support.patience import patient
from support.services import eventually


class Served:
    """A process of its own group.

    Args:
        command: The program, which is one of this environment, and its arguments.
        url: An address that it answers, in whichever way.
        log: The file that gets what it prints.
        environment: Further environment variables.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        url: str,
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.url = url
        self._log = log
        program, *arguments = command
        self._command = [str(script(program)), *arguments]
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, seconds=60, what=f"{self.url} answers")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(patient(10))
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text("utf-8", "replace")
        try:
            urllib.request.urlopen(self.url, timeout=patient(10)).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def script(name: str) -> Path:
    """A program of this environment."""
    return Path(sysconfig.get_path("scripts")) / name
