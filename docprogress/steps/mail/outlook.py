"""Outlook messages (MSG): properties in the streams of an OLE file.

olefile reads the container. The properties are read here, since the code pages that
they declare are often unknown or wrong.
"""

import datetime as dt
import os
import struct
from collections.abc import Iterator
from typing import Any

from docprogress.documents import Document
from docprogress.errors import DocProgressError, Unreadable
from docprogress.steps.mail.headers import decode_bytes
from docprogress.steps.text import clean

#: Recipients and attachments that are read.
MOST_ENTRIES = 2_000

SUBJECT, BODY, HTML, RTF = "0037", "1000", "1013", "1009"
SENDER_NAME, SENDER_SMTP, SENDER_ADDRESS = "0C1A", "5D01", "0C1F"
SENT_NAME, SENT_SMTP, SENT_ADDRESS = "0042", "5D02", "0065"
DISPLAY_TO, DISPLAY_CC, DISPLAY_BCC = "0E04", "0E03", "0E02"
SUBMITTED, DELIVERED, CREATED = "0039", "0E06", "3007"
DISPLAY_NAME, SMTP_ADDRESS, ADDRESS, RECIPIENT_KIND = "3001", "39FE", "3003", "0C15"
LONG_NAME, SHORT_NAME, CONTENT, MIME_TYPE = "3707", "3704", "3701", "370E"
CONTENT_ID, HIDDEN = "3712", "7FFE"
_MESSAGE_CODE_PAGE, _INTERNET_CODE_PAGE = "3FFD", "3FDE"

#: How many bytes precede the properties of a message in a file, and in a message.
_HEADERS = {0: 32, 1: 24}
_ENTRY = struct.Struct("<HHI8s")
_TEXT, _BYTES_TEXT, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"

#: Windows' code pages whose names in mail are not `windows-NUMBER`.
_CHARSETS = {
    932: "shift_jis",
    936: "gb18030",
    949: "euc-kr",
    950: "big5",
    20127: "us-ascii",
    20866: "koi8-r",
    21866: "koi8-u",
    51932: "euc-jp",
    51949: "euc-kr",
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    50225: "iso-2022-kr",
    52936: "hz",
    54936: "gb18030",
    65000: "utf-7",
    65001: "utf-8",
    1200: "utf-16-le",
    10000: "macintosh",
    **{28590 + number: f"iso-8859-{number}" for number in range(1, 17)},
}
_EPOCH = dt.datetime(1601, 1, 1, tzinfo=dt.UTC)


class OutlookFile:
    """An open MSG file.

    Raises:
        Unreadable: It is damaged, or olefile is not installed.
        OSError: It cannot be opened.
    """

    def __init__(self, document: Document) -> None:
        try:
            import olefile
        except ImportError:
            raise Unreadable(
                f"{document.name}: an Outlook message (.msg), which needs olefile; "
                "run `pip install 'docprogress[formats]'`, or save it as .eml"
            ) from None
        self._name = document.name
        self._size = document.path.stat().st_size
        try:
            self._ole: Any = olefile.OleFileIO(os.fspath(document.path))
            entries = self._ole.listdir(streams=True, storages=True)
        except (DocProgressError, FileNotFoundError):
            raise
        except Exception as error:
            # Damaged files make olefile raise errors of many kinds.
            raise self.damaged(error) from error
        self._entries = {tuple(path) for path in entries}
        self._storages: dict[tuple[str, ...], list[str]] = {}
        for path in sorted(self._entries):
            self._storages.setdefault(path[:-1], []).append(path[-1])
        self.message = Properties(self, ())

    def close(self) -> None:
        self._ole.close()

    def damaged(self, reason: object) -> Unreadable:
        """The error for a message that cannot be read."""
        words = " ".join(clean(str(reason)).split())[:200]
        return Unreadable(
            f"{self._name}: an Outlook message that is damaged or cut short ({words})"
        )

    def names(self, storage: tuple[str, ...]) -> list[str]:
        """The names of the streams and storages in a storage, sorted."""
        return self._storages.get(storage, [])

    def stream(self, path: tuple[str, ...]) -> bytes | None:
        """A stream's content; None if it is missing or damaged."""
        if path not in self._entries:
            return None
        try:
            # A damaged table of sectors can make a stream longer than the file.
            if self._ole.get_size(list(path)) > self._size:
                return None
            with self._ole.openstream(list(path)) as stream:
                content: bytes = stream.read()
        except DocProgressError:
            raise
        except Exception:  # noqa: BLE001 - olefile raises errors of many kinds
            return None
        return content


class Properties:
    """The properties of a message, a recipient or an attachment, by their number."""

    def __init__(
        self, file: OutlookFile, path: tuple[str, ...], *, header: int | None = None
    ) -> None:
        self._file = file
        self.path = path
        self._names = set(file.names(path))
        data = file.stream((*path, "__properties_version1.0")) or b""
        start = header if header is not None else _HEADERS[min(len(path), 1)]
        self._fixed = {
            f"{number:04X}": value
            for _, number, _, value in _ENTRY.iter_unpack(
                data[start : start + (len(data) - start) // 16 * 16]
            )
        }
        self.charset = self._charset(_MESSAGE_CODE_PAGE)

    def text(self, number: str) -> str:
        """A text; empty if there is none."""
        data = self._value(number, _TEXT)
        if data is not None:
            return clean(data.decode("utf-16-le", "replace")).strip("\0")
        data = self._value(number, _BYTES_TEXT)
        return clean(decode_bytes(data, self.charset)).strip("\0") if data else ""

    def binary(self, number: str) -> bytes | None:
        """Bytes; None if there are none."""
        return self._value(number, _BINARY)

    def number(self, number: str) -> int | None:
        """A small number; None if there is none."""
        value = self._fixed.get(number)
        return None if value is None else int.from_bytes(value[:4], "little")

    def time(self, number: str) -> dt.datetime | None:
        """A time; None if there is none."""
        value = self._fixed.get(number)
        if value is None:
            return None
        try:
            return moment(value)
        except OverflowError:
            return None

    def html(self) -> tuple[bytes, str]:
        """The HTML body, and the encoding that the message declares for it."""
        text = self._value(HTML, _TEXT)
        if text is not None:
            return text.decode("utf-16-le", "replace").encode(), "utf-8"
        data = self._value(HTML, _BINARY) or self._value(HTML, _BYTES_TEXT) or b""
        return data, self._charset(_INTERNET_CODE_PAGE)

    def embedded(self) -> "Properties | None":
        """The message that an attachment is; None if it is a file."""
        name = f"__substg1.0_{CONTENT}{_OBJECT}"
        path = (*self.path, name)
        if not any(one.startswith("__properties") for one in self._file.names(path)):
            return None
        return Properties(self._file, path, header=_HEADERS[1])

    def recipients(self) -> Iterator["Properties"]:
        """The recipients of a message."""
        return self._children("__recip_version1.0_")

    def attachments(self) -> Iterator["Properties"]:
        """The attachments of a message that a person sees."""
        for attachment in self._children("__attach_version1.0_"):
            hidden = attachment.number(HIDDEN) or 0
            image = attachment.text(MIME_TYPE).lower().startswith("image/")
            if not (hidden & 1 or (image and attachment.text(CONTENT_ID))):
                yield attachment

    def _children(self, beginning: str) -> Iterator["Properties"]:
        names = [
            name for name in self._file.names(self.path) if name.startswith(beginning)
        ]
        for name in names[:MOST_ENTRIES]:
            yield Properties(self._file, (*self.path, name), header=8)

    def _value(self, number: str, kind: str) -> bytes | None:
        name = f"__substg1.0_{number}{kind}"
        return self._file.stream((*self.path, name)) if name in self._names else None

    def _charset(self, number: str) -> str:
        page = self.number(number)
        return "" if page is None else charset_of(page)


def charset_of(page: int) -> str:
    """The name of one of Windows' code pages."""
    return _CHARSETS.get(page, f"windows-{page}")


def moment(ticks: bytes) -> dt.datetime:
    """A time that is counted in units of 100 ns.

    Raises:
        OverflowError: It is too far away.
    """
    number = int.from_bytes(ticks, "little")
    return _EPOCH + dt.timedelta(microseconds=number // 10)
