"""Sources of documents, and a list of them that needs little memory.

The first sources stay in memory. Later ones are written to an anonymous temporary
file, which no other process can open and which vanishes with this one.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

#: Limits of what stays in memory: sources, and bytes of their content.
IN_MEMORY = 1000
IN_MEMORY_BYTES = 64 * 1024 * 1024

_LENGTH = 8

#: Names and paths are bytes, since they need not be valid UTF-8.
_Record = tuple[bytes, bytes | None, bytes | None, str | None, int | None]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A submitted document: a path, bytes, a file object, or a URL."""

    #: For display and type detection; never a path.
    name: str
    path: Path | None = field(default=None, repr=False)
    data: bytes | None = field(default=None, repr=False)
    file: BinaryIO | None = field(default=None, repr=False)
    #: As submitted, including a password.
    url: str | None = field(default=None, repr=False)
    #: In bytes; None if it is unknown before reading.
    size: int | None = None


class Spool:
    """Sources in their order, to be iterated any number of times, then closed.

    `append` and `flush` raise `OSError` if the file cannot be written.
    """

    def __init__(self) -> None:
        self._in_memory: list[Source | None] = []
        self._memory_bytes = 0
        self._length = 0
        # By position: open files, and bytes that the caller holds in memory anyway.
        self._held: dict[int, Source] = {}
        self._file: IO[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Spool: {self._length:,} sources>"

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Source]:
        for position, source in enumerate(self._in_memory):
            yield source or self._held[position]
        if self._file is None:
            return
        offset = 0
        for position in range(len(self._in_memory), self._length):
            if position in self._held:
                yield self._held[position]
                continue
            self._file.seek(offset)
            size = int.from_bytes(self._file.read(_LENGTH), "big")
            offset += _LENGTH + size
            yield _decode_source(self._file.read(size))

    def append(self, source: Source, *, held: bool) -> None:
        """Add a source; `held` if its bytes stay in memory anyway."""
        position, self._length = self._length, self._length + 1
        if source.file is not None or (held and source.data is not None):
            self._held[position] = source
            if self._file is None and position < IN_MEMORY:
                self._in_memory.append(None)
                return
            self._spool_file()
            return
        self._memory_bytes += len(source.data or b"")
        if (
            self._file is None
            and position < IN_MEMORY
            and self._memory_bytes <= IN_MEMORY_BYTES
        ):
            self._in_memory.append(source)
            return
        file = self._spool_file()
        name = source.name.encode(errors="surrogatepass")
        path = None if source.path is None else os.fsencode(source.path)
        record = _encode((name, path, source.data, source.url, source.size))
        file.write(len(record).to_bytes(_LENGTH, "big"))
        file.write(record)

    def flush(self) -> None:
        """Flush the file, if there is one."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Remove the file."""
        file, self._file = self._file, None
        if file is not None:
            # Closing flushes the buffer, which may fail on a full disk.
            with suppress(OSError):
                file.close()

    def _spool_file(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="docprogress-")  # noqa: SIM115
        return self._file


def _decode_source(record: bytes) -> Source:
    name, path, data, url, size = _decode(record)
    return Source(
        name=name.decode(errors="surrogatepass"),
        path=None if path is None else Path(os.fsdecode(path)),
        data=data,
        url=url,
        size=size,
    )
