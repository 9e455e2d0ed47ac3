"""The values of `store.sources`: folders, their files and their states."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from docprogress.events import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """A folder that is kept in sync."""

    id: str
    #: Its path, or its URL without secrets.
    root: str
    case_id: str | None
    fingerprint: str | None
    #: The run of the last synchronization.
    run_id: str | None
    synced_at: float | None
    lock_owner: str | None
    locked_until: float | None
    #: How many files it had when the removal of too many was withheld for the first
    #: time; None if none is.
    withheld_of: int | None = None


class Lock(NamedTuple):
    """The lock that a process holds while it changes a source."""

    source_id: str
    owner: str


class FileState(NamedTuple):
    """The facts that show whether a file has changed."""

    size: int | None
    #: Nanoseconds since the epoch.
    mtime: int | None
    etag: str | None
    #: When this was read, in seconds since the epoch.
    seen_at: float


class KnownDocument(NamedTuple):
    """The document of a file, as a sync needs it."""

    id: str
    run_id: str
    name: str
    status: Status
    ready: bool
    sha256: str | None
    note: str | None
    media_type: str | None
    ocr_pages: int | None
    unpacked_members: int | None
    error: str | None


class KnownFile(NamedTuple):
    """A file of a source, as it was last submitted."""

    key: str
    state: FileState
    #: The document that was current then; None if there was none, or it was deleted.
    current: KnownDocument | None
    #: The newest one, if it has not taken its place yet.
    pending: KnownDocument | None

    @property
    def path(self) -> str:
        """Its path below the root."""
        return key_path(self.key)

    @property
    def newest(self) -> KnownDocument | None:
        """The document of the file as it was last seen."""
        return self.pending or self.current


class SubmittedFile(NamedTuple):
    """A file that is about to be submitted as a new document."""

    key: str
    state: FileState
    #: The document that is current until the new one takes its place.
    current_id: str | None
    #: Where the file was before, if it was moved.
    moved_from: str | None = None


def source_id(root: str, case_id: str | None) -> str:
    """The id of a folder in a case."""
    case = "" if case_id is None else f"={case_id}"
    return hashlib.sha256(f"{root}\0{case}".encode(errors="replace")).hexdigest()[:32]


def path_key(path: str) -> str:
    """The key of a path in the database, for paths of any bytes.

    Keys are different for different paths, and compare as the bytes of the paths do,
    but for paths with backslashes or bytes that are not UTF-8.
    """
    doubled = path.replace("\\", "\\\\")
    return doubled.encode(errors="surrogateescape").decode(errors="backslashreplace")


def key_path(key: str) -> str:
    r"""The path of a key; bytes that are not UTF-8 stay `\xNN`."""
    return key.replace("\\\\", "\\")
