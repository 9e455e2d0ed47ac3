"""Storage that is not a folder of this machine: S3, or whatever else fsspec knows.

Files go through whole or not at all, some megabytes at a time.  A storage that is
away is waited for, and whoever waits is told.
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

#: Bytes of one request, and how many of them are sent at a time.
PART = 8 * MIB
CONCURRENT = 4

#: Seconds for which a storage that is away is waited for, and the longest pause
#: between two tries.
PATIENCE = 60.0
LONGEST_PAUSE = 2.0

#: Seconds after which what a killed process has begun to send is given up.
LEFT_OVER = 24 * 3600

#: Seconds before each try to give up what has been sent in part, about six in all.
_ABORTED_AFTER = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)

#: How S3 is asked.  Trying again is done here, where it can be told of, and not in
#: its libraries; a connection that hangs is noticed.
_S3: dict[str, Any] = {
    "use_listings_cache": False,
    "config_kwargs": {
        "connect_timeout": 5,
        "read_timeout": 10,
        "retries": {"total_max_attempts": 1},
    },
}


class Remote:
    """Files by their keys, in a storage that has to be reached.

    Args:
        url: What fsspec knows: `s3://bucket/prefix`.
        options: What the file system is made with, beside the URL.
        patience: Seconds for which a storage that is away is waited for.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any],
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._scheme = urlsplit(url).scheme
        self._s3 = self._scheme in ("s3", "s3a")
        self._options = _merged(_S3, options) if self._s3 else dict(options)
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._pid = 0
        self._reached: tuple[Any, str] | None = None

    def put(self, path: str, key: str, *, waiting: Callable[[], None]) -> None:
        """Keep a copy of the file at `path`.

        Raises:
            TransientError: The storage refuses.
            StorageUnavailable: It is away, for longer than is waited for.
        """
        torn = []

        def put() -> None:
            try:
                self._put(path, key)
            except StorageUnavailable:
                torn.append(key)
                raise

        try:
            self._patiently(put, waiting)
        finally:
            if torn and self._s3 and os.path.getsize(path) >= 2 * PART:  # noqa: PTH202
                # Parts could not be given up either while the storage was away.
                self._give_up(key)

    def get(
        self,
        key: str,
        path: Path,
        *,
        told: Callable[[int, int], None],
        waiting: Callable[[], None],
    ) -> None:
        """Write what is kept to `path`, a part at a time, each asked for by its range.

        So no part is fetched twice, however often the storage was away meanwhile.

        Raises:
            FileNotFoundError: Nothing is kept under this key.
            TransientError: The storage refuses.
            StorageUnavailable: It is away, for longer than is waited for.
            OSError: There is no room for it here.
        """
        size = self._patiently(partial(self._size, key), waiting)
        with path.open("wb", buffering=0) as file:
            done = 0
            while done < size:
                end = min(done + PART, size)
                left = memoryview(
                    self._patiently(partial(self._part, key, done, end), waiting)
                )
                while left:
                    left = left[file.write(left) :]
                done = end
                told(done, size)

    def delete(self, key: str) -> None:
        """Forget what is kept; it is no error if that is nothing.

        Raises:
            TransientError: The storage refuses, or is away.
        """
        with suppress(FileNotFoundError), self._asked():
            system, root = self._system()
            system.rm_file(f"{root}/{key}")

    def remove_left_over(self) -> None:
        """Give up what killed processes have begun to send, if that is allowed."""
        if self._s3:
            with suppress(TransientError, FileNotFoundError), self._asked():
                self._abort(before=datetime.now(UTC) - timedelta(seconds=LEFT_OVER))

    def _system(self) -> tuple[Any, str]:
        """The file system and its folder, made anew in a process that was forked."""
        if self._reached is None or self._pid != os.getpid():
            try:
                # Not one that somebody else has made: what is not said here is looked
                # for in the environment, as it was then.
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
            self._reached = system, root.rstrip("/")
            self._pid = os.getpid()
        return self._reached

    def _size(self, key: str) -> int:
        with self._asked():
            system, root = self._system()
            return int(system.info(f"{root}/{key}")["size"])

    def _part(self, key: str, start: int, end: int) -> bytes:
        with self._asked():
            system, root = self._system()
            part: bytes = system.cat_file(f"{root}/{key}", start=start, end=end)
        if len(part) != end - start:
            raise StorageUnavailable(
                self.trouble("it gives less than it was asked for")
            )
        return part

    def _put(self, path: str, key: str) -> None:
        with self._asked():
            system, root = self._system()
            place = f"{root}/{key}"
            if self._s3:
                try:
                    self._send(system, path, place)
                except FileNotFoundError as error:  # there is no such bucket
                    raise TransientError(self.trouble(error)) from error
                return
            try:
                system.makedirs(place.rpartition("/")[0], exist_ok=True)
                system.put_file(path, place)
            except BaseException:
                with suppress(Exception):  # what is told is why it could not be kept
                    system.rm_file(place)
                raise

    def _send(self, system: Any, path: str, place: str) -> None:
        """Send a file to S3, in parts if it is large, of which none is left behind."""
        sending = asyncio.run_coroutine_threadsafe(
            _sent(system, path, place), system.loop
        )
        try:
            sending.result()
        except Exception:  # s3fs has given its parts up
            raise
        except BaseException:
            # An interrupt: nobody else would stop it, or give its parts up.
            sending.cancel()
            self._give_up(place.removeprefix(f"{self._system()[1]}/"))
            raise

    def _give_up(self, key: str) -> None:
        """Abort what has been sent of a file, until nothing of it is left.

        A part that is still on its way may be kept after the abort, or have the
        abort refused: S3 asks that it is said again.
        """
        for pause in _ABORTED_AFTER:
            self._sleep(pause)
            with suppress(Exception):
                if not self._abort(key):
                    return

    def _abort(self, key: str = "", *, before: datetime | None = None) -> int:
        """Give up what has been sent in part: of one file, or before some moment.

        Returns:
            How many uploads there were to give up.
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

    def _patiently(self, ask: Callable[[], T], waiting: Callable[[], None]) -> T:
        """Ask until the storage answers."""
        deadline = self._clock() + self._patience
        pause = 0.1
        while True:
            try:
                return ask()
            except StorageUnavailable as error:
                if self._clock() >= deadline:
                    raise
                log.warning("waiting for the storage: %s", redacted(str(error)))
                waiting()
            self._sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """What the storage says, whichever it is, as what it means."""
        try:
            yield
        except (FileNotFoundError, DocProgressError):
            raise
        except TypeError as error:
            # An option that the library does not know: its name, never its value.
            raise SettingsError(f"storage_options: {redacted(str(error))}") from None
        except PermissionError as error:
            raise TransientError(self.trouble(error)) from error
        except Exception as error:  # each has a library with errors of its own
            if type(error).__name__ in _REFUSED:
                raise TransientError(self.trouble(error)) from error
            raise StorageUnavailable(self.trouble(error)) from error

    def trouble(self, what: object) -> str:
        """That the storage cannot be used, and why, without a password."""
        said = redacted(str(getattr(what, "strerror", None) or what))
        unusable = f"the storage {redacted(self._url)} cannot be used: "
        return said if said.startswith(unusable) else f"{unusable}{said}"


async def _sent(system: Any, path: str, place: str) -> None:
    client = await system.set_session()
    client.meta.events.register_last(
        "before-call.s3", _unasked, unique_id="docprogress"
    )
    await system._put_file(path, place, chunksize=PART, max_concurrency=CONCURRENT)


def _unasked(params: dict[str, Any], **_: object) -> None:
    """Send without asking first: aiohttp waits for the answer, and for ever."""
    params["headers"].pop("Expect", None)


#: What botocore raises where waiting does not help.
_REFUSED = {"NoCredentialsError", "PartialCredentialsError", "ParamValidationError"}


def _merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options with defaults, also for what is set within `config_kwargs`."""
    merged = {**defaults, **given}
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(given.get(name), dict):
            merged[name] = {**value, **given[name]}
    return merged
