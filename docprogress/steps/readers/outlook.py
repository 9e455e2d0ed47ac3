"""Read an Outlook message (MSG) as one page: its fields, and its text once."""

from collections.abc import Iterator

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
from docprogress.steps.mail.outlook_message import attachment_name, sender
from docprogress.steps.mail.outlook_message import read as read_message
from docprogress.steps.text import TooLong, clean_title


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a message."""
    file = outlook.OutlookFile(document)
    facts["engine"] = "outlook"

    def pages() -> Iterator[Page]:
        message = file.message
        sent = message.time(outlook.SUBMITTED) or message.time(outlook.DELIVERED)
        facts.update(
            (name, value)
            for name, value in (
                ("title", clean_title(message.text(outlook.SUBJECT))),
                ("author", clean_title(sender(message))),
                ("created", sent and sent.isoformat()),
                ("attachments", list(map(attachment_name, message.attachments()))),
            )
            if value
        )
        try:
            shown = read_message(
                message,
                most=settings.max_characters,
                structure=wants_structure(settings),
            )
            page = single_page(shown.text, facts, markdown=shown.markdown)
        except TooLong:
            raise too_long(document, settings) from None
        yield page

    return Extraction(pages(), total=1, facts=facts, unit="message", close=file.close)
