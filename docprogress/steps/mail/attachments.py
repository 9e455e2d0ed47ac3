"""The attachments of a message, as members of its document."""

import io
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from docprogress.documents import Document
from docprogress.steps.containers import Member
from docprogress.steps.mail.files import open_mail
from docprogress.steps.mail.message import attachment_name, attachments_of
from docprogress.steps.mail.mime import Content, Part


def attachments(document: Document, file: BinaryIO, message: Part) -> Iterator[Member]:
    """Yield the attachments of a message that is in `file`."""
    shared = file if isinstance(file, io.BytesIO) else None
    for part in attachments_of(message):
        yield Member(
            name=attachment_name(part), open=partial(_open, document, part, shared)
        )


def _open(document: Document, part: Part, shared: io.BytesIO | None) -> BinaryIO:
    """Open an attachment, with its own position in the message's file."""
    file = open_mail(document) if shared is None else io.BytesIO(shared.getbuffer())
    return io.BufferedReader(Content(file, part))
