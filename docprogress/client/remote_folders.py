"""List a folder that fsspec reaches: `s3://`, `memory://`, `https://`, ….

Only the URL without secrets leaves this module.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

import fsspec

from docprogress.client.folders import LEFT_OUT, Folder, FoundFile, LocalFolder
from docprogress.client.paths import is_hidden
from docprogress.documents import path_name
from docprogress.errors import SubmitError
from docprogress.settings import redacted
from docprogress.storage import Source
from docprogress.storage.files import BLOCK_BYTES
from docprogress.store.source_rows import FileState, path_key

#: The deepest folder that is visited: a server may list the same page for any URL.
MAX_DEPTH = 64

#: What file systems call the moment of a change, and the digest of a content.
_TIMES = (
    *("mtime", "LastModified", "last_modified", "Last-Modified", "modified"),
    *("updated", "created"),
)
_ETAGS = ("ETag", "etag", "e_tag", "md5Hash", "Content-MD5", "Digest")

_USER = re.compile(r"(?<=://)[^/?#]*@")


class RemoteFolder(Folder):
    """A folder of a file system that fsspec supports.

    Args:
        url: Its URL.
        options: Further arguments of fsspec's file system.

    Raises:
        SubmitError: There is no such file system, or its library is not installed.
    """

    has_strong_etags = True

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        super().__init__(public_url(url))
        self._url = url
        self._web = url.startswith(("http://", "https://"))
        known = {"use_listings_cache": False} if url.startswith("s3") else {}
        try:
            self._system, root = fsspec.url_to_fs(
                url, skip_instance_cache=True, **(known | dict(options))
            )
        except ImportError as error:
            raise SubmitError(
                f"{self.root}: a library is not installed ({self._shown(error)}); for "
                "S3: pip install 'docprogress[s3]'"
            ) from None
        except Exception as error:  # noqa: BLE001 - every system has its own
            raise SubmitError(f"{self.root}: {self._shown(error)}") from None
        self._root = root.rstrip("/")
        # Names in an archive do not begin with a slash.
        self._prefix = f"{self._root}/" if root else ""

    def files(self) -> Iterator[FoundFile]:
        """The files with documents, in the order of their keys.

        Raises:
            SubmitError: The folder does not exist, or cannot be listed.
        """
        self._system.invalidate_cache()
        try:
            entries = self._entries("")
        except FileNotFoundError:
            raise SubmitError(f"{self.root}: no such folder") from None
        except OSError as error:
            raise SubmitError(f"{self.root}: {error}") from None
        yield from self._walk("", entries, 0)

    def source(self, path: str) -> Source:
        """What a file is stored from."""
        return Source(name=path_name(self._name(path)), file=_RemoteFile(self, path))  # type: ignore[arg-type]

    def state(self, path: str) -> FileState:
        """What a file looks like now.

        Raises:
            OSError: It cannot be read.
        """
        return _state(self._call("info", f"{self._prefix}{path}"))

    def blocks(self, path: str) -> Iterator[bytes]:
        """The content of a file.

        Raises:
            OSError: It cannot be read.
        """
        file = _RemoteFile(self, path)
        while block := file.read(BLOCK_BYTES):
            yield block

    def open(self, path: str) -> Any:
        """A file, open for reading.

        Raises:
            OSError: It cannot be read.
        """
        return self._call("open", f"{self._prefix}{path}", "rb")

    def translate(self, error: Exception) -> OSError:
        """An error of a file system's own, as one of files, without secrets."""
        kind = type(error) if isinstance(error, OSError) else OSError
        with suppress(TypeError):
            return kind(self._shown(error))
        return OSError(self._shown(error))

    def _walk(
        self, folder: str, entries: list[tuple[str, str, dict[str, Any]]], depth: int
    ) -> Iterator[FoundFile]:
        for name_key, name, info in entries:
            path = f"{folder}{name}"
            key = path_key(path)
            try:
                if name_key.endswith("/"):
                    if depth < MAX_DEPTH:
                        inner = self._entries(f"{path}/")
                        yield from self._walk(f"{path}/", inner, depth + 1)
                elif self.takes(self._name(name), path):
                    state = _state(info)
                    if state.size is None or (state.mtime or state.etag) is None:
                        state = self.state(path)
                    yield FoundFile(key, path, state)
            except FileNotFoundError:
                pass  # it was removed in the meantime
            except OSError as error:
                self.unreadable[key] = str(error)

    def _entries(self, folder: str) -> list[tuple[str, str, dict[str, Any]]]:
        """The entries of a folder, each with its key and its name.

        Raises:
            OSError: It cannot be listed.
        """
        place = f"{self._prefix}{folder}".rstrip("/")
        listed = self._call("ls", f"{place}/" if self._web else place, detail=True)
        found = {}
        for info in listed:
            name = str(info["name"]).rstrip("/").rpartition("/")[2]
            inside = str(info["name"]).rstrip("/").removesuffix(f"/{name}")
            if not name or "?" in name or is_hidden(name) or name in LEFT_OUT:
                continue
            if self._web and inside.rstrip("/") != place:
                continue
            if str(info["name"]).rstrip("/") == place:
                continue  # the folder's own entry
            key = path_key(name) + ("/" if info["type"] == "directory" else "")
            found[key] = (key, name, info)
        return [found[key] for key in sorted(found, key=str.encode)]

    def _name(self, path: str) -> str:
        return unquote(path) if self._web else path

    def _call(self, method: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._system, method)(*arguments, **options)
        except Exception as error:  # noqa: BLE001 - every system has its own
            raise self.translate(error) from None

    def _shown(self, error: Exception) -> str:
        text = str(getattr(error, "strerror", None) or error) or type(error).__name__
        return redacted(text.replace(self._url, self.root))


class _RemoteFile:
    """A file that is opened when it is read, and closed at its end."""

    def __init__(self, folder: RemoteFolder, path: str) -> None:
        self._folder = folder
        self._path = path
        self._file: Any = None

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        if self._file is None:
            self._file = self._folder.open(self._path)
        try:
            block: bytes = self._file.read(size)
        except Exception as error:  # noqa: BLE001 - every system has its own
            self._close()
            raise self._folder.translate(error) from None
        if not block:
            self._close()
        return block

    def _close(self) -> None:
        file, self._file = self._file, None
        with suppress(Exception):
            file.close()


def public_url(url: str) -> str:
    """A URL without what may be a secret."""
    return redacted(_USER.sub("", url)).rstrip("/")


def _state(info: Mapping[str, Any]) -> FileState:
    etag = next((str(info[name]) for name in _ETAGS if info.get(name)), None)
    if etag is not None and etag.startswith("W/"):
        etag = None  # it may stay when the content changes
    changed = next((info[name] for name in _TIMES if info.get(name)), None)
    size = info.get("size")
    return FileState(
        size=None if size is None else int(size),
        mtime=_nanoseconds(changed),
        etag=etag,
        seen_at=time.time(),
    )


def _nanoseconds(moment: Any) -> int | None:
    if isinstance(moment, str):
        with suppress(ValueError):
            moment = parsedate_to_datetime(moment)
    if isinstance(moment, str):
        with suppress(ValueError):
            moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = zoned.timestamp()
    return int(moment * 1_000_000_000) if isinstance(moment, int | float) else None


def open_folder(root: "str | os.PathLike[str]", options: Mapping[str, Any]) -> Folder:
    """The folder of a path or a URL.

    Raises:
        SubmitError: It cannot be one.
    """
    path = _local_path(root)
    return RemoteFolder(str(root), options) if path is None else LocalFolder(path)


def folder_root(root: "str | os.PathLike[str]") -> str:
    """What names the folder of a path or a URL, without opening it.

    Raises:
        SubmitError: It cannot be one.
    """
    path = _local_path(root)
    return public_url(str(root)) if path is None else LocalFolder(path).root


def _local_path(root: "str | os.PathLike[str]") -> str | None:
    """A path; None for the URL of another file system."""
    text = os.fsdecode(os.fspath(root))
    if not text or "\0" in text:
        raise SubmitError(f"{text!r} is not a path")
    if "://" not in text:
        return text
    scheme, _, rest = text.partition("://")
    if scheme in ("file", "local"):
        return unquote(rest, errors="surrogateescape")
    return None
