"""Reads documents in a separate process, which may hang or die."""

import contextlib
import itertools
import multiprocessing
import re
import resource
import sys
import traceback
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import psutil
from support.patience import patient

from docprogress.documents import PAGE_SEPARATOR, Chunk, Document, Page
from docprogress.errors import DocumentError, LimitExceeded, Unreadable
from docprogress.settings import Settings, load
from docprogress.steps import containers
from docprogress.steps.chunk import chunk
from docprogress.steps.extract import extract

#: Bytes of address space that the process may have: what a worker may use.
MEMORY = 2 * 1024**3

#: Seconds that a document may take, and that the process may take to begin.
LIMIT = patient(40)
BEGIN = 60.0

#: Members of a container that are read, and bytes of all of them.
MEMBERS = 100
MEMBER_BYTES = 64 * 2**20

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Outcome(NamedTuple):
    """What has become of a document that was read."""

    #: `pages`, `refused`, or what must not be: `wrong`, `hung`, `died`.
    kind: str
    detail: str = ""


class Reader:
    """A process that reads one document after the other; a new one if it dies."""

    def __init__(self, *, limit: float = LIMIT) -> None:
        self.limit = limit
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection | None = None

    def read(self, path: Path, name: str) -> Outcome:
        """What comes of a file that is handed in under this name."""
        connection = self._connection or self._start()
        process = self._process
        assert process is not None
        try:
            connection.send((path, name))
            if connection.poll(self.limit):
                return Outcome(*connection.recv())
        except (EOFError, OSError):
            process.join()
            self._connection = None
            return Outcome("died", f"exit code {process.exitcode}")
        self.close()
        return Outcome("hung", f"nothing came of it within {self.limit:g} s")

    @property
    def pid(self) -> int | None:
        """The process that reads now."""
        return self._process and self._process.pid

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _start(self) -> Connection:
        # A fork would take this process's threads' locks along, held.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        assert ours.poll(BEGIN), "the reading process does not begin"
        ours.recv()
        self._connection = ours
        return ours


def _serve(connection: Connection) -> None:
    if sys.platform == "linux":  # others do not keep to it, or refuse it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection.send("ready")
    while True:
        try:
            path, name = connection.recv()
        except EOFError:
            return
        # What recognises text opens files of its own once, and keeps them.
        for _ in range(2):
            files = psutil.Process().num_fds()
            outcome = _outcome(path, name)
            if not (left := psutil.Process().num_fds() - files):
                break
        connection.send(
            Outcome("wrong", f"{left} files are left open") if left else outcome
        )


def _outcome(path: Path, name: str) -> Outcome:
    document = Document(id="d", name=name, path=path, size=path.stat().st_size)
    settings = load(include_comments=True)
    try:
        with extract(document, settings=settings) as extraction:
            pages = list(extraction)
            total = extraction.total  # corrected while it is read
        _open_members(document, settings, extraction.facts["media_type"])
        chunks = list(chunk(pages, settings=settings))
    except DocumentError as error:
        message, kind = str(error), type(error)
        if issubclass(kind, (Unreadable, LimitExceeded)) and _is_well_worded(
            message, name, path
        ):
            return Outcome("refused", message)
        return Outcome("wrong", f"{kind.__name__}: {message!r}")
    except Exception:  # noqa: BLE001 - what this is here to find
        return Outcome("wrong", traceback.format_exc())
    complaint = _complaint(pages, chunks, total, extraction.facts)
    if complaint is not None:
        return Outcome("wrong", complaint)
    return Outcome("pages", f"{len(pages)} pages, {len(chunks)} chunks")


def _open_members(document: Document, settings: Settings, media_type: str) -> None:
    """Read the first members of a container, as far as a run would."""
    if not containers.is_container(media_type):
        return
    left = MEMBER_BYTES
    with containers.members(
        document, settings=settings, media_type=media_type
    ) as found:
        for member in itertools.islice(found, MEMBERS):
            # A run goes on with the next member.
            with contextlib.suppress(DocumentError):
                for block in containers.blocks(member, document.name):
                    left -= len(block)
                    if left < 0:
                        return


def _is_well_worded(message: str, name: str, path: Path) -> bool:
    """Whether a person can be shown it: one line, of this file, without its path."""
    plain = not _CONTROLS.search(message) and "\n" not in message
    return (
        plain
        and _is_text(message)
        and message.startswith(f"{name}: ")
        and (str(path) not in message)
    )


def _complaint(
    pages: list[Page], chunks: list[Chunk], total: int, facts: dict[str, str | int]
) -> str | None:
    """What is wrong with the pages and chunks, if anything is."""
    text = PAGE_SEPARATOR.join(page.text for page in pages)
    shown = [str(value) for value in facts.values()]
    expects_pages = facts["media_type"] not in containers.ARCHIVES
    if bool(pages) != expects_pages or [page.number for page in pages] != list(
        range(1, total + 1)
    ):
        return f"{len(pages)} pages of {total}, or not in order"
    if any(_CONTROLS.search(one) or not _is_text(one) for one in (text, *shown)):
        return "there are characters that no text may hold"
    if [one.number for one in chunks] != list(range(1, len(chunks) + 1)):
        return "the chunks are not in order"
    if not all(map(partial(_stands_in, text), chunks)):
        return "a chunk is not where it says it is"
    if bool(text.strip()) != bool(chunks):
        return f"{len(text)} characters, but {len(chunks)} chunks"
    return None


def _stands_in(text: str, chunk: Chunk) -> bool:
    """Whether a chunk is where it says it is; a table's may begin with its header."""
    found = text[chunk.start : chunk.end]
    if chunk.kind == "table":
        return bool(found) and chunk.text.endswith(found)
    return bool(found) and chunk.text == found


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
