"""Containers: files whose members become documents of the same run.

An archive has nothing but members; a message has a text of its own and attachments. A
module for each kind in `steps/members/` yields the members of an opened container, in
an order that is the same each time: a member is identified by its position.
"""

import errno
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO, Protocol

from docprogress.documents import Document
from docprogress.errors import Unreadable
from docprogress.settings import Settings
from docprogress.steps import textual

ZIP = "application/zip"
TAR = "application/x-tar"
GZIP = "application/gzip"
BZIP2 = "application/x-bzip2"
XZ = "application/x-xz"

#: The types that have members and no text of their own.
ARCHIVES = frozenset((ZIP, TAR, GZIP, BZIP2, XZ))

#: The module that yields the members of each type.
_OPENERS = {
    ZIP: "zipped",
    TAR: "tape",
    GZIP: "compressed",
    BZIP2: "compressed",
    XZ: "compressed",
    textual.EML: "mail",
    textual.MBOX: "mailbox",
    textual.MSG: "outlook",
    textual.TNEF: "tnef",
}

#: Bytes that are unpacked at a time.
BLOCK = 1024 * 1024

#: Files that operating systems leave in folders, in lower case.
_IGNORED = frozenset(("__macosx", "thumbs.db", "desktop.ini"))

#: What libraries raise for damaged members.
DAMAGES = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file inside a container.

    Names are as the container has them: paths, absolute ones, duplicates, any
    characters. Whoever shows them makes them safe; see `member_names`.
    """

    name: str
    #: Opens its content, while the container is open. The caller closes it.
    open: Callable[[], BinaryIO]
    #: Its size in bytes; None if it is not known before it is read.
    size: int | None = None
    #: Whether its content takes a password.
    sealed: bool = False
    #: Whether the container is nothing but this file, packed.
    whole: bool = False


class MembersOf(Protocol):
    """Yields the members of one kind of container."""

    def __call__(
        self, document: Document, *, settings: Settings, stack: ExitStack
    ) -> Iterable[Member]:
        """Yield the files in a container, without folders, links and devices.

        Args:
            document: The container; its type has been detected.
            settings: Limits and options.
            stack: Closed when the container is; files that stay open belong there.

        Raises:
            Unreadable: It is damaged.
            OSError: It cannot be opened.
        """


def is_container(media_type: str | None) -> bool:
    """Whether files of this type may have members."""
    return media_type in _OPENERS


def is_ignored(name: str) -> bool:
    """Whether a member is a file of an operating system, or hidden."""
    parts = [part for part in name.replace("\\", "/").split("/") if part.strip(".")]
    return any(
        part.startswith((".", "~$")) or part.lower() in _IGNORED for part in parts
    )


def blocks(member: Member, name: str) -> Iterator[bytes]:
    """A member's content, piece by piece.

    Args:
        member: The member, whose container is open.
        name: Its name, for errors.

    Raises:
        DocumentError: It is damaged, encrypted, or packed in an unknown way.
    """
    try:
        with member.open() as file:
            while block := file.read(BLOCK):
                yield block
    except DAMAGES as error:
        # A position outside the file is damage; other errors are the disk's.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise Unreadable(f"{name}: it cannot be unpacked: {error}") from error


@contextmanager
def members(
    document: Document, *, settings: Settings, media_type: str
) -> Iterator[Iterator[Member]]:
    """Open a container inside a `with` block, as an iterator over its members.

    Raises:
        Unreadable: It is damaged.
        OSError: It cannot be opened.
    """
    module = import_module(f"docprogress.steps.members.{_OPENERS[media_type]}")
    opener: MembersOf = module.members
    with ExitStack() as stack:
        yield iter(opener(document, settings=settings, stack=stack))
