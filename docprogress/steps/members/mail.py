"""The attachments of a message."""

from collections.abc import Iterator
from contextlib import ExitStack

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.containers import Member
from docprogress.steps.mail.attachments import attachments
from docprogress.steps.mail.files import open_mail, read_message


def members(
    document: Document,
    *,
    settings: Settings,  # noqa: ARG001
    stack: ExitStack,
) -> Iterator[Member]:
    """Yield the attachments of a message, in their order."""
    file = stack.enter_context(open_mail(document))
    yield from attachments(document, file, read_message(document, file))
