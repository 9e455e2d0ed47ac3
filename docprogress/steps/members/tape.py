"""The members of tar archives, compressed or not."""

import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, cast

from docprogress.documents import Document
from docprogress.settings import Settings
from docprogress.steps.containers import Member


def members(
    document: Document,
    *,
    settings: Settings,  # noqa: ARG001
    stack: ExitStack,
) -> Iterator[Member]:
    """Yield the files of a tar archive, in their order."""
    archive = stack.enter_context(tarfile.open(document.path))  # noqa: SIM115
    for entry in archive:
        if entry.isreg():
            yield Member(
                name=entry.name,
                size=entry.size,
                open=cast(
                    "type[BinaryIO]",
                    partial(archive.extractfile, entry),
                ),
            )
