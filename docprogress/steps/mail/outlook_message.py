"""The text of an Outlook message, and messages in it as separate files."""

import mimetypes
import sys
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from itertools import islice
from typing import Protocol

from docprogress.errors import LimitExceeded, Unreadable
from docprogress.steps.mail import outlook
from docprogress.steps.mail.compressed_rtf import decompress
from docprogress.steps.mail.headers import decode_bytes
from docprogress.steps.mail.message import Shown, together
from docprogress.steps.mail.outlook import Properties
from docprogress.steps.readers.flow import Budget
from docprogress.steps.readers.html import declared_encoding, visible_text
from docprogress.steps.readers.rtf_document import RtfDocument
from docprogress.steps.readers.rtf_parts import RtfParts
from docprogress.steps.text import TooLong, clean_title

#: Messages within messages.
MOST_LEVELS = 20

_KINDS = {1: "To", 2: "Cc", 3: "Bcc"}
_DISPLAYED = {
    "To": outlook.DISPLAY_TO,
    "Cc": outlook.DISPLAY_CC,
    "Bcc": outlook.DISPLAY_BCC,
}
#: Recipients whose addresses are shown; of more, only the names.
_MOST_ADDRESSES = 200


class HasBody(Protocol):
    """The properties of a message, in whatever file."""

    def html(self) -> tuple[bytes, str]: ...
    def text(self, number: str) -> str: ...
    def binary(self, number: str) -> bytes | None: ...


def fields(message: Properties) -> dict[str, str]:
    """The header fields of a message, for people."""
    sent = message.time(outlook.SUBMITTED) or message.time(outlook.DELIVERED)
    recipients = _recipients(message)
    values = {
        "From": sender(message),
        **{kind: recipients.get(kind, "") for kind in _DISPLAYED},
        "Date": format_datetime(sent) if sent else "",
        "Subject": " ".join(message.text(outlook.SUBJECT).split()),
        "Attachments": ", ".join(map(attachment_name, message.attachments())),
    }
    return {name: value for name, value in values.items() if value}


def sender(message: Properties) -> str:
    """Who sent a message."""
    for name, smtp, address in (
        (outlook.SENDER_NAME, outlook.SENDER_SMTP, outlook.SENDER_ADDRESS),
        (outlook.SENT_NAME, outlook.SENT_SMTP, outlook.SENT_ADDRESS),
    ):
        shown = _mailbox(message.text(name), message.text(smtp), message.text(address))
        if shown:
            return shown
    return ""


def read(message: Properties, *, most: int, structure: bool = False) -> Shown:
    """The header fields and the body, once.

    Raises:
        TooLong: It has more characters than the limit.
    """
    header = "\n".join(f"{name}: {value}" for name, value in fields(message).items())
    whole = together((Shown(header), body(message, most, structure=structure)))
    if len(whole.text) > most:
        raise TooLong
    return whole


def attachment_name(attachment: Properties) -> str:
    """The name of an attachment, made from its type if it has none."""
    for number in (outlook.LONG_NAME, outlook.SHORT_NAME):
        if (name := clean_title(attachment.text(number))) and "." in name:
            return name
    embedded = attachment.embedded()
    if embedded is not None:
        return f"{clean_title(embedded.text(outlook.SUBJECT))[:100] or 'message'}.eml"
    name = clean_title(attachment.text(outlook.DISPLAY_NAME)) or "attachment"
    kind = attachment.text(outlook.MIME_TYPE)
    return name if "." in name else name + (mimetypes.guess_extension(kind) or "")


def attachment_content(attachment: Properties, *, level: int = 0) -> bytes:
    """An attachment's content; a message's as EML."""
    embedded = attachment.embedded()
    if embedded is None:
        return attachment.binary(outlook.CONTENT) or b""
    return _as_mail(embedded, level).as_bytes()


def _as_mail(message: Properties, level: int) -> MIMEMultipart:
    made = MIMEMultipart()
    for name, value in fields(message).items():
        if name != "Attachments":
            one_line = " ".join(value.split())
            made.add_header(
                name, one_line if one_line.isascii() else _encoded(one_line)
            )
    made.attach(MIMEText(body(message, sys.maxsize).text, _charset="utf-8"))
    attachments = message.attachments() if level < MOST_LEVELS else ()
    for attachment in attachments:
        part = MIMEApplication(attachment_content(attachment, level=level + 1))
        name = attachment_name(attachment)
        filename = name if name.isascii() else ("utf-8", "", name)
        part.add_header("Content-Disposition", "attachment", filename=filename)
        made.attach(part)
    return made


def _encoded(value: str) -> str:
    return Header(value, "utf-8", maxlinelen=sys.maxsize).encode()


def body(message: HasBody, most: int, *, structure: bool = False) -> Shown:
    """The body of a message, once: its HTML, its text, or its rich text.

    Raises:
        TooLong: It has more characters than the limit.
    """
    data, charset = message.html()
    if data:
        page = decode_bytes(data, charset or declared_encoding(data) or "")
        shown = visible_text(page, most=most, structure=structure)
        if str(shown).strip():
            return Shown(str(shown).strip("\n"), shown.markdown)
    plain = message.text(outlook.BODY).strip("\r\n")
    return (
        Shown(plain)
        if plain.strip()
        else _rich_text(message, most, structure=structure)
    )


def _rich_text(message: HasBody, most: int, *, structure: bool) -> Shown:
    """The text of a message that has only RTF."""
    data = decompress(message.binary(outlook.RTF) or b"", most=20 * most)
    if not data:
        return Shown("")
    parts = RtfParts(Budget(most, structure=structure), comments=False)
    try:
        RtfDocument(data, parts, name="").read()
    except (Unreadable, LimitExceeded):
        return Shown("")  # the fields of the message are its text then
    return Shown(str(parts.body).strip("\n"), parts.body.markdown)


def _recipients(message: Properties) -> dict[str, str]:
    """The recipients by kind, with their addresses where they are known."""
    found: dict[str, list[str]] = {}
    for one in islice(message.recipients(), _MOST_ADDRESSES + 1):
        kind = _KINDS.get((one.number(outlook.RECIPIENT_KIND) or 0) & 0xF, "To")
        shown = _mailbox(
            one.text(outlook.DISPLAY_NAME),
            one.text(outlook.SMTP_ADDRESS),
            one.text(outlook.ADDRESS),
        )
        if shown:
            found.setdefault(kind, []).append(shown)
    if sum(map(len, found.values())) > _MOST_ADDRESSES:
        found.clear()
    return {
        kind: ", ".join(found.get(kind, ())) or message.text(displayed)
        for kind, displayed in _DISPLAYED.items()
    }


def _mailbox(name: str, smtp: str, address: str) -> str:
    name = " ".join(name.split()).strip("'\"")
    # Exchange's own addresses mean nothing to people.
    address = smtp or address
    if "@" not in address or address.startswith("/"):
        return name
    if address.lower() == name.lower():
        return name
    return f"{name} <{address}>" if name else address
