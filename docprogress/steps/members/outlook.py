"""The attachments of an Outlook message."""

import io
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from typing import BinaryIO

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.containers import Member
from docprogress.steps.mail.outlook import OutlookFile, Properties
from docprogress.steps.mail.outlook_message import attachment_content, attachment_name


def members(
    document: Document,
    *,
    settings: Settings,  # noqa: ARG001
    stack: ExitStack,
) -> Iterator[Member]:
    """Yield the attachments of a message, in their order."""
    file = stack.enter_context(closing(OutlookFile(document)))
    for attachment in file.message.attachments():
        yield Member(name=attachment_name(attachment), open=partial(_open, attachment))


def _open(attachment: Properties) -> BinaryIO:
    return io.BytesIO(attachment_content(attachment))
