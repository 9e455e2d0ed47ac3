"""The properties of messages as TNEF writes them (MS-OXTNEF 2.1.3.4)."""

import struct

#: Texts in Unicode and bytes; those in another encoding are bytes, too.
Values = dict[int, str | bytes]

#: Properties of a message that are read, and values of one of them.
MOST_PROPERTIES = 20_000
MOST_VALUES = 10_000

_NUMBER = struct.Struct("<I")
_HEAD = struct.Struct("<HH")

# Types, and the bytes that the fixed ones take.
_STRING, _UNICODE, _BINARY, _OBJECT = 0x001E, 0x001F, 0x0102, 0x000D
_VARIABLE = (_STRING, _UNICODE, _BINARY, _OBJECT)
_MANY = 0x1000
_SIZES = {
    **dict.fromkeys((0x0002, 0x0003, 0x0004, 0x000A, 0x000B), 4),
    **dict.fromkeys((0x0005, 0x0006, 0x0007, 0x0014, 0x0040), 8),
    0x0048: 16,
}

#: Numbers from here on have a name, which precedes the value.
_NAMED = 0x8000
_GUID, _BY_NAME = 16, 1


class _DamageError(Exception):
    """What follows cannot be read."""


def parse_properties(data: bytes) -> Values:
    """The properties by number, as far as they can be read; named ones are left out."""
    found: Values = {}
    reader = _Cursor(data)
    try:
        for _ in range(min(reader.number(), MOST_PROPERTIES)):
            kind, number = _HEAD.unpack(reader.take(_HEAD.size))
            if number >= _NAMED:
                reader.skip_name()
            value = reader.value(kind)
            if number < _NAMED and value is not None:
                found.setdefault(number, value)
    except _DamageError:
        pass  # those before are good
    return found


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        taken = self._data[self._place : self._place + size]
        if len(taken) < size:
            raise _DamageError
        self._place += size
        return taken

    def number(self) -> int:
        (number,) = _NUMBER.unpack(self.take(_NUMBER.size))
        return int(number)

    def skip_name(self) -> None:
        self.take(_GUID)
        if self.number() == _BY_NAME:
            self.padded(self.number())
        else:
            self.number()

    def padded(self, size: int) -> bytes:
        """Bytes that end at a multiple of four."""
        taken = self.take(size)
        self._place += -size % 4
        return taken

    def value(self, kind: int) -> str | bytes | None:
        """The value of a property; None if it has several."""
        many, kind = kind & _MANY, kind & ~_MANY
        if kind not in _VARIABLE:
            if kind not in _SIZES:
                raise _DamageError
            count = self.number() if many else 1
            data = self.take(_SIZES[kind] * count)
            return None if many else data
        count = self.number()
        if count > MOST_VALUES:
            raise _DamageError
        values = [self.padded(self.number()) for _ in range(count)]
        if many or not values:
            return None
        if kind == _UNICODE:
            return values[0].decode("utf-16-le", "replace").rstrip("\0")
        return values[0].rstrip(b"\0") if kind == _STRING else values[0]
