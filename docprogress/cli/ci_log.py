"""Keep names and texts of documents from being commands in logs of CI services.

GitHub Actions executes lines that begin with `::`, and `##[` anywhere in a line, Azure
Pipelines `##vso[`, and TeamCity `##teamcity[`: a document with such a name could fail a
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
        stream: The stream that it wraps.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=True,
        )
        #: The unguarded stream, for commands of this program.
        self.verbatim = stream

    def write(self, text: str) -> int:
        super().write(without_commands(text))
        return len(text)


@contextmanager
def guarded_streams(env: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Guard the standard streams inside the block.

    Files are not guarded, and neither are streams of unknown services.
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
            # If it were collected, it would close the wrapped stream.
            with suppress(OSError):
                log.detach()


def verbatim(stream: IO[str]) -> IO[str]:
    """The stream for commands."""
    if isinstance(stream, CILog):
        stream.flush()
        return stream.verbatim
    return stream


def without_commands(text: str) -> str:
    """Whole lines without commands; JSON keeps its meaning."""
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
