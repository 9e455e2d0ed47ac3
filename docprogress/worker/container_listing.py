"""Which members of a container become documents, and what they are called."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from docprogress.documents import Document, member_name
from docprogress.errors import LimitExceeded
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps import containers
from docprogress.steps.containers import Member

#: The largest ratio of members' bytes to their container's above so many bytes.
MAX_RATIO = 250
MIN_BOMB_BYTES = 64 * 1024 * 1024

#: The most names of members that are kept with an archive.
MAX_NAMES = 1_000


class Unpacked(NamedTuple):
    """What a container was found to hold."""

    media_type: str
    #: The names of its members.
    names: list[str]
    #: Files of operating systems that were left out.
    left_out: int

    @property
    def archive(self) -> bool:
        """Whether it holds nothing but members."""
        return self.media_type in containers.ARCHIVES

    @property
    def note(self) -> str:
        """How many members it has, for people."""
        return plural(len(self.names), "member" if self.archive else "attachment")


class Listed(NamedTuple):
    """A member that becomes a document."""

    #: Its position in the container, counted from 1.
    position: int
    #: The document's name.
    name: str
    member: Member


def list_members(
    found: Iterable[Member],
    document: Document,
    settings: Settings,
    on_listed: Callable[[int], None],
) -> tuple[list[Listed], int]:
    """The members that become documents, and how many others were left out.

    Args:
        found: All members.
        document: The container.
        settings: The limits.
        on_listed: Called after each member with how many there are.

    Raises:
        LimitExceeded: There are too many, they are too large, or it is a bomb.
    """
    names = UniqueNames(document.name)
    listed: list[Listed] = []
    left_out = total = 0
    for position, member in enumerate(found, 1):
        if containers.is_ignored(member.name):
            left_out += 1
        else:
            listed.append(Listed(position, names.add(member.name), member))
        if len(listed) > settings.max_members:
            raise LimitExceeded(
                f"{document.name}: more than {settings.max_members:,} members, "
                "which is the limit (max_members)"
            )
        total += member.size or 0
        ratio = total / max(document.size, 1)
        if total > MIN_BOMB_BYTES and ratio > MAX_RATIO:
            raise LimitExceeded(
                f"{document.name}: it unpacks to {ratio:,.0f} times its size "
                "(a ZIP bomb?)"
            )
        if total > settings.max_unpacked_bytes:
            raise LimitExceeded(
                f"{document.name}: its members have more than "
                f"{settings.max_unpacked_bytes:,} bytes together, which is the "
                "limit (max_unpacked_bytes)"
            )
        on_listed(len(listed))
    return listed, left_out


class UniqueNames:
    """Names for the members of a container, which differ from each other."""

    def __init__(self, container: str) -> None:
        self._container = container
        self._used: dict[str, int] = {}

    def add(self, name: str) -> str:
        shown = member_name(self._container, name)
        for unique in self._candidates(shown):
            if unique not in self._used:
                self._used[unique] = 1
                return unique
        raise AssertionError("there is always another number")

    def _candidates(self, shown: str) -> Iterator[str]:
        yield shown
        folder, slash, last = shown.rpartition("/")
        stem, dot, suffix = last.rpartition(".")
        while True:
            self._used[shown] += 1
            count = self._used[shown]
            numbered = f"{stem} ({count}).{suffix}" if dot else f"{last} ({count})"
            yield f"{folder}{slash}{numbered}"
