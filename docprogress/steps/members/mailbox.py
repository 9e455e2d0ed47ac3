"""The attachments of a mailbox's messages."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.containers import Member
from docprogress.steps.mail.attachments import attachments
from docprogress.steps.mail.files import mailbox_ranges, open_mail, read_message


def members(
    document: Document,
    *,
    settings: Settings,  # noqa: ARG001
    stack: ExitStack,
) -> Iterator[Member]:
    """Yield the attachments of each message, in a folder with the message's number."""
    file = stack.enter_context(open_mail(document))
    # The file's position is also moved by those who read a message.
    for number, (start, end) in enumerate(list(mailbox_ranges(file)), start=1):
        message = read_message(document, file, start=start, end=end)
        for member in attachments(document, file, message):
            yield replace(member, name=f"{number}/{member.name}")
