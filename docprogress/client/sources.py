"""Expand the argument of `submit` into a list of documents, without reading them.

All problems are found before anything starts, and reported together.
"""

import glob
import hashlib
import inspect
import io
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from docprogress.client.paths import (
    describe_missing,
    display_path,
    files_in,
    glob_files,
    reason_of,
)
from docprogress.documents import display_name
from docprogress.errors import SubmitError
from docprogress.formatting import plural
from docprogress.settings import redacted
from docprogress.steps.suffixes import SUFFIXES
from docprogress.storage.spool import Source, Spool

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")

#: The key of a file's content in the value of Jupyter's `FileUpload`.
_CONTENT = "content"

#: Added to errors where it may have lost files, which it does not report.
_HINT = (
    "Jupyter's FileUpload loses files of more than about 10 MB without a word; "
    "docprogress.Uploader takes files of any size"
)


class Expansion(NamedTuple):
    """The submitted documents, and the files that were left out."""

    #: The caller closes it.
    sources: Spool
    #: Files in folders that are not documents.
    skipped: list[str]


def expand(what: Any) -> Expansion:
    """The documents that `what` stands for.

    Args:
        what: Paths, globs, folders, http(s) URLs, bytes, `(name, bytes)` pairs,
            binary file objects, files of an `Uploader`, Jupyter's `FileUpload` or its
            value: one of them or any number.

    Raises:
        SubmitError: Something does not exist or cannot be read; the message lists all
            problems.
    """
    collector = _Collector()
    try:
        collector.take(what)
        collector.raise_problems()
        collector.flush()
    except BaseException:
        collector.sources.close()
        raise
    return Expansion(collector.sources, collector.skipped)


class _Collector:
    """Collects documents and problems, in the order of submission."""

    def __init__(self) -> None:
        self.sources = Spool()
        self.skipped: list[str] = []
        self.problems: list[str] = []
        # Digests, because many paths would take most of the memory.
        self._seen: set[bytes] = set()
        # Whether the caller keeps the bytes alive anyway.
        self._held = True
        self._unnamed = 0
        # Whether something is empty that may be a value of `FileUpload`.
        self._maybe_lost = False

    def raise_problems(self) -> None:
        """Raise if there is any problem.

        Raises:
            SubmitError: There is.
        """
        if len(self.problems) == 1:
            raise SubmitError(self.problems[0])
        if self.problems:
            lines = "".join(f"\n- {each}" for each in self.problems)
            raise SubmitError(f"{len(self.problems)} items cannot be read:{lines}")
        if not len(self.sources):
            raise SubmitError(
                "nothing to submit: pass paths, folders, URLs, bytes or files"
                + (f". If it is the value of a FileUpload: {_HINT}" * self._maybe_lost)
            )

    def flush(self) -> None:
        """Write buffered entries to the disk before anything starts.

        Raises:
            SubmitError: The disk is full.
        """
        with self._translated_disk_errors():
            self.sources.flush()

    def take(self, what: Any) -> None:
        if isinstance(what, str | os.PathLike):
            self._string(os.fspath(what))
        elif isinstance(what, bytes | bytearray | memoryview):
            self._bytes(self._name("bytes"), what)
        elif isinstance(what, Source):
            self._add(what, held=self._held)
        elif isinstance(what, Mapping):
            self._file_upload(what)
        elif _is_file_upload(what):
            self.take(what.value)
        elif hasattr(what, "read"):
            self._file(None, what)
        elif _is_pair(what):
            name, content = what
            read = self._file if hasattr(content, "read") else self._bytes
            read(display_name(name), content)
        elif isinstance(what, Iterable):
            held = self._held
            self._maybe_lost |= isinstance(what, tuple) and not what
            # A generator's items are released one by one.
            self._held = held and not isinstance(what, Iterator)
            for each in what:
                self.take(each)
            self._held = held
        else:
            self.problems.append(
                f"{type(what).__name__} cannot be read: pass paths, folders, "
                "URLs, bytes or binary files"
            )

    def _string(self, given: str | bytes) -> None:
        text = os.fsdecode(given)
        scheme = _SCHEME.match(text)
        if scheme is None or Path(text).exists():
            self._path(text)
        else:
            self._url(text, scheme[1].lower())

    def _url(self, url: str, scheme: str) -> None:
        shown = redacted(url)
        if scheme not in ("http", "https"):
            self.problems.append(
                f"{shown}: only http:// and https:// are downloaded; pass a path or "
                "bytes"
            )
            return
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError:
            host = None
        if not host:
            self.problems.append(f"{shown}: not a URL: it has no host")
        elif self._is_new(url):
            last = unquote(urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1])
            self._add(Source(name=display_name(last or host), url=url))

    def _path(self, text: str) -> None:
        if not text or "\0" in text:
            self.problems.append(f"{text!r} is not a path")
            return
        path = Path(text).expanduser()
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            self._pattern(text, path)
        except OSError as error:
            self.problems.append(f"{display_path(path)}: {reason_of(error)}")
        else:
            if stat.S_ISDIR(mode):
                self._folder(path)
            else:
                self._regular_file(path, mode)

    def _regular_file(self, path: Path, mode: int) -> None:
        if not stat.S_ISREG(mode):
            self.problems.append(f"{display_path(path)}: neither a file nor a folder")
        elif not os.access(path, os.R_OK):
            self.problems.append(f"{display_path(path)}: no permission to read it")
        elif self._is_new(os.path.realpath(path)):
            self._add(
                Source(
                    name=display_name(path),
                    path=path.absolute(),
                    size=path.stat().st_size,
                )
            )

    def _folder(self, folder: Path) -> None:
        skipped = len(self.skipped)
        found = False

        def unread(error: OSError) -> None:
            if error.filename == str(folder):
                self.problems.append(f"{display_path(folder)}: {reason_of(error)}")
            else:
                self.skipped.append(str(error.filename))

        problems = len(self.problems)
        for path in files_in(folder, unread):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                found = True
                self._regular_file(path, stat.S_IFREG)
            else:
                self.skipped.append(str(path))
        if not found and len(self.problems) == problems:
            others = len(self.skipped) - skipped
            but = f", only {plural(others, 'other file')}" if others else ""
            self.problems.append(
                f"{display_path(folder)}: no documents of a known type in it{but}"
            )

    def _pattern(self, text: str, path: Path) -> None:
        if not glob.has_magic(text):
            self.problems.append(describe_missing(path))
            return
        try:
            found = glob_files(path)
        except ValueError as error:
            self.problems.append(f"{display_path(path)}: not a pattern: {error}")
            return
        if not found:
            self.problems.append(f"{display_path(path)}: no file matches this pattern")
        for match in found:
            self._path(str(match))

    def _bytes(self, name: str, data: Any) -> None:
        kept = data if isinstance(data, bytes) else bytes(data)
        source = Source(name=name, data=kept, size=len(kept))
        self._add(source, held=self._held and kept is data)

    def _file_upload(self, what: Mapping[Any, Any]) -> None:
        self._maybe_lost |= not what
        if _CONTENT in what:
            self._uploaded_file(str(what.get("name") or "upload"), what)
            return
        for name, each in what.items():  # as ipywidgets 7 had it
            if isinstance(each, Mapping) and _CONTENT in each:
                self._uploaded_file(str(name), {**each.get("metadata", {}), **each})
            else:
                self.problems.append(
                    f"{name!r}: a mapping must be a value of Jupyter's FileUpload; for "
                    "bytes with a name, pass a pair (name, bytes)"
                )

    def _uploaded_file(self, name: str, what: Mapping[Any, Any]) -> None:
        name, content, size = display_name(name), what[_CONTENT], what.get("size")
        if not isinstance(content, bytes | bytearray | memoryview):
            self.problems.append(f"{name}: its content is missing. {_HINT}")
        elif isinstance(size, int) and size != memoryview(content).nbytes:
            have = memoryview(content).nbytes
            self.problems.append(
                f"{name}: only {have} of {size} bytes arrived. {_HINT}"
            )
        else:
            self._bytes(name, content)

    def _file(self, name: str | None, file: Any) -> None:
        own = getattr(file, "name", None)
        named = isinstance(own, str | os.PathLike | bytes)
        name = name or (display_name(own) if named else self._name("file"))  # type: ignore[arg-type]
        try:
            nothing = file.read(0)
        except (OSError, ValueError) as error:
            self.problems.append(f"{name}: the file cannot be read: {error}")
            return
        if not isinstance(nothing, bytes):
            kind = "text" if isinstance(nothing, str) else "asynchronous"
            if inspect.iscoroutine(nothing):
                nothing.close()
            self.problems.append(
                f"{name}: the file is open in {kind} mode; open it in binary mode, "
                "open(path, 'rb')"
            )
            return
        size = None
        with suppress(OSError, AttributeError, ValueError):
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
        self._add(Source(name=name, file=file, size=size))

    def _add(self, source: Source, *, held: bool = False) -> None:
        with self._translated_disk_errors():
            self.sources.append(source, held=held)

    @contextmanager
    def _translated_disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SubmitError(
                f"cannot write the list of documents to a temporary file: "
                f"{reason_of(error)} (TMPDIR sets its folder)"
            ) from error

    def _is_new(self, place: str) -> bool:
        """Whether this path or URL has not been submitted before."""
        digest = hashlib.blake2b(os.fsencode(place), digest_size=16).digest()
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True

    def _name(self, kind: str) -> str:
        self._unnamed += 1
        return f"{kind}-{self._unnamed}"


def _is_file_upload(what: Any) -> bool:
    # If it is one, its library has been imported.
    ipywidgets = sys.modules.get("ipywidgets")
    return ipywidgets is not None and isinstance(what, ipywidgets.FileUpload)


def _is_pair(what: Any) -> bool:
    return (
        isinstance(what, tuple)
        and len(what) == 2  # noqa: PLR2004
        and isinstance(what[0], str)
        and (
            isinstance(what[1], bytes | bytearray | memoryview)
            or hasattr(what[1], "read")
        )
    )
