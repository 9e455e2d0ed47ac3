"""Messages in Microsoft's own format (TNEF), as Outlook writes `winmail.dat`."""

import struct


def attribute(number, data, *, level=1):
    checksum = sum(data) & 0xFFFF
    return (
        struct.pack("<BII", level, number, len(data))
        + data
        + struct.pack("<H", checksum)
    )


def _padded(data):
    return data + bytes(-len(data) % 4)


def properties(values):
    """Properties by number: text, bytes, `("object", bytes)`, or a number."""
    made = struct.pack("<I", len(values))
    for number, value in values.items():
        if isinstance(value, int):
            made += struct.pack("<HHI", 0x0003, number, value)
            continue
        kind, data = 0x0102, value
        if isinstance(value, tuple):
            kind, data = 0x000D, value[1]
        elif isinstance(value, str):
            kind, data = 0x001F, value.encode("utf-16-le") + b"\0\0"
        made += struct.pack("<HHII", kind, number, 1, len(data)) + _padded(data)
    return made


def attachment(title, content, values=None):
    made = attribute(0x00069002, bytes(14), level=2)
    made += attribute(0x00018010, title.encode("cp1252") + b"\0", level=2)
    if content is not None:
        made += attribute(0x0006800F, content, level=2)
    if values:
        made += attribute(0x00069005, properties(values), level=2)
    return made


def tnef(*parts, message=None, code_page=1252):
    made = b"\x78\x9f\x3e\x22\x01\x00"
    made += attribute(0x00069007, struct.pack("<II", code_page, 0))
    if message:
        made += attribute(0x00069003, properties(message))
    return made + b"".join(parts)
