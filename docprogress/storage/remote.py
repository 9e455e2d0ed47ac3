"""Storage outside this machine: S3, or any other file system that fsspec supports.

Files are stored whole or not at all, and transferred a few megabytes at a time.
While the storage is unreachable, operations are retried and the caller is notified.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import fsspec

from docprogress.errors import (
    DocProgressError,
    SettingsError,
    StorageUnavailable,
    TransientError,
)
from docprogress.settings import MIB, redacted

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Bytes in one request, and the number of concurrent requests of an upload.
PART_BYTES = 8 * MIB
CONCURRENT_PARTS = 4

#: Seconds for which operations are retried while the storage is unreachable, and
#: the longest pause between two tries.
RETRY_TIMEOUT = 60.0
LONGEST_PAUSE = 2.0

#: Seconds after which an unfinished upload counts as left behind by a killed process.
ABANDONED_SECONDS = 24 * 3600

#: Seconds before each try to abort an unfinished upload, about six in all.
_ABORT_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)

#: Timeouts detect hanging connections. Retries happen here, not in S3's libraries,
#: so that the caller is notified of them.
_S3_OPTIONS: dict[str, Any] = {
    "use_listings_cache": False,
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 10,
        "retries": {"total_max_attempts": 1},
    },
}


class RemoteStorage:
    """Files by their keys, in a storage that is reached over the network.

    Args:
        url: A URL that fsspec supports, such as `s3://bucket/prefix`.
        options: Further arguments of fsspec's file system.
        retry_timeout: Seconds to retry while the storage is unreachable.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any],
        *,
        retry_timeout: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._scheme = urlsplit(url).scheme
        self._s3 = self._scheme in ("s3", "s3a")
        self._options = (
            _merge_options(_S3_OPTIONS, options) if self._s3 else dict(options)
        )
        self._retry_timeout = retry_timeout
        self._clock = clock
        self._sleep = sleep
        self._pid = 0
        self._connected: tuple[Any, str] | None = None

    def put(self, path: str, key: str, *, on_wait: Callable[[], None]) -> None:
        """Store a copy of the file at `path`.

        Raises:
            TransientError: The storage refuses.
            StorageUnavailable: It stays unreachable for `retry_timeout` seconds.
        """
        interrupted = False

        def put() -> None:
            nonlocal interrupted
            try:
                self._put(path, key)
            except StorageUnavailable:
                interrupted = True
                raise

        try:
            self._retry(put, on_wait)
        finally:
            size = os.path.getsize(path)  # noqa: PTH202
            if interrupted and self._s3 and size >= 2 * PART_BYTES:
                # Uploads could not be aborted either while the storage was unavailable.
                self._abort_until_gone(key)

    def get(
        self,
        key: str,
        path: Path,
        *,
        on_progress: Callable[[int, int], None],
        on_wait: Callable[[], None],
    ) -> None:
        """Copy a stored file to `path`, part by part.

        Each part is a request for a byte range, so that no part is fetched twice
        when the storage becomes unreachable in between.

        Raises:
            FileNotFoundError: Nothing is stored under this key.
            TransientError: The storage refuses.
            StorageUnavailable: It stays unreachable for `retry_timeout` seconds.
            OSError: The local disk is full.
        """
        size = self._retry(partial(self._size, key), on_wait)
        with path.open("wb", buffering=0) as file:
            done = 0
            while done < size:
                end = min(done + PART_BYTES, size)
                left = memoryview(
                    self._retry(partial(self._part, key, done, end), on_wait)
                )
                while left:
                    left = left[file.write(left) :]
                done = end
                on_progress(done, size)

    def delete(self, key: str) -> None:
        """Delete a stored file; it is no error if there is none.

        Raises:
            TransientError: The storage refuses, or is unreachable.
        """
        with suppress(FileNotFoundError), self._translate_errors():
            system, root = self._system()
            system.rm_file(f"{root}/{key}")

    def remove_abandoned(self) -> None:
        """Abort uploads left behind by killed processes, if permissions allow."""
        if self._s3:
            with suppress(TransientError, FileNotFoundError), self._translate_errors():
                self._abort_uploads(
                    before=datetime.now(UTC) - timedelta(seconds=ABANDONED_SECONDS)
                )

    def _system(self) -> tuple[Any, str]:
        """The file system and the folder in it, made again after a fork."""
        if self._connected is None or self._pid != os.getpid():
            try:
                # A cached instance may have read other environment variables.
                system, root = fsspec.url_to_fs(
                    self._url, skip_instance_cache=True, **self._options
                )
            except ImportError as error:
                raise SettingsError(
                    f"storage_url begins with {self._scheme}://, which needs a library "
                    f"that is not installed: pip install 'docprogress[s3]' ({error})"
                ) from error
            except ValueError as error:
                raise SettingsError(f"storage_url: {redacted(str(error))}") from None
            if self._s3:
                system.retries = 1
            self._connected = system, root.rstrip("/")
            self._pid = os.getpid()
        return self._connected

    def _size(self, key: str) -> int:
        with self._translate_errors():
            system, root = self._system()
            return int(system.info(f"{root}/{key}")["size"])

    def _part(self, key: str, start: int, end: int) -> bytes:
        with self._translate_errors():
            system, root = self._system()
            part: bytes = system.cat_file(f"{root}/{key}", start=start, end=end)
        if len(part) != end - start:
            raise StorageUnavailable(
                self.describe_failure("it returned less than was requested")
            )
        return part

    def _put(self, path: str, key: str) -> None:
        with self._translate_errors():
            system, root = self._system()
            place = f"{root}/{key}"
            if self._s3:
                try:
                    self._put_to_s3(system, path, place)
                except FileNotFoundError as error:  # there is no such bucket
                    raise TransientError(self.describe_failure(error)) from error
                return
            try:
                system.makedirs(place.rpartition("/")[0], exist_ok=True)
                system.put_file(path, place)
            except BaseException:
                with suppress(Exception):  # the first error is the one to report
                    system.rm_file(place)
                raise

    def _put_to_s3(self, system: Any, path: str, place: str) -> None:
        """Upload a file, in parts if it is large; abort it on an interrupt."""
        upload = asyncio.run_coroutine_threadsafe(
            _upload(system, path, place), system.loop
        )
        try:
            upload.result()
        except Exception:  # s3fs has aborted the upload
            raise
        except BaseException:
            # KeyboardInterrupt is raised in this thread, not in s3fs's.
            upload.cancel()
            self._abort_until_gone(place.removeprefix(f"{self._system()[1]}/"))
            raise

    def _abort_until_gone(self, key: str) -> None:
        """Abort the unfinished uploads of a file until S3 lists none.

        A part in transit can arrive after the abort, or make S3 refuse it; S3's
        documentation asks clients to abort again.
        """
        for pause in _ABORT_PAUSES:
            self._sleep(pause)
            with suppress(Exception):
                if not self._abort_uploads(key):
                    return

    def _abort_uploads(self, key: str = "", *, before: datetime | None = None) -> int:
        """Abort unfinished uploads: of one file, or those begun before a moment.

        Returns:
            The number of uploads found.
        """
        system, root = self._system()
        bucket, _, prefix = f"{root}/{key}".partition("/")
        begun = system.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=prefix)
        found = [
            upload
            for upload in begun.get("Uploads", ())
            if before is None or upload["Initiated"] < before
        ]
        for upload in found:
            system.call_s3(
                "abort_multipart_upload",
                Bucket=bucket,
                Key=upload["Key"],
                UploadId=upload["UploadId"],
            )
        return len(found)

    def _retry(self, ask: Callable[[], T], on_wait: Callable[[], None]) -> T:
        """Repeat an operation while the storage is unreachable."""
        deadline = self._clock() + self._retry_timeout
        pause = 0.1
        while True:
            try:
                return ask()
            except StorageUnavailable as error:
                if self._clock() >= deadline:
                    raise
                log.warning("waiting for the storage: %s", redacted(str(error)))
                on_wait()
            self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Translate the errors of whichever library reaches the storage."""
        try:
            yield
        except (FileNotFoundError, DocProgressError):
            raise
        except TypeError as error:
            # An unknown option. The message has its name, never its value.
            raise SettingsError(f"storage_options: {redacted(str(error))}") from None
        except PermissionError as error:
            raise TransientError(self.describe_failure(error)) from error
        except Exception as error:  # every file system has its own errors
            if type(error).__name__ in _CONFIGURATION_ERRORS:
                raise TransientError(self.describe_failure(error)) from error
            raise StorageUnavailable(self.describe_failure(error)) from error

    def describe_failure(self, cause: object) -> str:
        """A message that says why the storage cannot be used, without secrets."""
        reason = redacted(str(getattr(cause, "strerror", None) or cause))
        prefix = f"the storage {redacted(self._url)} cannot be used: "
        return reason if reason.startswith(prefix) else f"{prefix}{reason}"


async def _upload(system: Any, path: str, place: str) -> None:
    client = await system.set_session()
    client.meta.events.register_last(
        "before-call.s3", _remove_expect_header, unique_id="docprogress"
    )
    await system._put_file(  # noqa: SLF001 - the only method with `max_concurrency`
        path, place, chunksize=PART_BYTES, max_concurrency=CONCURRENT_PARTS
    )


def _remove_expect_header(params: dict[str, Any], **_: object) -> None:
    """Send without `Expect: 100-continue`: aiohttp waits for the reply forever."""
    params["headers"].pop("Expect", None)


#: Errors of botocore that no retry resolves.
_CONFIGURATION_ERRORS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "ParamValidationError",
}


def _merge_options(
    defaults: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Options with defaults, merged within `config_kwargs` too."""
    merged = {**defaults, **given}
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(given.get(name), dict):
            merged[name] = {**value, **given[name]}
    return merged
