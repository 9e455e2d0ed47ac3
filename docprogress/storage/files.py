"""Documents' files, stored where every worker can read them.

A file exists whole or not at all. Its name is made from the document's id alone,
never from anything that a user chose.
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
from docprogress.storage.remote import ABANDONED_SECONDS, RETRY_TIMEOUT, RemoteStorage
from docprogress.storage.spool import Source

#: Bytes that are read and written at a time.
BLOCK_BYTES = 1024 * 1024

#: Seconds for which `Files.check` retries while the storage is unreachable.
CHECK_TIMEOUT = 2.0

_ID = re.compile(r"(?!\.)[A-Za-z0-9._-]{1,200}")


class Files:
    """Documents' files, by document id.

    Args:
        storage_url: A folder's path or `file://` URL, or any URL that fsspec
            supports, such as `s3://bucket/prefix`.
        options: Further arguments of fsspec's file system.
        retry_timeout: Seconds to retry while the storage is unreachable.
    """

    def __init__(
        self,
        storage_url: str,
        options: Mapping[str, Any] | None = None,
        *,
        retry_timeout: float = RETRY_TIMEOUT,
    ) -> None:
        self._url = storage_url
        self._options = dict(options or {})
        self._folder = _local_folder(storage_url)
        self._remote = RemoteStorage(
            storage_url, self._options, retry_timeout=retry_timeout
        )

    def __repr__(self) -> str:
        return f"Files({redacted(self._url)!r})"

    def add(
        self,
        document_id: str,
        source: Source,
        *,
        max_bytes: int,
        on_wait: Callable[[], None] | None = None,
    ) -> Stored:
        """Store the content of a source.

        Args:
            document_id: The document.
            source: Its content.
            max_bytes: The size limit.
            on_wait: Called before each retry while the storage is unreachable.

        Raises:
            LimitExceeded: It has more than `max_bytes`.
            Unreadable: The source cannot be read.
            TransientError: It cannot be stored now, because the disk is full, say.
        """
        if source.size is not None and source.size > max_bytes:
            raise too_large(source.name, source.size, max_bytes)
        with self.incoming(
            document_id, source.name, max_bytes=max_bytes, on_wait=on_wait
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
        on_progress: Callable[[int, int | None], None] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Stored:
        """Download a document and store it.

        Args:
            document_id: The document.
            url: `http://` or `https://`.
            name: The document's name in errors.
            max_bytes: The size limit.
            seconds: The time limit of the download.
            on_progress: Called with the bytes received and the total, if it is known.
            on_wait: Called before each retry while the storage is unreachable.

        Raises:
            LimitExceeded: It is too large, or takes too long.
            Unreadable: The server refuses, or sends something else.
            TransientError: It cannot be downloaded or stored now.
        """
        # Only documents submitted by URL need httpx.
        from docprogress.storage.download import download

        with self.incoming(
            document_id, name, max_bytes=max_bytes, on_wait=on_wait
        ) as incoming:
            download(
                url,
                incoming,
                seconds=seconds,
                on_progress=on_progress or (lambda *_: None),
            )
        return incoming.stored

    @contextmanager
    def local(
        self,
        document_id: str,
        *,
        on_progress: Callable[[int, int], None] | None = None,
        on_wait: Callable[[], None] | None = None,
    ) -> Iterator[Path]:
        """A local path to a document's file, valid inside the `with` block.

        Args:
            document_id: The document.
            on_progress: Called with the bytes copied from a remote storage, and the
                total.
            on_wait: Called before each retry while the storage is unreachable.

        Raises:
            Unreadable: The storage has no such file.
            TransientError: The storage cannot be reached.
            OSError: There is no room for a local copy.
        """
        if self._folder is not None:
            path = self._folder / _key(document_id)
            if not path.is_file():
                raise _missing_file()
            yield path
            return
        # Readers seek in the file, and most read all of it.
        with tempfile.TemporaryDirectory(prefix="docprogress-") as folder:
            path = Path(folder, "document")
            try:
                self._remote.get(
                    _key(document_id),
                    path,
                    on_progress=on_progress or (lambda *_: None),
                    on_wait=on_wait or (lambda: None),
                )
            except FileNotFoundError:
                raise _missing_file() from None
            yield path

    def delete(self, document_id: str) -> None:
        """Delete a document's file; it is no error if there is none.

        Raises:
            TransientError: The storage cannot be reached.
        """
        if self._folder is None:
            self._remote.delete(_key(document_id))
            return
        with translate_disk_errors(document_id):
            (self._folder / _key(document_id)).unlink(missing_ok=True)

    def check(self) -> None:
        """Write, read and delete a probe file, and remove abandoned uploads.

        Raises:
            SettingsError: The URL's scheme is unknown, or its library not installed.
            StoreError: The storage cannot be used.
        """
        probe, content = f"check-{secrets.token_hex(8)}", b"docprogress"
        probing = Files(self._url, self._options, retry_timeout=CHECK_TIMEOUT)
        try:
            probing.add(probe, Source(name=probe, data=content), max_bytes=len(content))
            with probing.local(probe) as path:
                read = path.read_bytes()
            probing.delete(probe)
            probing.remove_abandoned()
        except (TransientError, Unreadable, OSError) as error:
            raise StoreError(
                f"{self._remote.describe_failure(error)}; {self._hint()}"
            ) from error
        if read != content:
            raise StoreError(
                self._remote.describe_failure("it returned something else")
            )

    def incoming(
        self,
        document_id: str,
        name: str,
        *,
        max_bytes: int,
        on_wait: Callable[[], None] | None = None,
    ) -> Incoming:
        """A file to write in a `with` block, stored when the block succeeds.

        It is written locally first, so that an interrupted one never reaches a
        remote storage.
        """
        key = _key(document_id)
        if self._folder is None:
            put = partial(self._remote.put, key=key, on_wait=on_wait or (lambda: None))
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

    def remove_abandoned(self) -> None:
        """Remove unfinished files that killed processes left behind."""
        if self._folder is None:
            self._remote.remove_abandoned()
            return
        for path in (self._folder / INCOMING).iterdir():
            with suppress(FileNotFoundError):  # its writer has ended
                if path.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                    path.unlink()

    def _hint(self) -> str:
        if urlsplit(self._url).scheme in ("s3", "s3a"):
            return (
                "check storage_url, storage_options, and the AWS_* variables of the "
                "environment (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …)"
            )
        return "set storage_url"


def _local_folder(url: str) -> Path | None:
    if "://" not in url:
        return Path(url).expanduser().absolute()
    parts = urlsplit(url)
    if parts.scheme not in ("file", "local"):
        return None
    # Folder names are bytes, and need not be UTF-8.
    return Path(unquote(parts.path, errors="surrogateescape")).absolute()


def _key(document_id: str) -> str:
    if not _ID.fullmatch(document_id):
        raise DocumentNotFound(document_id)
    return f"{document_id[:2]}/{document_id}"


def _missing_file() -> Unreadable:
    return Unreadable(
        "its file is not in the storage; submit it again (workers on several machines "
        "need a storage_url that all of them reach)"
    )


def _blocks(source: Source) -> Iterator[bytes]:
    if source.data is not None:
        for start in range(0, len(source.data), BLOCK_BYTES):
            yield source.data[start : start + BLOCK_BYTES]
        return
    try:
        if source.file is not None:
            with suppress(OSError, AttributeError, ValueError):
                source.file.seek(0)
            while block := source.file.read(BLOCK_BYTES):
                yield block
        elif source.path is not None:
            with source.path.open("rb", buffering=0) as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(f"{source.name}: it cannot be read: {reason}") from error
