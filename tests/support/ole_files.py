"""Writes OLE files, the containers of old Office documents and Outlook messages."""

import datetime as dt
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_SECTOR, _MINI, _CUTOFF = 512, 64, 4096
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD

#: A storage's streams and storages by their names.
Storage = Mapping[str, Any]


class _Writer:
    def __init__(self) -> None:
        self.sectors: list[bytes] = []
        self.fat: list[int] = []
        self.mini = bytearray()
        self.mini_fat: list[int] = []
        self.entries: list[list[Any]] = []

    def chain(self, content: bytes) -> int:
        start = len(self.sectors)
        pieces = [content[at : at + _SECTOR] for at in range(0, len(content), _SECTOR)]
        for number, piece in enumerate(pieces):
            self.sectors.append(piece.ljust(_SECTOR, b"\0"))
            last = number == len(pieces) - 1
            self.fat.append(_END if last else start + number + 1)
        return start if pieces else _END

    def mini_chain(self, content: bytes) -> int:
        start = len(self.mini_fat)
        count = -(-len(content) // _MINI)
        self.mini += content.ljust(count * _MINI, b"\0")
        self.mini_fat += [start + n + 1 for n in range(count - 1)] + [_END]
        return start

    def add(self, name: str, content: bytes | Storage, kind: int) -> int:
        """Add an entry and those below it; their number."""
        number = len(self.entries)
        entry = [name, kind, _FREE, _FREE, _FREE, _END, 0]
        self.entries.append(entry)
        if isinstance(content, bytes):
            small = len(content) < _CUTOFF
            entry[6] = len(content)
            if content:
                write = self.mini_chain if small else self.chain
                entry[5] = write(content)
            return number
        entry[5] = 0
        children = [
            self.add(each, inner, 2 if isinstance(inner, bytes) else 1)
            for each, inner in sorted(
                content.items(), key=lambda item: (len(item[0]), item[0].upper())
            )
        ]
        entry[4] = self._tree(children)
        return number

    def _tree(self, numbers: list[int]) -> int:
        """Link siblings as a balanced tree; its root."""
        if not numbers:
            return _FREE
        middle = len(numbers) // 2
        entry = self.entries[numbers[middle]]
        entry[2] = self._tree(numbers[:middle])
        entry[3] = self._tree(numbers[middle + 1 :])
        return numbers[middle]


def ole_file(content: Storage) -> bytes:
    """An OLE file that holds these streams and storages."""
    writer = _Writer()
    writer.add("Root Entry", content, 5)
    root = writer.entries[0]
    root[5], root[6] = writer.chain(bytes(writer.mini)), len(writer.mini)
    mini_fat = b"".join(struct.pack("<I", one) for one in writer.mini_fat)
    mini_start = writer.chain(mini_fat)
    directory = b"".join(
        (name.encode("utf-16-le") + b"\0\0").ljust(64, b"\0")
        + struct.pack("<HBBIII", 2 * len(name) + 2, kind, 1, left, right, child)
        + bytes(36)
        + struct.pack("<IQ", start, size)
        for name, kind, left, right, child, start, size in writer.entries
    )
    directory_start = writer.chain(directory)
    tables = 1
    while (len(writer.fat) + tables) * 4 > tables * _SECTOR:
        tables += 1
    first = len(writer.fat)
    writer.fat += [_FAT] * tables
    packed = b"".join(struct.pack("<I", one) for one in writer.fat)
    packed = packed.ljust(tables * _SECTOR, b"\xff")
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6),
        *(0, tables, directory_start, 0, _CUTOFF),
        *(mini_start, -(-len(mini_fat) // _SECTOR), _END, 0),
    )
    listed = [first + n for n in range(tables)] + [_FREE] * (109 - tables)
    header += b"".join(struct.pack("<I", one) for one in listed)
    return header + b"".join(writer.sectors) + packed


def properties(values: Mapping[str, Any], *, header: int) -> dict[str, bytes]:
    """The streams that hold properties, by number and type such as `0037001F`."""
    streams = {}
    fixed = bytearray(header)
    for number, value in values.items():
        tag, kind = int(number[:4], 16), int(number[4:], 16)
        packed = bytes(8)
        match value:
            case str():
                streams[f"__substg1.0_{number}"] = value.encode("utf-16-le")
            case bytes():
                streams[f"__substg1.0_{number}"] = value
            case dt.datetime():
                since = value - dt.datetime(1601, 1, 1, tzinfo=dt.UTC)
                ticks = since // dt.timedelta(microseconds=1) * 10
                packed = struct.pack("<Q", ticks)
            case int():
                packed = struct.pack("<Q", value)
        fixed += struct.pack("<HHI8s", kind, tag, 6, packed)
    return {"__properties_version1.0": bytes(fixed), **streams}


def outlook_message(
    values: Mapping[str, Any],
    *,
    recipients: Sequence[Mapping[str, Any]] = (),
    attachments: Sequence[Mapping[str, Any]] = (),
    embedded: bool = False,
) -> dict[str, Any]:
    """The storage of a message; an attachment's storages are kept as they are."""
    found: dict[str, Any] = properties(values, header=24 if embedded else 32)
    for kind, children in (("recip", recipients), ("attach", attachments)):
        for number, child in enumerate(children):
            plain = {k: v for k, v in child.items() if not isinstance(v, dict)}
            storages = {
                f"__substg1.0_{k}": v for k, v in child.items() if isinstance(v, dict)
            }
            found[f"__{kind}_version1.0_#{number:08X}"] = {
                **properties(plain, header=8),
                **storages,
            }
    return found
