"""One document that is sent as a form, written away as it comes.

Nothing of it is ever whole in memory, and nothing is left of one that was refused.
What it is called is for people only; what it is, its content says.
"""

import asyncio
import contextlib
import hashlib
import re
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from docprogress.documents import Document, display_name
from docprogress.errors import (
    InvalidForm,
    TooManyRequests,
    TransientError,
    UploadTooSlow,
)
from docprogress.events import LONGEST_ID
from docprogress.server.executor import BoundedExecutor
from docprogress.settings import Settings
from docprogress.steps.formats import media_type
from docprogress.storage.incoming import too_large

#: Bytes that are gathered before they are written.
BLOCK = 1024 * 1024

#: The most bytes of a form that are not the file's: its other fields, the headers
#: of its parts, its boundaries.
MOST_BESIDE = 64 * 1024

#: The media type of an empty file.  It is accepted as `Pipeline.submit` accepts it, and
#: fails with that reason: whoever submitted it sees what became of it.
EMPTY = "application/x-empty"

#: Seconds after which an upload's speed is looked at.
SPEED_SECONDS = 30.0

#: Seconds after which an upload that is too slow gives way to another one.
GIVE_WAY_SECONDS = 2.0

_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


class Upload(NamedTuple):
    """A document that has arrived, and lies in a file of its own."""

    file: IO[bytes]
    name: str
    case_id: str | None
    media_type: str
    size: int
    sha256: str


@contextlib.asynccontextmanager
async def received(
    request: Request, settings: Settings, threads: BoundedExecutor, pace: "UploadRate"
) -> AsyncIterator[Upload]:
    """The document of a form, for as long as the block lasts.

    Raises:
        InvalidForm: The body is not a form with one `file`.
        UploadTooSlow: It does not come on.
        LimitExceeded: The file is larger than `max_bytes`.
        Unreadable: It is nothing that can be read.
        TransientError: It cannot be written away now.
    """
    boundary = _boundary(request)
    limit = settings.max_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit + MOST_BESIDE:
        raise too_large("the upload", int(declared), limit)
    with _spooled(settings) as (file, path):
        form, digest = _Form(boundary, limit), hashlib.sha256()
        async for data in pace.kept(request.stream()):
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
    """The uploads under way: as many as there may be, and none that hardly moves.

    Where one more may not be, such a one gives way, so that nobody who sends a byte
    now and then keeps others from sending.

    Args:
        most: How many there may be.
        pause_seconds: How long each may pause.
        least_speed: The fewest bytes a second that each may have, in the end.
    """

    def __init__(self, most: int, *, pause_seconds: float, least_speed: float) -> None:
        self._most = most
        self._pause_seconds = pause_seconds
        self._least_speed = least_speed
        self._under_way: set[UploadRate] = set()

    @contextlib.contextmanager
    def begun(self) -> Iterator["UploadRate"]:
        """One upload, for as long as the block lasts.

        Raises:
            TooManyRequests: There are as many as there may be, and all come on.
        """
        if len(self._under_way) >= self._most:
            slowest = min(self._under_way, key=lambda pace: pace.speed)
            if not slowest.too_slow(GIVE_WAY_SECONDS):
                raise TooManyRequests(
                    "too many uploads at the same time", GIVE_WAY_SECONDS
                )
            slowest.end()
            self._under_way.discard(slowest)
        pace = UploadRate(self._pause_seconds, self._least_speed)
        self._under_way.add(pace)
        try:
            yield pace
        finally:
            self._under_way.discard(pace)


class UploadRate:
    """How fast one upload comes, and what ends it if it does not."""

    def __init__(self, pause_seconds: float, least_speed: float) -> None:
        self._pause_seconds = pause_seconds
        self._least_speed = least_speed
        self._started = time.monotonic()
        self._size = 0
        self._waiting: asyncio.Timeout | None = None
        self._ended = False

    @property
    def speed(self) -> float:
        """Bytes a second."""
        return self._size / max(time.monotonic() - self._started, 1e-9)

    def too_slow(self, seconds: float) -> bool:
        """Whether it is slower than it may be, after so many seconds."""
        begun = time.monotonic() - self._started > seconds
        return begun and self.speed < self._least_speed

    def end(self) -> None:
        """Wait for no more of it."""
        self._ended = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def kept(self, stream: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The body as it comes, as long as it comes on.

        Raises:
            UploadTooSlow: It does not.
        """
        body = aiter(stream)
        while True:
            try:
                async with asyncio.timeout(self._pause_seconds) as self._waiting:
                    data = await anext(body)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if self._ended:
                    break
                raise UploadTooSlow(
                    f"nothing of the upload has come for {self._pause_seconds:g} s"
                ) from None
            finally:
                self._waiting = None
            self._size += len(data)
            if self._ended or self.too_slow(SPEED_SECONDS):
                break
            yield data
        raise UploadTooSlow(f"the upload is slower than {self._least_speed:g} bytes/s")


class _Form:
    """Takes a form apart as it comes: the file's bytes, and the case's id."""

    def __init__(self, boundary: bytes, limit: int) -> None:
        self.size = 0
        self.name: str | None = None
        self._limit = limit
        self._block = bytearray()
        self._beside = 0
        self._case = bytearray()
        self._field: str | None = None
        self._headers: dict[str, bytes] = {}
        self._header = (bytearray(), bytearray())
        self._ended = False
        with _readable():
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_finished,
                    "on_part_data": self._data,
                    "on_end": self._end,
                },
            )

    @property
    def case_id(self) -> str | None:
        """What the document belongs to."""
        try:
            case_id = self._case.decode()
        except UnicodeDecodeError:
            raise InvalidForm("case_id is not UTF-8") from None
        if len(case_id) > LONGEST_ID or _UNFIT.search(case_id):
            raise InvalidForm(
                f"case_id must have at most {LONGEST_ID} characters, and no control "
                "characters"
            )
        return case_id or None

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes of the form; blocks of the file's that are to be written."""
        before = self.size
        with _readable():
            self._parser.write(data)
        self._beside += len(data) - (self.size - before)
        if self._beside > MOST_BESIDE:
            raise InvalidForm(
                f"the form has more than {MOST_BESIDE} bytes beside its file"
            )
        if len(self._block) < BLOCK:
            return []
        return self.rest()

    def rest(self) -> list[bytes]:
        """What has come of the file and was not given yet."""
        block, self._block = bytes(self._block), bytearray()
        return [block] if block else []

    def close(self) -> None:
        """Find out whether the form was whole."""
        if not self._ended:
            raise InvalidForm("the form is cut short")
        if self.name is None:
            raise InvalidForm("the form has no file: name its part `file`")

    def _part(self) -> None:
        self._headers = {}
        self._header = (bytearray(), bytearray())
        self._field = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(
            self._headers.get("content-disposition", b"")
        )
        if kind != b"form-data":
            raise InvalidForm("a part of the form does not say what it is")
        self._field = options.get(b"name", b"").decode(errors="replace")
        if self._field != "file":
            return
        if b"filename" not in options:
            raise InvalidForm("`file` has to be a file, with a filename")
        if self.name is not None:
            raise InvalidForm("the form has more than one file: send one at a time")
        self.name = display_name(options[b"filename"].decode(errors="replace"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._field == "file":
            self.size += end - start
            if self.size > self._limit:
                raise too_large(self.name or "the upload", None, self._limit)
            self._block += memoryview(data)[start:end]
        elif self._field == "case_id":
            self._case += memoryview(data)[start:end]

    def _end(self) -> None:
        self._ended = True


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except FormParserError as error:
        raise InvalidForm(f"the form cannot be read: {error}") from error


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidForm("send the document as multipart/form-data, in a part `file`")
    return boundary


@contextlib.contextmanager
def _spooled(settings: Settings) -> Iterator[tuple[IO[bytes], Path]]:
    """A file for an upload, on the disk that it will be kept on if that is here."""
    folder = None
    if settings.storage_url is None:
        # What is left there by a process that was killed is removed in time.
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
            f"the upload cannot be kept: {error.strerror or error}"
        ) from error
