"""Read the text of a message in Microsoft's own format (`winmail.dat`) as one page."""

from collections.abc import Iterator
from contextlib import suppress
from email.utils import format_datetime

from docprogress.documents import Document, Page
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    single_page,
    too_long,
    wants_structure,
)
from docprogress.steps.mail import outlook
from docprogress.steps.mail.message import Shown, together
from docprogress.steps.mail.outlook_message import body
from docprogress.steps.mail.tnef import TnefFile, TnefProperties
from docprogress.steps.text import TooLong, clean_title


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a message."""
    file = TnefFile(document)
    facts["engine"] = "tnef"

    def pages() -> Iterator[Page]:
        message = file.message
        fields = _fields(message)
        names = [one.name for one in file.attachments if not one.properties.hidden]
        if names:
            fields["Attachments"] = ", ".join(names)
            facts["attachments"] = names
        if title := clean_title(message.text(outlook.SUBJECT)):
            facts["title"] = title
        if file.cut:
            facts["warnings"] = ["the file seems to be cut short"]
        header = "\n".join(f"{name}: {value}" for name, value in fields.items())
        try:
            shown = body(
                message, settings.max_characters, structure=wants_structure(settings)
            )
        except TooLong:
            raise too_long(document, settings) from None
        whole = together((Shown(header), shown))
        if len(whole.text) > settings.max_characters:
            raise too_long(document, settings)
        yield single_page(whole.text, facts, markdown=whole.markdown)

    return Extraction(pages(), total=1, facts=facts, unit="message", close=file.close)


def _fields(message: TnefProperties) -> dict[str, str]:
    """The header fields, as far as they are in the file."""
    sender = message.text(outlook.SENDER_NAME) or message.text(outlook.SENT_NAME)
    sent = ""
    with suppress(OverflowError, ValueError):
        if ticks := message.binary(outlook.SUBMITTED):
            sent = format_datetime(outlook.moment(ticks))
    subject = clean_title(message.text(outlook.SUBJECT))
    values = {"From": clean_title(sender), "Date": sent, "Subject": subject}
    return {name: value for name, value in values.items() if value}
