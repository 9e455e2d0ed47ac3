"""Messages in Microsoft's own format (TNEF), which arrive as `winmail.dat`.

A file is a list of attributes; those of the message come before those of each
attachment. The content of attachments stays in the file until it is read.
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps.mail import outlook
from docprogress.steps.mail.headers import decode_bytes
from docprogress.steps.mail.mapi import Values, parse_properties
from docprogress.steps.text import clean, clean_title

SIGNATURE = b"\x78\x9f\x3e\x22"

#: Attributes of a file that are read, and attachments.
MOST_ATTRIBUTES = 50_000
MOST_ATTACHMENTS = 2_000

#: Bytes of an attribute that is read into memory.
MOST_BYTES = 64 * 1024 * 1024

_ATTRIBUTE = struct.Struct("<BII")
_HEADER = len(SIGNATURE) + 2
_CHECKSUM = 2

# Attributes, by the lower half of their numbers.
_SUBJECT, _BODY, _CODE_PAGE, _PROPERTIES = 0x8004, 0x800C, 0x9007, 0x9003
_BEGIN, _TITLE, _CONTENT, _ATTACHMENT = 0x9002, 0x8010, 0x800F, 0x9005

#: How an object begins that is a message: the GUID of its interface.
_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")


@dataclass(slots=True)
class TnefProperties:
    """The properties of a message or an attachment, by their number in hexadecimal."""

    values: Values = field(default_factory=dict)
    charset: str = ""

    def text(self, number: str) -> str:
        """A text; empty if there is none."""
        value = self.values.get(int(number, 16))
        if isinstance(value, str):
            return clean(value)
        return clean(decode_bytes(value, self.charset)) if value else ""

    def binary(self, number: str) -> bytes | None:
        """Bytes; None if there are none."""
        value = self.values.get(int(number, 16))
        return value if isinstance(value, bytes) else None

    def html(self) -> tuple[bytes, str]:
        """The HTML body, and its encoding; empty if it must be detected."""
        value = self.values.get(int(outlook.HTML, 16), b"")
        return (value.encode(), "utf-8") if isinstance(value, str) else (value, "")

    @property
    def hidden(self) -> bool:
        """Whether it is part of the text, such as a picture in it."""
        flag = self.binary(outlook.HIDDEN) or b""
        image = self.text(outlook.MIME_TYPE).lower().startswith("image/")
        return bool(flag[:1].strip(b"\0")) or (
            image and bool(self.text(outlook.CONTENT_ID))
        )


@dataclass(slots=True)
class TnefAttachment:
    """An attachment: its properties, and the position of its content."""

    properties: TnefProperties = field(default_factory=TnefProperties)
    title: str = ""
    start: int = 0
    size: int = 0

    @property
    def embedded(self) -> bytes | None:
        """The message that it is, in the same format; None if it is a file."""
        value = self.properties.binary(outlook.CONTENT)
        if value is None or not value.startswith(_MESSAGE):
            return None
        return value[len(_MESSAGE) :]

    @property
    def name(self) -> str:
        """Its file name."""
        for number in (outlook.LONG_NAME, outlook.SHORT_NAME):
            if name := clean_title(self.properties.text(number)):
                return name
        name = self.title or clean_title(self.properties.text(outlook.DISPLAY_NAME))
        return f"{name or 'message'}.tnef" if self.embedded else name or "attachment"


class TnefFile:
    """An open file.

    Raises:
        Unreadable: It is damaged.
        LimitExceeded: It has far too many parts.
        OSError: It cannot be opened.
    """

    def __init__(self, document: Document) -> None:
        self._name = document.name
        self._file = document.path.open("rb")
        self.message = TnefProperties()
        self.attachments: list[TnefAttachment] = []
        #: Whether the end of the file is missing.
        self.cut = False
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()

    def open(self, attachment: TnefAttachment) -> BinaryIO:
        """The content of an attachment."""
        if (embedded := attachment.embedded) is not None:
            return io.BytesIO(embedded)
        if not attachment.size:
            return io.BytesIO(attachment.properties.binary(outlook.CONTENT) or b"")
        section = _Section(self._file, attachment.start, attachment.size)
        return cast("BinaryIO", io.BufferedReader(section))

    def _read(self) -> None:
        if self._file.read(_HEADER)[: len(SIGNATURE)] != SIGNATURE:
            raise self._damaged("its beginning is missing")
        known = False
        for number, start, size in self._attributes():
            known = True
            if number == _BEGIN:
                self.attachments.append(TnefAttachment())
                if len(self.attachments) > MOST_ATTACHMENTS:
                    raise self._too_complex()
            elif number in (_CONTENT, _TITLE, _ATTACHMENT) and self.attachments:
                self._add_to(self.attachments[-1], number, start, size)
            else:
                self._add(number, start, size)
        if not known:
            raise self._damaged("it has no content")

    def _attributes(self) -> Iterator[tuple[int, int, int]]:
        """The number, the position and the size of each attribute."""
        end = self._file.seek(0, io.SEEK_END)
        place = _HEADER
        for _ in range(MOST_ATTRIBUTES):
            self._file.seek(place)
            head = self._file.read(_ATTRIBUTE.size)
            if len(head) < _ATTRIBUTE.size:
                return
            level, number, size = _ATTRIBUTE.unpack(head)
            start = place + _ATTRIBUTE.size
            if level not in (1, 2) or start + size > end:
                self.cut = True
                return
            yield number & 0xFFFF, start, size
            place = start + size + _CHECKSUM
        raise self._too_complex()

    def _add(self, number: int, start: int, size: int) -> None:
        """File an attribute of the message."""
        message = self.message
        if number == _CODE_PAGE:
            page = int.from_bytes(self._data(start, min(size, 4)), "little")
            message.charset = outlook.charset_of(page)
        elif number == _PROPERTIES:
            message.values |= parse_properties(self._data(start, size))
        elif number in (_SUBJECT, _BODY):
            name = outlook.SUBJECT if number == _SUBJECT else outlook.BODY
            data = self._data(start, size).rstrip(b"\0")
            message.values.setdefault(int(name, 16), data)

    def _add_to(
        self, attachment: TnefAttachment, number: int, start: int, size: int
    ) -> None:
        if number == _CONTENT:
            attachment.start, attachment.size = start, size
        elif number == _TITLE:
            data = self._data(start, min(size, 1_024)).rstrip(b"\0")
            attachment.title = clean_title(decode_bytes(data, self.message.charset))
        else:
            values = parse_properties(self._data(start, size))
            attachment.properties = TnefProperties(values, self.message.charset)

    def _data(self, start: int, size: int) -> bytes:
        if size > MOST_BYTES:
            raise LimitExceeded(
                f"{self._name}: a part of {size:,} bytes; one may have {MOST_BYTES:,}"
            )
        self._file.seek(start)
        return self._file.read(size)

    def _damaged(self, reason: str) -> Unreadable:
        return Unreadable(
            f"{self._name}: a winmail.dat that is damaged or cut short ({reason})"
        )

    def _too_complex(self) -> LimitExceeded:
        return LimitExceeded(
            f"{self._name}: a winmail.dat with more parts than any mail program writes"
        )


class _Section(io.RawIOBase):
    """A part of a file, with a position of its own."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self._place = start
        self._end = start + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._place)
        data = self._file.read(min(len(buffer), self._end - self._place))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)
