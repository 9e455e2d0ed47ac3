"""Processes that take part in a measurement, each for as long as it is needed."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from docprogress.errors import BusError
from docprogress.settings import Settings

#: Seconds that a process may take to begin, to tell what it noted, and to end.
BEGIN_SECONDS = 60.0
TELL_SECONDS = 60.0
END_SECONDS = 15.0

#: Seconds between two looks whether something has happened.
TICK = 0.05


class Process:
    """A process that takes part: it is told lines, and tells what it noted."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
        self._process = process
        self._log = log
        self._lines: list[bytes] = []
        self._rest = b""
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._reader = threading.Thread(
            target=self._read, name="docprogress-latency-reader", daemon=True
        )
        self._reader.start()

    @property
    def has_ended(self) -> bool:
        """Whether it has told everything."""
        return self._ended.is_set()

    def say(self, line: bytes) -> None:
        """Tell it a line."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # why it has ended is asked for later
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def expect(self, line: bytes) -> None:
        """Wait until it says that it is ready.

        Raises:
            BusError: It has ended instead, for the reason that it gave.
        """
        deadline = time.monotonic() + BEGIN_SECONDS
        # Short, so that an interrupt is noticed.
        while not self._ready.wait(TICK):
            if self.has_ended or time.monotonic() >= deadline:
                break
        if not self._ready.is_set() or self._lines != [line]:
            raise BusError(self._reason())

    def result(self) -> bytes:
        """What it noted, once it has ended.

        Raises:
            BusError: It failed, for the reason that it gave.
        """
        deadline = time.monotonic() + TELL_SECONDS
        while not self._ended.wait(TICK):
            if time.monotonic() >= deadline:
                raise BusError(self._reason())
        if self._process.wait(END_SECONDS):
            raise BusError(self._reason())
        return self._rest

    def close(self) -> None:
        """End it, if it has not ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            # Its input has ended, and so does it, with whatever it has started.
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if first:
            self._lines.append(first)
            self._ready.set()
            self._rest = self._process.stdout.read()
        self._ended.set()

    def _reason(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "a process that takes part has failed"


@contextmanager
def taking_part(
    module: str,
    given: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """A process that runs a module, and ends with the block.

    Args:
        module: What it runs.
        given: The first line of what it is told, as JSON.
        environment: Its environment; None: that of this process.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            # An interrupt is for this process, which ends the others by itself.
            start_new_session=True,
        )
        other = Process(process, log)
        try:
            other.say(json.dumps(given).encode() + b"\n")
            yield other
        finally:
            other.close()


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment that gives another process the same settings."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("DOCPROGRESS_")
    }
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, Path):
            value = str(value)
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value)
            environment[f"DOCPROGRESS_{name.upper()}"] = text
    return environment
