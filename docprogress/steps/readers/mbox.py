"""Read a mailbox (mbox), a page for each message."""

import re
from array import array
from collections.abc import Iterator

from docprogress.documents import Document, Page
from docprogress.errors import LimitExceeded
from docprogress.settings import Settings
from docprogress.steps.extraction import (
    Extraction,
    Facts,
    check_pages,
    too_long,
    wants_structure,
)
from docprogress.steps.mail.files import mailbox_ranges, open_mail, read_message
from docprogress.steps.mail.message import MessageReader
from docprogress.steps.text import TooLong, clean_title

#: Lines of text that mailboxes keep from looking like the start of a message.
_ESCAPED = re.compile(r"(?m)^>(>*From )")
_ESCAPED_MARKDOWN = re.compile(r"(?m)^\\>(From )")


def read(document: Document, *, settings: Settings, facts: Facts) -> Extraction:
    """Read a mailbox."""
    file = open_mail(document)
    facts["engine"] = "mbox"
    ranges = array("Q")
    try:
        for one in mailbox_ranges(file):
            ranges.extend(one)
            check_pages(document, len(ranges) // 2, settings, unit="message")
    except LimitExceeded:
        file.close()
        raise

    def pages() -> Iterator[Page]:
        left = settings.max_characters
        structure = wants_structure(settings)
        for number in range(len(ranges) // 2):
            start, end = ranges[2 * number : 2 * number + 2]
            message = read_message(document, file, start=start, end=end)
            try:
                reader = MessageReader(file, message, most=left, structure=structure)
                shown = reader.read()
            except TooLong:
                raise too_long(document, settings) from None
            left -= len(shown.text)
            text, markdown = shown
            text = _ESCAPED.sub(r"\1", text)
            if markdown is not None:
                markdown = _ESCAPED_MARKDOWN.sub(r"\1", markdown)
            subject = clean_title(message.headers.text("subject"))
            yield Page(
                number=number + 1, text=text, title=subject or None, markdown=markdown
            )

    return Extraction(
        pages(),
        total=len(ranges) // 2,
        facts=facts,
        unit="message",
        close=file.close,
    )
