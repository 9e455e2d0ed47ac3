"""Receive one uploaded document, and limit uploads that are too slow.

The document is written to disk as it arrives, and nothing is left of one that is
refused. Its name is only for people: its type is detected from its content.
"""

import asyncio
import contextlib
import hashlib
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from starlette.requests import Request

from docprogress.documents import Document
from docprogress.errors import TooManyRequests, TransientError, UploadTooSlow
from docprogress.server.executor import BoundedExecutor
from docprogress.server.multipart import MAX_FORM_OVERHEAD, UploadForm, boundary_of
from docprogress.settings import Settings
from docprogress.steps.formats import media_type
from docprogress.storage.incoming import too_large

#: The media type of an empty file. It is accepted, as `Pipeline.submit` accepts it, and
#: fails with that reason, so that the failure is visible where uploads are watched.
EMPTY = "application/x-empty"

#: Seconds after which an upload's speed is checked.
SPEED_SECONDS = 30.0

#: Seconds after which an upload that is too slow may be ended in favour of another.
PREEMPT_SECONDS = 2.0


class Upload(NamedTuple):
    """A complete document in a temporary file."""

    file: IO[bytes]
    name: str
    case_id: str | None
    media_type: str
    size: int
    sha256: str


@contextlib.asynccontextmanager
async def receive(
    request: Request, settings: Settings, threads: BoundedExecutor, rate: "UploadRate"
) -> AsyncIterator[Upload]:
    """Receive the document of a form; its file is removed when the block ends.

    Raises:
        InvalidForm: The body is not a form with one `file`.
        UploadTooSlow: The upload stalled, or is too slow.
        LimitExceeded: The file is larger than `max_bytes`.
        Unreadable: The file type is not supported.
        TransientError: The file cannot be written now.
    """
    boundary = boundary_of(request)
    limit = settings.max_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit + MAX_FORM_OVERHEAD:
        raise too_large("the upload", int(declared), limit)
    with _temporary_file(settings) as (file, path):
        form, digest = UploadForm(boundary, limit), hashlib.sha256()
        async for data in rate.limit(request.stream()):
            for block in form.feed(data):
                await threads.run(_write, file, digest, block)
        form.close()
        for block in form.rest():
            await threads.run(_write, file, digest, block)
        name = form.name or ""
        found = EMPTY
        if form.size:
            found = await threads.run(
                media_type, Document(id="upload", name=name, path=path, size=form.size)
            )
        yield Upload(file, name, form.case_id, found, form.size, digest.hexdigest())


class Uploads:
    """The uploads in progress: a limited number, of which slow ones can be preempted.

    At the limit, an upload that is too slow is ended in favour of a new one, so that a
    client that sends a byte occasionally does not keep others out.

    Args:
        limit: How many there may be.
        pause_seconds: How long each may pause.
        least_speed: The minimum speed of each, in bytes per second.
    """

    def __init__(self, limit: int, *, pause_seconds: float, least_speed: float) -> None:
        self._limit = limit
        self._pause_seconds = pause_seconds
        self._least_speed = least_speed
        self._running: set[UploadRate] = set()

    @contextlib.contextmanager
    def start(self) -> Iterator["UploadRate"]:
        """Count an upload, for as long as the block lasts.

        Raises:
            TooManyRequests: The limit is reached, and none is too slow.
        """
        if len(self._running) >= self._limit:
            slowest = min(self._running, key=lambda rate: rate.speed)
            if not slowest.too_slow(PREEMPT_SECONDS):
                raise TooManyRequests(
                    "too many uploads at the same time", PREEMPT_SECONDS
                )
            slowest.end()
            self._running.discard(slowest)
        rate = UploadRate(self._pause_seconds, self._least_speed)
        self._running.add(rate)
        try:
            yield rate
        finally:
            self._running.discard(rate)


class UploadRate:
    """Measures the speed of one upload, and ends it if it is too slow."""

    def __init__(self, pause_seconds: float, least_speed: float) -> None:
        self._pause_seconds = pause_seconds
        self._least_speed = least_speed
        self._started = time.monotonic()
        self._size = 0
        self._timeout: asyncio.Timeout | None = None
        self._ended = False

    @property
    def speed(self) -> float:
        """Bytes per second."""
        return self._size / max(time.monotonic() - self._started, 1e-9)

    def too_slow(self, seconds: float) -> bool:
        """Whether it is below the minimum speed after this many seconds."""
        measured = time.monotonic() - self._started > seconds
        return measured and self.speed < self._least_speed

    def end(self) -> None:
        """End the upload now."""
        self._ended = True
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(asyncio.get_running_loop().time())

    async def limit(self, stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The chunks of the body, while they arrive fast enough.

        Raises:
            UploadTooSlow: They do not.
        """
        body = aiter(stream)
        while True:
            try:
                async with asyncio.timeout(self._pause_seconds) as self._timeout:
                    data = await anext(body)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if self._ended:
                    break
                raise UploadTooSlow(
                    f"the upload has paused for {self._pause_seconds:g} s"
                ) from None
            finally:
                self._timeout = None
            self._size += len(data)
            if self._ended or self.too_slow(SPEED_SECONDS):
                break
            yield data
        raise UploadTooSlow(f"the upload is slower than {self._least_speed:g} bytes/s")


@contextlib.contextmanager
def _temporary_file(settings: Settings) -> Iterator[tuple[IO[bytes], Path]]:
    """A file for an upload, on the disk of a local storage."""
    folder = None
    if settings.storage_url is None:
        # Files that a killed process leaves in this folder are removed later.
        folder = settings.home / "files" / "incoming"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="docprogress-") as file:
        yield file, Path(file.name)


def _write(file: IO[bytes], digest: "hashlib._Hash", block: bytes) -> None:
    digest.update(block)
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise TransientError(
            f"the upload cannot be stored: {error.strerror or error}"
        ) from error
