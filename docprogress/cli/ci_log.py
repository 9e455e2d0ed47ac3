"""Keeps a log of continuous integration from obeying names and texts of documents.

GitHub Actions obeys lines that begin with `::`, and `##[` anywhere in a line, Azure
Pipelines `##vso[`, and TeamCity `##teamcity[`: a document of such a name could fail a
build or hide a part of its log.
"""

import io
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO

from docprogress.terminal.capabilities import obeys_commands

_LINE_BEGINS = re.compile(r"(?m)^(\s*):(?=:)")
_ANYWHERE = re.compile(r"#(?=#(?:vso|teamcity)?\[)")


class CILog(io.TextIOWrapper):
    """A standard stream in which no line is a command.

    Args:
        stream: What it writes to instead of.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=True,
        )
        #: Takes commands of this program itself.
        self.verbatim = stream

    def write(self, text: str) -> int:
        super().write(without_commands(text))
        return len(text)


@contextmanager
def guarded_streams(env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Guard the standard streams inside the block.

    Files are not guarded, and nothing is where no log is known to obey.
    """
    logs: dict[str, CILog] = {}
    for name in ("stdout", "stderr") if obeys_commands(env) else ():
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not _is_file(stream):
            stream.flush()
            logs[name] = CILog(stream)
            setattr(sys, name, logs[name])
    try:
        yield
    finally:
        for name, log in logs.items():
            setattr(sys, name, log.verbatim)
            # Collected, it would close what the other one writes to.
            with suppress(OSError):
                log.detach()


def verbatim(stream: IO[str]) -> IO[str]:
    """The stream that takes commands."""
    if isinstance(stream, CILog):
        stream.flush()
        return stream.verbatim
    return stream


def without_commands(text: str) -> str:
    """Text of whole lines in which nothing is a command; JSON stays the same JSON."""
    if "::" not in text and "##" not in text:
        return text
    hash_mark = "\\u0023" if text.startswith("{") else "# "
    text = _LINE_BEGINS.sub(r"\1: ", text)
    return _ANYWHERE.sub(lambda _: hash_mark, text)


def _is_file(stream: io.TextIOWrapper) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False
