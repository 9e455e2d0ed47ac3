"""List the entries of OLE files, the containers of old Office documents."""

import struct
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

#: The maximum number of sectors of a directory that are read; each has at least four
#: entries.
MAX_SECTORS = 4096

# Types of properties, and what times count from.
_TEXT_PROPERTY, _TIME_PROPERTY = 0x1E, 0x40
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

_ENTRY = 128
_HEADER = 512
_FREE = 0xFFFFFFFA  # and above: no sector


def root_entries(file: BinaryIO) -> set[str]:
    """The names of the streams and storages at the top of an OLE file.

    A damaged directory gives those that can be found.
    """
    try:
        return _entries(file)
    except (struct.error, IndexError, ValueError):
        return set()


def properties(data: bytes) -> dict[int, str]:
    """The texts and dates of a stream of properties, by number.

    Raises:
        struct.error: It is damaged.
    """
    (start,) = struct.unpack_from("<I", data, 44)
    (count,) = struct.unpack_from("<I", data, start + 4)
    found: dict[int, str] = {}
    encoding = "cp1252"
    for place in range(min(count, 64)):
        number, offset = struct.unpack_from("<II", data, start + 8 + 8 * place)
        kind, value = struct.unpack_from("<II", data, start + offset)
        begin = start + offset + 8
        if number == 1:
            encoding = "utf-8" if value & 0xFFFF == 65001 else f"cp{value & 0xFFFF}"  # noqa: PLR2004
        elif kind == _TEXT_PROPERTY:
            text = data[begin : begin + value].split(b"\0")[0]
            found[number] = text.decode(encoding, "replace")
        elif kind == _TIME_PROPERTY:
            (ticks,) = struct.unpack_from("<Q", data, begin - 4)
            if ticks:
                found[number] = (
                    _EPOCH + timedelta(microseconds=ticks // 10)
                ).isoformat()
    return found


def _entries(file: BinaryIO) -> set[str]:
    file.seek(0)
    header = file.read(_HEADER)
    (shift,) = struct.unpack_from("<H", header, 30)
    if shift not in (9, 12):
        return set()
    (sector,) = struct.unpack_from("<I", header, 48)
    directory = bytearray()
    seen: set[int] = set()
    while sector < _FREE and sector not in seen and len(seen) < MAX_SECTORS:
        seen.add(sector)
        file.seek((sector + 1) << shift)
        directory += file.read(1 << shift)
        sector = _next_sector(file, header, shift, sector)
    return _top(directory)


def _next_sector(file: BinaryIO, header: bytes, shift: int, sector: int) -> int:
    """The sector that follows in a chain, by the allocation table."""
    table, place = divmod(sector, (1 << shift) // 4)
    if table >= (_HEADER - 76) // 4:
        return _FREE  # beyond the tables that the header lists
    (start,) = struct.unpack_from("<I", header, 76 + 4 * table)
    if start >= _FREE:
        return _FREE
    file.seek(((start + 1) << shift) + 4 * place)
    (following,) = struct.unpack("<I", file.read(4))
    return int(following)


def _top(directory: bytes | bytearray) -> set[str]:
    """The names of the entries below the root, which are a binary tree."""
    names = set()
    seen = set()
    (child,) = struct.unpack_from("<I", directory, 76)
    waiting = [child]
    while waiting:
        number = waiting.pop()
        start = number * _ENTRY
        if number in seen or start + _ENTRY > len(directory):
            continue
        seen.add(number)
        (length,) = struct.unpack_from("<H", directory, start + 64)
        name = directory[start : start + min(max(length - 2, 0), 64)]
        names.add(name.decode("utf-16-le", "replace"))
        waiting += struct.unpack_from("<II", directory, start + 68)
    return names
