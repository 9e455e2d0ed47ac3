"""What a document is made from, and a list of such that needs little memory.

The first ones are kept as they are.  Of more than that, what can be written down is:
into a temporary file that nobody else can open and that goes with this process.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

#: How many sources are kept in memory, and how many bytes of documents that nobody
#: else holds.
KEPT = 1000
KEPT_BYTES = 64 * 1024 * 1024

_LENGTH = 8

#: Names are bytes: not every one of them is text.
_Written = tuple[bytes, bytes | None, bytes | None, str | None, int | None]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Written).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One document that was handed in: a path, bytes, a file object, or a URL."""

    #: For people, and to tell its type by; never a path.
    name: str
    path: Path | None = field(default=None, repr=False)
    data: bytes | None = field(default=None, repr=False)
    file: BinaryIO | None = field(default=None, repr=False)
    #: As it was handed in, with its password if it has one.
    url: str | None = field(default=None, repr=False)
    #: In bytes; None if that is not known before it is read.
    size: int | None = None


class Spool:
    """Sources in the order in which they came, read any number of times.

    Where the file cannot be written, an `OSError` says so; `close` gives it back.
    """

    def __init__(self) -> None:
        self._kept: list[Source | None] = []
        self._bytes = 0
        self._length = 0
        # Open files, and what its owner holds anyway, by place: not written down.
        self._held: dict[int, Source] = {}
        self._file: IO[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Spool: {self._length:,} sources>"

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Source]:
        for place, source in enumerate(self._kept):
            yield source or self._held[place]
        if self._file is None:
            return
        position = 0
        for place in range(len(self._kept), self._length):
            if place in self._held:
                yield self._held[place]
                continue
            self._file.seek(position)
            size = int.from_bytes(self._file.read(_LENGTH), "big")
            position += _LENGTH + size
            yield _read(self._file.read(size))

    def append(self, source: Source, *, held: bool) -> None:
        """Add a source; `held` says that its bytes stay in memory in any case."""
        place, self._length = self._length, self._length + 1
        if source.file is not None or (held and source.data is not None):
            self._held[place] = source
            if self._file is None and place < KEPT:
                self._kept.append(None)
                return
            self._written()
            return
        self._bytes += len(source.data or b"")
        if self._file is None and place < KEPT and self._bytes <= KEPT_BYTES:
            self._kept.append(source)
            return
        file = self._written()
        name = source.name.encode(errors="surrogatepass")
        path = None if source.path is None else os.fsencode(source.path)
        line = _encode((name, path, source.data, source.url, source.size))
        file.write(len(line).to_bytes(_LENGTH, "big"))
        file.write(line)

    def flush(self) -> None:
        """Write everything into the file, if there is one."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Give the file back."""
        file, self._file = self._file, None
        if file is not None:
            # Whether its buffer can be written does not matter any more.
            with suppress(OSError):
                file.close()

    def _written(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="docprogress-")  # noqa: SIM115
        return self._file


def _read(line: bytes) -> Source:
    name, path, data, url, size = _decode(line)
    return Source(
        name=name.decode(errors="surrogatepass"),
        path=None if path is None else Path(os.fsdecode(path)),
        data=data,
        url=url,
        size=size,
    )
