"""The extraction step: a document's file to pages of text."""

from contextlib import ExitStack

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps import formats, ole, suffixes
from docprogress.steps.encryption import decrypted
from docprogress.steps.extraction import Extraction, Facts, cannot_open


def extract(document: Document, *, settings: Settings) -> Extraction:
    """Read the pages of a document.

    The format is detected from the content. Formats without pages give one page.

    Raises:
        Unreadable: Its format is not supported, or it is damaged, encrypted, or empty.
        PasswordNeeded: It is encrypted, and no password opens it.
        LimitExceeded: It has more pages or characters than the settings allow.
        TransientError: The file cannot be opened.
    """
    with ExitStack() as stack:
        try:
            head = formats.read_head(document)
            if head.startswith(ole.SIGNATURE):
                document = decrypted(document, settings, stack)
                head = formats.read_head(document)
            kind = formats.media_type(document, head)
            facts: Facts = {"media_type": kind}
            read = formats.reader(kind)
            extraction = read(document, settings=settings, facts=facts)
        except OSError as error:
            raise cannot_open(document, error) from error
        if note := suffixes.misnamed(document.name, kind):
            extraction.add_note(note)
        extraction.on_close(stack.pop_all().close)
        return extraction
