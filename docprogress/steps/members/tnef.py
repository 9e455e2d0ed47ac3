"""The attachments of a message in Microsoft's own format (`winmail.dat`)."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.containers import Member
from docprogress.steps.mail.tnef import TnefFile


def members(
    document: Document,
    *,
    settings: Settings,  # noqa: ARG001
    stack: ExitStack,
) -> Iterator[Member]:
    """Yield the attachments of a message, in their order."""
    file = stack.enter_context(closing(TnefFile(document)))
    for attachment in file.attachments:
        if not attachment.properties.hidden:
            yield Member(name=attachment.name, open=partial(file.open, attachment))
