"""Read a message (EML) as one page: its header fields, and its text once."""

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
from docprogress.steps.mail.files import open_mail, read_message
from docprogress.steps.mail.message import MessageReader, attachment_name
from docprogress.steps.text import TooLong, clean_title


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a message."""
    file = open_mail(document)
    facts["engine"] = "mail"

    def pages() -> Iterator[Page]:
        message = read_message(document, file)
        reader = MessageReader(
            file,
            message,
            most=settings.max_characters,
            structure=wants_structure(settings),
        )
        headers = message.headers
        facts.update(
            (name, value)
            for name, value in (
                ("title", clean_title(headers.text("subject"))),
                ("author", clean_title(headers.text("from"))),
                ("created", headers.date),
                ("language", headers.raw("content-language").partition(",")[0]),
                ("attachments", [attachment_name(one) for one in reader.attachments()]),
            )
            if value
        )
        try:
            shown = reader.read()
            page = single_page(shown.text, facts, markdown=shown.markdown)
        except TooLong:
            raise too_long(document, settings) from None
        if reader.encrypted:
            facts["note"] = "the message is encrypted; its text cannot be read"
        yield page

    return Extraction(pages(), total=1, facts=facts, unit="message", close=file.close)
