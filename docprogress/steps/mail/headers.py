"""The header fields of a message or of one of its parts, decoded."""

import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime

from docprogress.steps.text import clean, decode

#: Bytes of a header that are kept, and characters of one of its fields.
LONGEST_HEADER = 1024 * 1024
LONGEST_FIELD = 64 * 1024

#: Characters of a field with parameters, whose parser takes quadratic time.
_LONGEST_PARAMETERS = 4096

# Encodings whose text looks like ASCII, or like binary data.
_UNLIKE_TEXT = re.compile(
    r"(?i)iso-2022-(?:jp|kr)(?:-\w{1,4})?|hz(?:-gb-2312)?|(?:unicode-1-1-)?utf-7"
    r"|utf-?(?:16|32)(?:-?[lb]e)?"
)
_NAMES = {"hz-gb-2312": "hz", "unicode-1-1-utf-7": "utf-7"}


class Headers:
    """Header fields, by name; names are case-insensitive."""

    def __init__(self, lines: list[bytes]) -> None:
        self._fields: dict[str, list[bytes]] = {}
        pieces: list[bytes] = []
        for line in lines:
            if line[:1] in b" \t" and pieces:
                pieces.append(line)
                continue
            name, colon, value = line.partition(b":")
            if colon:
                pieces = [value]
                key = name.strip().decode("ascii", "replace").lower()
                # The first field of a name counts; `Received` may come by the hundred.
                self._fields.setdefault(key, pieces)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def raw(self, name: str) -> str:
        """A field as it is written, on one line; empty if there is none."""
        value = b"".join(self._fields.get(name, ()))[:LONGEST_FIELD]
        decoded = decode(value) if value else None
        text = decoded.text if decoded else value.decode("ascii", "replace")
        return " ".join(text.split())

    def text(self, name: str) -> str:
        """A field for a person, with its encoded words decoded."""
        return decode_words(self.raw(name))

    def parameters(self, name: str) -> Message:
        """A field with parameters, as a message that has only this field."""
        message = Message()
        if value := self.raw(name)[:_LONGEST_PARAMETERS]:
            message[name] = value
        return message

    @property
    def content_type(self) -> str:
        """The media type, in lower case."""
        return self.parameters("content-type").get_content_type()

    def content_parameter(self, name: str) -> str:
        """A parameter of the media type; empty if there is none."""
        return _collapsed(self.parameters("content-type").get_param(name))

    @property
    def disposition(self) -> str:
        """`attachment` or `inline`; empty if the part does not say."""
        disposition = self.parameters("content-disposition").get_content_disposition()
        return disposition or ""

    @property
    def filename(self) -> str:
        """The part's file name; empty if it has none."""
        for field, name in (
            ("content-disposition", "filename"),
            ("content-type", "name"),
        ):
            message = self.parameters(field)
            value = _collapsed(message.get_param(name, header=field))
            if value:
                return clean(decode_words(value)).strip()
        return ""

    @property
    def date(self) -> str | None:
        """When the message was sent, in ISO 8601; None if it does not say."""
        try:
            return parsedate_to_datetime(self.raw("date")).isoformat()
        except (ValueError, TypeError, IndexError, OverflowError):
            return None


def decode_words(value: str) -> str:
    """Decode the encoded words (RFC 2047) of a field."""
    if "=?" not in value:
        return clean(value)
    try:
        # Each word's bytes, joined where neighbours have the same encoding.
        words = decode_header(value)
    except (HeaderParseError, ValueError):
        return clean(value)
    decoded = "".join(
        word if isinstance(word, str) else decode_bytes(word, charset or "utf-8")
        for word, charset in words
    )
    return clean(decoded if decoded.strip() else value)


def decode_bytes(data: bytes, charset: str) -> str:
    """Decode text whose declared encoding may be wrong, unknown or missing."""
    charset = charset.strip().strip("\"'")
    if _UNLIKE_TEXT.fullmatch(charset):
        try:
            codec = _NAMES.get(charset.lower(), charset)
            return data.decode(codecs.lookup(codec).name)
        except (LookupError, ValueError):
            pass  # it is declared wrongly
    decoded = decode(data, declared=charset or None)
    return decoded.text if decoded else data.decode("utf-8", "replace")


def _collapsed(value: object) -> str:
    """A parameter, whose encoding may be part of it (RFC 2231)."""
    if isinstance(value, tuple):
        charset, _, text = value
        return decode_bytes(str(text).encode("latin-1", "replace"), charset or "utf-8")
    return value if isinstance(value, str) else ""
