"""The members of tar archives, compressed or not."""

import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import IO, BinaryIO, cast

from docprogress.documents import Document
from docprogress.errors import LimitExceeded, Unreadable
from docprogress.settings import Settings
from docprogress.steps.containers import DAMAGES, Member

#: The maximum number of bytes of an extended header, which tarfile reads at once.
MAX_HEADER_BYTES = 1024 * 1024

#: How many entries there may be for each allowed member: folders, links.
ENTRIES_PER_MEMBER = 10


def members(
    document: Document, *, settings: Settings, stack: ExitStack
) -> Iterator[Member]:
    """Yield the files of a tar archive, in their order."""
    file = stack.enter_context(document.path.open("rb"))
    yield from members_of(file, document, settings=settings, stack=stack)


def members_of(
    file: IO[bytes], document: Document, *, settings: Settings, stack: ExitStack
) -> Iterator[Member]:
    """Yield the files of an open tar archive."""
    most = max(settings.max_members, 1) * ENTRIES_PER_MEMBER
    # tarfile reads as little as a name, and as much as an extended header says.
    bounded = cast("IO[bytes]", _BoundedReads(file, document.name))
    try:
        archive = tarfile.open(fileobj=bounded, mode="r:")  # noqa: SIM115
        stack.enter_context(archive)
        count = 0
        while (entry := archive.next()) is not None:
            # It would keep all of them.
            archive.members = []  # type: ignore[attr-defined]
            count += 1
            if count > most:
                raise LimitExceeded(
                    f"{document.name}: more than {most:,} entries; the limit is "
                    f"{settings.max_members:,} members (max_members)"
                )
            if entry.isreg():
                yield Member(
                    name=entry.name,
                    size=entry.size,
                    open=partial(_open, archive, entry),
                )
        _check_end(bounded, archive)
    except DAMAGES as error:
        raise Unreadable(
            f"{document.name}: an archive that is damaged or cut short ({error})"
        ) from error


def _check_end(file: IO[bytes], archive: tarfile.TarFile) -> None:
    """Check that nothing but zeros follows, since tarfile stops at damage silently.

    Raises:
        ReadError: The archive is damaged.
    """
    file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError("a header that is none")


def _open(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> BinaryIO:
    file = archive.extractfile(entry)
    assert file is not None, "only files are opened"
    return cast("BinaryIO", file)


class _BoundedReads:
    """A file that is never read far at once.

    Args:
        file: The file.
        name: The archive's name, for errors.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise LimitExceeded(
                f"{self._name}: a header of {size:,} bytes; one may have "
                f"{MAX_HEADER_BYTES:,}"
            )
        return self._file.read(size)
