"""Decompress the RTF of Outlook messages (LZFu, MS-OXRTFCP)."""

import struct

#: The initial content of the dictionary.
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss "
    b"\\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier"
    b"{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab"
    b"\\tx"
)
_SIZE = 4096
_COMPRESSED, _RAW = b"LZFu", b"MELA"
_HEADER = 16


def decompress(data: bytes, *, most: int) -> bytes:
    """The RTF, or what can be read of it; no more than `most` bytes."""
    kind = data[8:12]
    if kind == _RAW:
        return data[_HEADER : _HEADER + most]
    if kind != _COMPRESSED:
        return b""
    (size,) = struct.unpack_from("<I", data, 4)
    size = min(size, most)
    out = bytearray(_DICTIONARY)
    place, end = _HEADER, len(_DICTIONARY) + size
    while place < len(data) and len(out) < end:
        flags = data[place]
        place += 1
        for bit in range(8):
            if flags >> bit & 1:
                if place + 2 > len(data):
                    break
                offset, length = divmod(
                    int.from_bytes(data[place : place + 2], "big"), 16
                )
                place += 2
                # The dictionary is the last 4,096 bytes, in a circle.
                distance = (len(out) - offset) % _SIZE
                if distance == 0:
                    return bytes(out[len(_DICTIONARY) :])
                for _ in range(length + 2):
                    start = len(out) - distance
                    out.append(out[start] if start >= 0 else 0)
            else:
                out += data[place : place + 1]
                place += 1
    return bytes(out[len(_DICTIONARY) : end])
