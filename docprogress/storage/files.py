"""Where documents' bytes are kept, so that workers on any machine reach them.

A file is there whole or not at all, under a name made of the document's id and
nothing that a user has chosen.
"""

import os
import re
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from docprogress.errors import (
    DocumentNotFound,
    StoreError,
    TransientError,
    Unreadable,
)
from docprogress.settings import redacted
from docprogress.storage.incoming import (
    INCOMING,
    Incoming,
    Stored,
    too_large,
    translate_disk_errors,
)
from docprogress.storage.remote import LEFT_OVER, PATIENCE, Remote
from docprogress.storage.spool import Source

#: Bytes that are read and written at a time.
BLOCK = 1024 * 1024

#: Seconds for which a storage that is away is waited for if that is the question.
CHECK_PATIENCE = 2.0

_ID = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,200}")


class Files:
    """Documents' bytes, by document id.

    Args:
        storage_url: A folder's path or `file://` URL, or anything fsspec knows:
            `s3://bucket/prefix`.
        options: What fsspec's file system is made with, beside the URL; what is left
            out is taken from where its library looks for it.
        patience: Seconds for which a storage that is away is waited for.
    """

    def __init__(
        self,
        storage_url: str,
        options: Mapping[str, Any] | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        self._url = storage_url
        self._options = dict(options or {})
        self._folder = _local_folder(storage_url)
        self._remote = Remote(storage_url, self._options, patience=patience)

    def __repr__(self) -> str:
        return f"Files({redacted(self._url)!r})"

    def add(
        self,
        document_id: str,
        source: Source,
        *,
        max_bytes: int,
        waiting: Callable[[], None] | None = None,
    ) -> Stored:
        """Keep what was handed in.

        Args:
            document_id: Whose bytes they are.
            source: Where they come from.
            max_bytes: How many they may be.
            waiting: Called now and then while the storage is away.

        Raises:
            LimitExceeded: It has more than `max_bytes`.
            Unreadable: It can no longer be read.
            TransientError: It cannot be kept now: the disk is full, say.
        """
        if source.size is not None and source.size > max_bytes:
            raise too_large(source.name, source.size, max_bytes)
        with self.incoming(
            document_id, source.name, max_bytes=max_bytes, waiting=waiting
        ) as incoming:
            for block in _blocks(source):
                incoming.write(block)
        return incoming.stored

    def fetch(
        self,
        document_id: str,
        url: str,
        *,
        name: str,
        max_bytes: int,
        seconds: float,
        told: Callable[[int, int | None], None] | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> Stored:
        """Keep what a web server gives.

        Args:
            document_id: Whose bytes they are.
            url: `http://` or `https://`.
            name: What the document is called in errors.
            max_bytes: How large it may be.
            seconds: How long it may take, from the first byte to the last.
            told: Called with the bytes that have come, out of how many.
            waiting: Called now and then while the storage is away.

        Raises:
            LimitExceeded: It is too large, or takes too long.
            Unreadable: The server refuses, or gives something else.
            TransientError: The server may give it later, or it cannot be kept now.
        """
        # HTTP's library is needed by nobody who keeps files of their own.
        from docprogress.storage.download import download

        with self.incoming(
            document_id, name, max_bytes=max_bytes, waiting=waiting
        ) as incoming:
            download(url, incoming, seconds=seconds, told=told or (lambda *_: None))
        return incoming.stored

    @contextmanager
    def local(
        self,
        document_id: str,
        *,
        told: Callable[[int, int], None] | None = None,
        waiting: Callable[[], None] | None = None,
    ) -> Iterator[Path]:
        """A path on this machine where the bytes can be read, for a while.

        Args:
            document_id: Whose bytes they are.
            told: Called with the bytes that have come from a storage elsewhere, out
                of how many.
            waiting: Called now and then while the storage is away.

        Raises:
            Unreadable: They are not kept here.
            TransientError: The storage cannot be reached.
            OSError: There is no room for a copy.
        """
        if self._folder is not None:
            path = self._folder / _key(document_id)
            if not path.is_file():
                raise _gone()
            yield path
            return
        # Readers go back and forth in a file, and most read all of it.
        with tempfile.TemporaryDirectory(prefix="docprogress-") as folder:
            path = Path(folder, "document")
            try:
                self._remote.get(
                    _key(document_id),
                    path,
                    told=told or (lambda *_: None),
                    waiting=waiting or (lambda: None),
                )
            except FileNotFoundError:
                raise _gone() from None
            yield path

    def delete(self, document_id: str) -> None:
        """Forget a document's bytes; it is no error if there are none.

        Raises:
            TransientError: The storage cannot be reached.
        """
        if self._folder is None:
            self._remote.delete(_key(document_id))
            return
        with translate_disk_errors(document_id):
            (self._folder / _key(document_id)).unlink(missing_ok=True)

    def check(self) -> None:
        """Find out whether the storage can be written and read.

        Raises:
            SettingsError: What its URL needs is not installed, or unknown.
            StoreError: It cannot be.
        """
        probe, content = f"check-{secrets.token_hex(8)}", b"docprogress"
        # Whoever asks wants to know how it is now.
        now = Files(self._url, self._options, patience=CHECK_PATIENCE)
        try:
            now.add(probe, Source(name=probe, data=content), max_bytes=len(content))
            with now.local(probe) as path:
                read = path.read_bytes()
            now.delete(probe)
            now.remove_left_over()
        except (TransientError, Unreadable, OSError) as error:
            raise StoreError(
                f"{self._remote.trouble(error)}; {self._remedy()}"
            ) from error
        if read != content:
            raise StoreError(self._remote.trouble("it gives back something else"))

    def incoming(
        self,
        document_id: str,
        name: str,
        *,
        max_bytes: int,
        waiting: Callable[[], None] | None = None,
    ) -> Incoming:
        """A file that is being written, and kept when the block ends well.

        It is written here first, so that nothing of one that breaks off is elsewhere.
        """
        key = _key(document_id)
        if self._folder is None:
            put = partial(self._remote.put, key=key, waiting=waiting or (lambda: None))
            return Incoming(name, max_bytes, None, put)
        folder = self._folder

        def keep(path: str) -> None:
            place = folder / key
            try:
                os.replace(path, place)  # noqa: PTH105 - a string as tempfile made it
            except FileNotFoundError:
                place.parent.mkdir(mode=0o700, exist_ok=True)
                os.replace(path, place)  # noqa: PTH105

        return Incoming(name, max_bytes, folder, keep)

    def remove_left_over(self) -> None:
        if self._folder is None:
            self._remote.remove_left_over()
            return
        for path in (self._folder / INCOMING).iterdir():
            with suppress(FileNotFoundError):  # its writer has ended
                if path.stat().st_mtime < time.time() - LEFT_OVER:
                    path.unlink()

    def _remedy(self) -> str:
        if urlsplit(self._url).scheme in ("s3", "s3a"):
            return (
                "look at storage_url, storage_options, and the AWS_* variables of the "
                "environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …)"
            )
        return "set storage_url"


def _local_folder(url: str) -> Path | None:
    if "://" not in url:
        return Path(url).expanduser().absolute()
    parts = urlsplit(url)
    if parts.scheme not in ("file", "local"):
        return None
    # As it was: a folder's name may be no text in UTF-8.
    return Path(unquote(parts.path, errors="surrogateescape")).absolute()


def _key(document_id: str) -> str:
    if not _ID.fullmatch(document_id):
        raise DocumentNotFound(document_id)
    return f"{document_id[:2]}/{document_id}"


def _gone() -> Unreadable:
    return Unreadable(
        "its file is not in the storage; submit it again (workers on several machines "
        "need a storage_url that all of them reach)"
    )


def _blocks(source: Source) -> Iterator[bytes]:
    if source.data is not None:
        for start in range(0, len(source.data), BLOCK):
            yield source.data[start : start + BLOCK]
        return
    try:
        if source.file is not None:
            with suppress(OSError, AttributeError, ValueError):
                source.file.seek(0)
            while block := source.file.read(BLOCK):
                yield block
        elif source.path is not None:
            with source.path.open("rb", buffering=0) as file:
                while block := file.read(BLOCK):
                    yield block
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(f"{source.name}: it cannot be read: {reason}") from error
