"""Which members of a container become documents, and their names."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from docprogress.documents import Document, member_name
from docprogress.errors import LimitExceeded
from docprogress.formatting import plural
from docprogress.settings import Settings
from docprogress.steps import containers
from docprogress.steps.containers import Member
from docprogress.steps.members.relevance import Reason, reason_to_leave_out
from docprogress.store import FinishedStep

#: The largest ratio of members' bytes to their container's above so many bytes.
MAX_RATIO = 250
MIN_BOMB_BYTES = 64 * 1024 * 1024

#: The maximum number of names of members that are kept with an archive.
MAX_NAMES = 1_000

#: Names that a warning shows.
MOST_NAMED = 10


@dataclass(slots=True)
class LeftOut:
    """The members of a container that do not become documents."""

    #: Files of operating systems, and hidden ones.
    ignored: int = 0
    #: The names of the others, by the reason.
    names: dict[Reason, list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self.names.values()))

    @property
    def warnings(self) -> list[str]:
        """What was left out and why, for people."""
        return [
            f"left out: {_counted(reason, len(names))}: {_some(names)}"
            for reason, names in self.names.items()
        ]

    @property
    def note(self) -> str:
        """How many relevant members were left out; empty if none."""
        counts = (_counted(reason, len(names)) for reason, names in self.names.items())
        return f"left out: {', '.join(counts)}" if self.names else ""

    @property
    def facts(self) -> dict[str, Any]:
        """The facts about members that are stored with the container."""
        names = [name for some in self.names.values() for name in some]
        if not names:
            return {"left_out": self.ignored} if self.ignored else {}
        return {
            "left_out": self.ignored + len(names),
            "left_out_members": names[:MAX_NAMES],
            "warnings": self.warnings,
        }


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The contents of a container."""

    media_type: str
    #: The names of its members.
    names: list[str]
    left_out: LeftOut

    @property
    def archive(self) -> bool:
        """Whether it contains only members."""
        return self.media_type in containers.ARCHIVES

    @property
    def note(self) -> str:
        """How many members it has, for people; empty for a message without any."""
        noun = "member" if self.archive else "attachment"
        count = plural(len(self.names), noun) if self.names or self.archive else ""
        return "; ".join(filter(None, (count, self.left_out.note)))

    def finished_step(
        self, step: str, *, started_at: datetime, seconds: float
    ) -> FinishedStep:
        """The only step of an archive, which has members and no text."""
        return FinishedStep(
            position=0,
            step=step,
            next_step=step,
            started_at=started_at,
            seconds=seconds,
            items=len(self.names),
            unit="member",
            progress=0.0,
            facts={
                "media_type": self.media_type,
                "note": self.note,
                "members": self.names[:MAX_NAMES],
                **self.left_out.facts,
            },
            pages=[],
            chunks=[],
        )


class Listed(NamedTuple):
    """A member that becomes a document."""

    #: Its position in the container, counted from 1.
    position: int
    #: The document's name.
    name: str
    member: Member


def _counted(reason: Reason, count: int) -> str:
    return f"{count:,} {reason[count != 1]}"


def _some(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {more:,} more" if more > 0 else shown


def list_members(
    found: Iterable[Member],
    document: Document,
    settings: Settings,
    on_listed: Callable[[int], None],
) -> tuple[list[Listed], LeftOut]:
    """The members that become documents, and those that do not.

    Args:
        found: All members.
        document: The container.
        settings: The limits.
        on_listed: Called after each member with how many documents there are.

    Raises:
        LimitExceeded: There are too many, they are too large, or it is a bomb.
    """
    names = UniqueNames(document.name)
    listed: list[Listed] = []
    left_out = LeftOut()
    total = 0
    for position, member in enumerate(found, 1):
        if containers.is_ignored(member.name):
            left_out.ignored += 1
        elif reason := reason_to_leave_out(member, settings):
            name = member_name("", member.name).removeprefix("/")
            left_out.names.setdefault(reason, []).append(name)
        else:
            listed.append(Listed(position, names.add(member.name), member))
        if len(listed) + len(left_out) > settings.max_members:
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
