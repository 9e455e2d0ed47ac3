"""The child processes of a measurement."""

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

#: Seconds that a process may take to get ready, to return its result, and to end.
BEGIN_SECONDS = 60.0
RESULT_SECONDS = 60.0
END_SECONDS = 15.0

#: Seconds between two checks while waiting.
TICK = 0.05


class Process:
    """A child process that reads lines, and returns what it recorded."""

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
        """Whether its output is complete."""
        return self._ended.is_set()

    def send(self, line: bytes) -> None:
        """Send it a line."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # result() reports why it has ended
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def expect(self, line: bytes) -> None:
        """Wait until it reports that it is ready.

        Raises:
            BusError: It ended instead; the message is its last line of output.
        """
        deadline = time.monotonic() + BEGIN_SECONDS
        # Wait briefly each time, so that an interrupt is noticed.
        while not self._ready.wait(TICK):
            if self.has_ended or time.monotonic() >= deadline:
                break
        if not self._ready.is_set() or self._lines != [line]:
            raise BusError(self._reason())

    def result(self) -> bytes:
        """Wait until it ends, and return what it recorded.

        Raises:
            BusError: It failed; the message is its last line of output.
        """
        deadline = time.monotonic() + RESULT_SECONDS
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
            # Its input has ended, so it ends, too, with everything that it has started.
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
        return lines[-1] if lines else "a process of the measurement has failed"


@contextmanager
def start_process(
    module: str,
    parameters: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Process]:
    """Run a module in a process that ends with the block.

    Args:
        module: The module.
        parameters: What it reads first, as JSON.
        environment: Its environment; None inherits that of this process.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            # Ctrl-C must reach only this process, which then ends the others.
            start_new_session=True,
        )
        child = Process(process, log)
        try:
            child.send(json.dumps(parameters).encode() + b"\n")
            yield child
        finally:
            child.close()


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
