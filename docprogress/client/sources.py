"""What a user hands in, as a list of documents; nothing is read yet.

All that is wrong is found before anything starts, and told at once.
"""

import difflib
import glob
import hashlib
import inspect
import io
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from docprogress.documents import display_name
from docprogress.errors import SubmitError
from docprogress.settings import redacted
from docprogress.storage.spool import Source, Spool

#: What is taken from a folder; a file that is named is taken whatever it is.
SUFFIXES = frozenset(
    (".pdf", ".docx", ".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml")
)

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")

#: Where Jupyter's `FileUpload` has a file's content.
_CONTENT = "content"

#: What is said where it may have lost files, which it never says itself.
_LOST = (
    "Jupyter's FileUpload loses files of more than about 10 MB without a word; "
    "docprogress.Uploader takes files of any size"
)


class Expansion(NamedTuple):
    """The documents that were handed in, and what was left out."""

    #: To be closed.
    sources: Spool
    #: Paths of files in folders that are no documents.
    skipped: list[str]


def expand(what: Any) -> Expansion:
    """All documents that `what` names.

    Args:
        what: Paths, globs, folders, http(s) URLs, bytes, `(name, bytes)` pairs,
            binary file objects, files of an `Uploader`, Jupyter's `FileUpload` or its
            value: one of them or any number.

    Raises:
        SubmitError: Something is not there, or cannot be read; the message names
            all that is wrong.
    """
    collected = _Collected()
    try:
        collected.take(what)
        collected.complain()
        collected.flush()
    except BaseException:
        collected.sources.close()
        raise
    return Expansion(collected.sources, collected.skipped)


class _Collected:
    """What has been found so far, in the order in which it was handed in."""

    def __init__(self) -> None:
        self.sources = Spool()
        self.skipped: list[str] = []
        self.wrong: list[str] = []
        # Digests: of many paths, the paths themselves would be most of the memory.
        self._seen: set[bytes] = set()
        # Whether the bytes that come are somebody else's as well.
        self._held = True
        self._unnamed = 0
        # Whether something was empty that a `FileUpload` may have left so.
        self._emptied = False

    def complain(self) -> None:
        """Say what is wrong, if anything is.

        Raises:
            SubmitError: Something is.
        """
        if len(self.wrong) == 1:
            raise SubmitError(self.wrong[0])
        if self.wrong:
            lines = "".join(f"\n- {each}" for each in self.wrong)
            raise SubmitError(f"{len(self.wrong)} things cannot be read:{lines}")
        if not len(self.sources):
            raise SubmitError(
                "there is nothing to do: hand in paths, folders, URLs, bytes or files"
                + (f". If this is what a FileUpload gave: {_LOST}" * self._emptied)
            )

    def flush(self) -> None:
        """Write down what is still in a buffer, while nothing has been started.

        Raises:
            SubmitError: The disk is full.
        """
        with self._noting():
            self.sources.flush()

    def take(self, what: Any) -> None:
        if isinstance(what, str | os.PathLike):
            self._named(os.fspath(what))
        elif isinstance(what, bytes | bytearray | memoryview):
            self._bytes(self._name("bytes"), what)
        elif isinstance(what, Source):
            self._add(what, held=self._held)
        elif isinstance(what, Mapping):
            self._upload(what)
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
            self._emptied |= isinstance(what, tuple) and not what
            # What a generator has made is gone when the next one is.
            self._held = held and not isinstance(what, Iterator)
            for each in what:
                self.take(each)
            self._held = held
        else:
            self.wrong.append(
                f"{type(what).__name__} is nothing to read: hand in paths, folders, "
                "URLs, bytes or binary files"
            )

    def _named(self, given: str | bytes) -> None:
        text = os.fsdecode(given)
        scheme = _SCHEME.match(text)
        if scheme is None or Path(text).exists():
            self._path(text)
        else:
            self._url(text, scheme[1].lower())

    def _url(self, url: str, scheme: str) -> None:
        shown = redacted(url)
        if scheme not in ("http", "https"):
            self.wrong.append(
                f"{shown}: only http:// and https:// are fetched; hand in a path or "
                "bytes"
            )
            return
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError:
            host = None
        if not host:
            self.wrong.append(f"{shown}: not a URL, it names no host")
        elif self._new(url):
            last = unquote(urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1])
            self._add(Source(name=display_name(last or host), url=url))

    def _path(self, text: str) -> None:
        if not text or "\0" in text:
            self.wrong.append(f"{text!r} is not a path")
            return
        path = Path(text).expanduser()
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            self._pattern(text, path)
        except OSError as error:
            self.wrong.append(f"{_shown(path)}: {_reason(error)}")
        else:
            if stat.S_ISDIR(mode):
                self._folder(path)
            else:
                self._one(path, mode)

    def _one(self, path: Path, mode: int) -> None:
        if not stat.S_ISREG(mode):
            self.wrong.append(f"{_shown(path)}: neither a file nor a folder")
        elif not os.access(path, os.R_OK):
            self.wrong.append(f"{_shown(path)}: no permission to read it")
        elif self._new(os.path.realpath(path)):
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
                self.wrong.append(f"{_shown(folder)}: {_reason(error)}")
            else:
                self.skipped.append(str(error.filename))

        wrong = len(self.wrong)
        for path in _files(folder, unread):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                found = True
                self._one(path, stat.S_IFREG)
            else:
                self.skipped.append(str(path))
        if not found and len(self.wrong) == wrong:
            others = len(self.skipped) - skipped
            kinds = ", ".join(sorted(SUFFIXES))
            but = f", only {others} of other kinds" if others else ""
            self.wrong.append(f"{_shown(folder)}: no documents ({kinds}) in it{but}")

    def _pattern(self, text: str, path: Path) -> None:
        if not glob.has_magic(text):
            self.wrong.append(_missing(path))
            return
        try:
            found = _matches(path)
        except ValueError as error:
            self.wrong.append(f"{_shown(path)}: not a pattern: {error}")
            return
        if not found:
            self.wrong.append(f"{_shown(path)}: no file matches this pattern")
        for match in found:
            self._path(str(match))

    def _bytes(self, name: str, data: Any) -> None:
        kept = data if isinstance(data, bytes) else bytes(data)
        source = Source(name=name, data=kept, size=len(kept))
        self._add(source, held=self._held and kept is data)

    def _upload(self, what: Mapping[Any, Any]) -> None:
        self._emptied |= not what
        if _CONTENT in what:
            self._uploaded(str(what.get("name") or "upload"), what)
            return
        for name, each in what.items():  # as ipywidgets 7 had it
            if isinstance(each, Mapping) and _CONTENT in each:
                self._uploaded(str(name), {**each.get("metadata", {}), **each})
            else:
                self.wrong.append(
                    f"{name!r}: a mapping must be a value of Jupyter's FileUpload; for "
                    "bytes with a name, hand in a pair (name, bytes)"
                )

    def _uploaded(self, name: str, what: Mapping[Any, Any]) -> None:
        name, content, size = display_name(name), what[_CONTENT], what.get("size")
        if not isinstance(content, bytes | bytearray | memoryview):
            self.wrong.append(f"{name}: its content has not come. {_LOST}")
        elif isinstance(size, int) and size != memoryview(content).nbytes:
            have = memoryview(content).nbytes
            self.wrong.append(f"{name}: {have} of {size} bytes have come. {_LOST}")
        else:
            self._bytes(name, content)

    def _file(self, name: str | None, file: Any) -> None:
        own = getattr(file, "name", None)
        named = isinstance(own, str | os.PathLike | bytes)
        name = name or (display_name(own) if named else self._name("file"))  # type: ignore[arg-type]
        try:
            nothing = file.read(0)
        except (OSError, ValueError) as error:
            self.wrong.append(f"{name}: the file cannot be read: {error}")
            return
        if not isinstance(nothing, bytes):
            kind = "text" if isinstance(nothing, str) else "asynchronous"
            if inspect.iscoroutine(nothing):
                nothing.close()
            self.wrong.append(
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
        with self._noting():
            self.sources.append(source, held=held)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SubmitError(
                f"so many documents are noted in a temporary file: {_reason(error)} "
                "(TMPDIR names the folder)"
            ) from error

    def _new(self, place: str) -> bool:
        """Whether this path or URL has not been handed in before."""
        digest = hashlib.blake2b(os.fsencode(place), digest_size=16).digest()
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True

    def _name(self, kind: str) -> str:
        self._unnamed += 1
        return f"{kind}-{self._unnamed}"


def _is_file_upload(what: Any) -> bool:
    # Whoever has one has loaded its library.
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


def _files(folder: Path, unread: Callable[[OSError], None]) -> Iterator[Path]:
    """All files of a folder, sorted, without hidden ones, each folder once."""
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=unread):
        state = Path(place).stat()
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not _hidden(name))
        yield from (Path(place, name) for name in sorted(names) if not _hidden(name))


def _hidden(name: str) -> bool:
    return name.startswith(".")


def _matches(path: Path) -> list[Path]:
    """The files that a pattern names, sorted, without hidden ones."""
    parts = path.parts
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    base, pattern = Path(*parts[:first]), list(parts[first:])
    if pattern[-1] == "**":
        pattern.append("*")
    dots = any(map(_hidden, pattern))
    return sorted(
        match
        for match in base.glob("/".join(pattern))
        if match.is_file()
        and (dots or not any(map(_hidden, match.relative_to(base).parts)))
    )


def _missing(path: Path) -> str:
    try:
        beside = os.listdir(path.parent)  # noqa: PTH208 - their names alone are wanted
    except OSError:
        return f"{_shown(path)}: no such file or folder"
    close = difflib.get_close_matches(path.name, [n for n in beside if not _hidden(n)])
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"{_shown(path)}: no such file or folder{hint}"


def _shown(path: Path) -> str:
    """A path as one line, whatever its bytes are."""
    return str(path) if str(path).isprintable() else repr(str(path))[1:-1]


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
