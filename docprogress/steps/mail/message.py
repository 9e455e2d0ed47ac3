"""A message's text, and which of its parts are attachments."""

import mimetypes
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from docprogress.steps.extraction import LONGEST_CHARACTER
from docprogress.steps.mail.flowed import unflow
from docprogress.steps.mail.headers import decode_bytes
from docprogress.steps.mail.mime import Part, content
from docprogress.steps.markdown.inline import plain_text
from docprogress.steps.readers.html import declared_encoding, visible_text
from docprogress.steps.text import LONGEST_TITLE, TooLong, clean, clean_title

#: The fields that are part of a message's text.
SHOWN_FIELDS = ("From", "To", "Cc", "Bcc", "Date", "Subject")

#: The media types of web pages.
PAGES = ("text/html", "application/xhtml+xml")

_SIGNATURES = (
    *("application/pgp-signature", "application/pkcs7-signature"),
    *("application/x-pkcs7-signature", "application/pgp-encrypted"),
)
_ENCRYPTED = ("application/pkcs7-mime", "application/x-pkcs7-mime")
#: Parts whose content is header fields, for people to read.
_FIELDS = ("message/delivery-status", "text/rfc822-headers")
#: Parts that are neither text nor files.
_NO_FILES = (*_SIGNATURES, *_FIELDS)
#: Duplicates of a text for one kind of program.
_DUPLICATES = ("text/x-amp-html", "text/watch-html", "text/calendar")


class Shown(NamedTuple):
    """A text, and its Markdown if it has structure."""

    text: str
    markdown: str | None = None


def together(parts: Iterable[Shown]) -> Shown:
    """Texts one after the other; with Markdown if one of them has structure."""
    parts = [part for part in parts if part.text.strip()]
    text = clean("\n\n".join(part.text for part in parts))
    if all(part.markdown is None for part in parts):
        return Shown(text)
    marked = (
        plain_text(part.text) if part.markdown is None else part.markdown
        for part in parts
    )
    return Shown(text, clean("\n\n".join(marked)))


class MessageReader:
    """Reads a message's text and names its attachments.

    Args:
        file: The file in which the message is.
        message: The message, as its scan found it.
        most: The limit of characters.
        structure: Whether Markdown is made of its pages.
    """

    def __init__(
        self, file: BinaryIO, message: Part, *, most: int, structure: bool = False
    ) -> None:
        self._file = file
        self._structure = structure
        self._message = message
        self._left = most

    def read(self) -> Shown:
        """The header fields and the body, once.

        Raises:
            TooLong: It has more characters than the limit.
        """
        return together(self._whole(self._message))

    @property
    def encrypted(self) -> bool:
        """Whether its text can only be read with a key."""
        kinds = {part.content_type for part in self._message.leaves()}
        return (
            self._message.content_type == "multipart/encrypted"
            or not kinds.isdisjoint(_ENCRYPTED)
        )

    def attachments(self) -> Iterator[Part]:
        """The parts that are files of their own, in their order."""
        yield from attachments_of(self._message)

    def _whole(self, message: Part) -> list[Shown]:
        fields = [
            f"{name}: {value}"
            for name in SHOWN_FIELDS
            if (value := message.headers.text(name.lower()))
        ]
        names = [attachment_name(part) for part in attachments_of(message)]
        if names:
            fields.append(f"Attachments: {', '.join(names)}")
        header = "\n".join(fields)
        self._spend(len(header))
        return [Shown(header), *self._texts(message)]

    def _texts(self, part: Part) -> list[Shown]:
        if _is_attachment(part):
            return []
        match part.content_type, part.parts:
            case "message/rfc822", [message, *_]:
                return self._whole(message)
            case "multipart/alternative", [_, *_]:
                # The last one that can be shown is the most faithful one.
                alternatives = map(self._texts, reversed(part.parts))
                return next(filter(None, alternatives), [])
            case "multipart/related", [root, *_]:
                return self._texts(root)
            case _, [_, *_]:
                return [text for one in part.parts for text in self._texts(one)]
            case kind, _:
                found = self._leaf(part, kind)
                text = found.text.strip("\r\n")
                return [Shown(text, found.markdown)] if text.strip() else []

    def _leaf(self, part: Part, kind: str) -> Shown:
        if kind in _DUPLICATES or not (
            kind.startswith(("text/", "multipart/")) or kind in _FIELDS
        ):
            return Shown("")
        reader = PartReader(self._file, most=self._left, structure=self._structure)
        found = reader.read(part)
        self._spend(len(found.text))
        return found

    def _spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TooLong


class PartReader:
    """Reads a part that is text.

    Args:
        file: The file in which the message is.
        most: The limit of characters.
        structure: Whether Markdown is made of a page.
    """

    def __init__(self, file: BinaryIO, *, most: int, structure: bool = False) -> None:
        self._file = file
        self._most = most
        self._structure = structure

    def read(self, part: Part) -> Shown:
        """A part's text.

        Raises:
            TooLong: It has more characters than the limit.
        """
        if part.content_type in PAGES:
            shown = visible_text(
                self.page(part), most=self._most, structure=self._structure
            )
            return Shown(str(shown), shown.markdown)
        charset = part.headers.content_parameter("charset")
        plain = decode_bytes(self._data(part), charset)
        if part.headers.content_parameter("format").lower() == "flowed":
            delete = part.headers.content_parameter("delsp").lower() == "yes"
            plain = unflow(plain, delete_space=delete)
        if len(plain) > self._most:
            raise TooLong
        return Shown(plain)

    def page(self, part: Part) -> str:
        """A part's markup.

        Raises:
            TooLong: It has more characters than the limit.
        """
        data = self._data(part)
        charset = part.headers.content_parameter("charset")
        return decode_bytes(data, charset or declared_encoding(data) or "")

    def _data(self, part: Part) -> bytes:
        # Markup and transfer encodings take several times the text's space.
        if part.end - part.start > 4 * LONGEST_CHARACTER * max(self._most, 1):
            raise TooLong
        return b"".join(content(self._file, part))


def attachment_name(part: Part) -> str:
    """The name of an attachment, made from its type if it has none."""
    if name := part.headers.filename:
        return clean_title(name)
    kind = part.content_type
    if kind == "message/rfc822" and part.parts:
        subject = clean_title(part.parts[0].headers.text("subject"))
        return f"{subject[: LONGEST_TITLE // 3] or 'message'}.eml"
    return f"attachment{mimetypes.guess_extension(kind) or ''}"


def attachments_of(message: Part) -> Iterator[Part]:
    """The attachments of a message, and of the messages that its text includes."""
    waiting = [(message, False)]
    while waiting:
        part, related = waiting.pop()
        if _is_attachment(part, related=related):
            yield part
        elif part.content_type == "multipart/related":
            waiting.extend((one, True) for one in reversed(part.parts))
        else:
            waiting.extend((one, related) for one in reversed(part.parts))


def _is_attachment(part: Part, *, related: bool = False) -> bool:
    kind, headers = part.content_type, part.headers
    if kind.startswith("multipart/") or kind in _NO_FILES:
        return False
    if kind == "message/rfc822":
        return headers.disposition == "attachment" or not part.parts
    if kind.startswith("image/"):
        shown = related or headers.disposition == "inline"
        identified = "content-id" in headers
        return not (shown or identified) or (
            headers.disposition == "attachment" and not related
        )
    if kind in ("text/plain", "text/html"):
        return headers.disposition == "attachment"
    named = headers.disposition == "attachment" or bool(headers.filename)
    return named or not kind.startswith("text/")
