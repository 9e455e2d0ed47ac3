"""Compare a folder with its state in the store, file by file, and plan the changes.

Nothing is changed here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from docprogress.client.changes import FolderChanges, Move
from docprogress.client.folders import Folder, FoundFile
from docprogress.events import Status
from docprogress.store.source_rows import (
    FileState,
    KnownDocument,
    KnownFile,
)

#: Seconds before a file was last seen within which its time does not say that it is
#: unchanged: some clocks count in steps of two seconds.
GRANULARITY = 2.0

#: The position of the first step to do again of a document; None if there is none.
FirstStep = Callable[[KnownDocument], int | None]

#: Whether a file in this state, or a missing one, will stay so; others are left alone.
Settled = Callable[[str, FileState | None], bool]


class Change(NamedTuple):
    """A file that is to be submitted."""

    #: One of `changes.KINDS`.
    kind: str
    key: str
    path: str
    state: FileState
    #: What the new document replaces, and what is current until then.
    replaces: str | None = None
    current: KnownDocument | None = None
    #: A document that has not replaced it yet, and no longer needs to.
    superseded: str | None = None
    moved_from: str | None = None
    #: The first step to do, with the results of `current`.
    first_step: int = 0


@dataclass(slots=True)
class SyncPlan:
    """The changes to apply."""

    changes: list[Change] = field(default_factory=list)
    #: Missing files, by their keys.
    removed: list[KnownFile] = field(default_factory=list)
    #: Those of them whose documents are kept until that is confirmed.
    withheld: list[KnownFile] = field(default_factory=list)
    #: Files that are gone, and may be about to come back.
    unsettled: list[KnownFile] = field(default_factory=list)
    #: Files that have the same content and look different now.
    touched: list[tuple[str, FileState]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    unchanged: int = 0
    #: How many files the folder has, and how many were known.
    found: int = 0
    known: int = 0

    def describe(self, root: str, refusal: str | None) -> FolderChanges:
        """The same for users."""

        def paths(kind: str) -> tuple[str, ...]:
            return tuple(each.path for each in self.changes if each.kind == kind)

        return FolderChanges(
            root=root,
            added=paths("added"),
            changed=paths("changed"),
            stale=paths("stale"),
            moved=tuple(self.moves),
            removed=tuple(each.path for each in self.removed),
            withheld=tuple(each.path for each in self.withheld),
            failed=tuple(self.failed),
            unchanged=self.unchanged + len(self.unsettled),
            reasons=self.reasons,
            refusal=refusal,
        )


class Planner:
    """Plans one synchronization.

    Args:
        folder: What there is.
        first_step: Says what the settings affect.
        checksum: Whether to compare the content of all files.
        retry_failed: Whether to submit files again whose newest version failed.
        max_bytes: The size of a file above which it is not stored.
        settled: Whether a change is taken; by default each is.
        renew: Called now and then.
    """

    def __init__(
        self,
        folder: Folder,
        first_step: FirstStep,
        *,
        checksum: bool,
        retry_failed: bool,
        max_bytes: int | None = None,
        settled: Settled = lambda *_: True,
        renew: Callable[[], None] = lambda: None,
    ) -> None:
        self._settled = settled
        self._folder = folder
        self._first_step = first_step
        self._checksum = checksum
        self._retry_failed = retry_failed
        self._max_bytes = max_bytes
        self._renew = renew
        self._plan = SyncPlan()

    def plan(self, known: Iterator[KnownFile]) -> SyncPlan:
        """Compare the folder with the files that are known of it.

        Raises:
            SubmitError: The folder does not exist, or cannot be read.
        """
        plan = self._plan
        found = self._folder.files()
        here, there = next(found, None), next(known, None)
        while here is not None or there is not None:
            self._renew()
            if there is None or (here is not None and here.key < there.key):
                assert here is not None
                plan.found += 1
                self._add(here)
                here = next(found, None)
            elif here is None or there.key < here.key:
                plan.known += 1
                self._miss(there)
                there = next(known, None)
            else:
                plan.found, plan.known = plan.found + 1, plan.known + 1
                self._compare(here, there)
                here, there = next(found, None), next(known, None)
        self._find_moves()
        plan.reasons = {**self._folder.unreadable, **plan.reasons}
        return plan

    def _add(self, here: FoundFile) -> None:
        if not self._settled(here.path, here.state) or self._leave_unreadable(here):
            return
        self._plan.changes.append(Change("added", here.key, here.path, here.state))

    def _leave_unreadable(self, here: FoundFile) -> bool:
        """Whether a file cannot be read, and is left for another time."""
        reason = self._folder.why_unreadable(here.path)
        if reason is None:
            return False
        self._plan.failed.append(here.path)
        self._plan.reasons[here.path] = reason
        return True

    def _miss(self, there: KnownFile) -> None:
        """Plan what becomes of a file that was not found."""
        if not self._folder.is_unreadable(there.key):
            if self._settled(there.path, None):
                self._plan.removed.append(there)
            else:
                self._plan.unsettled.append(there)
        elif there.newest is not None:
            self._plan.failed.append(there.path)

    def _compare(self, here: FoundFile, there: KnownFile) -> None:
        newest = there.newest
        if newest is None:  # its run was deleted
            self._add(here)
            return
        if here.state[:3] != there.state[:3] and not self._settled(
            here.path, here.state
        ):
            self._plan.unchanged += 1
            return
        try:
            same = self._is_same(here, there, newest)
        except OSError as error:
            self._plan.failed.append(here.path)
            self._plan.reasons[here.path] = str(error.strerror or error).lower()
            return
        if not same:
            self._submit(here, there, "changed" if there.current else "added")
            return
        if here.state[:3] != there.state[:3]:
            self._plan.touched.append((here.key, here.state))
        self._keep(here, there, newest)

    def _is_same(
        self, here: FoundFile, there: KnownFile, newest: KnownDocument
    ) -> bool:
        """Whether a file has the content of its newest document.

        Raises:
            OSError: It cannot be read.
        """
        now, then = here.state, there.state
        looks = now[:3] == then[:3]
        if newest.sha256 is None:
            return looks  # it could not be stored
        if now.size is not None and then.size is not None and now.size != then.size:
            return False
        if not self._checksum and self._is_decided(now, then):
            return True
        same = self._folder.digest(here.path) == newest.sha256
        if same and looks:
            # From now on its time says that it is unchanged.
            self._plan.touched.append((here.key, now))
        return same

    def _is_decided(self, now: FileState, then: FileState) -> bool:
        """Whether a file is unchanged by what is known without reading it."""
        if self._folder.has_strong_etags and now.etag is not None:
            return now.etag == then.etag
        if now[:3] != then[:3] or now.mtime is None:
            return False
        return now.mtime / 1e9 < then.seen_at - GRANULARITY

    def _keep(self, here: FoundFile, there: KnownFile, newest: KnownDocument) -> None:
        """Plan what becomes of a file with the same content as its newest document."""
        stale = self._first_step(newest) if newest.ready else None
        if self._is_repeated(here, newest):
            self._submit(here, there, "changed" if there.current else "added")
        elif stale is not None:
            completed = newest.status is Status.COMPLETED
            self._submit(here, there, "stale", first_step=stale if completed else 0)
        elif newest.status is Status.FAILED:
            self._plan.failed.append(here.path)
            self._plan.reasons[here.path] = newest.error or "failed"
        else:
            self._plan.unchanged += 1

    def _is_repeated(self, here: FoundFile, newest: KnownDocument) -> bool:
        """Whether the newest document of a file must be processed again."""
        if newest.status is Status.FAILED:
            size = here.state.size or 0
            too_large = self._max_bytes is not None and size > self._max_bytes
            # It could not be stored, which may have passed.
            return self._retry_failed or not (newest.ready or too_large)
        if newest.status is Status.CANCELLED:
            return True
        # The process that submitted it has ended.
        return not newest.status.final and not newest.ready

    def _submit(
        self, here: FoundFile, there: KnownFile, kind: str, *, first_step: int = 0
    ) -> None:
        newest = there.newest
        assert newest is not None
        if self._leave_unreadable(here):
            return
        self._plan.changes.append(
            Change(
                kind,
                here.key,
                here.path,
                here.state,
                replaces=newest.id,
                current=there.current,
                superseded=there.pending and there.pending.id,
                first_step=first_step,
            )
        )

    def _find_moves(self) -> None:
        """Find new files with the content of missing ones."""
        gone: dict[tuple[int | None, str], list[KnownFile]] = {}
        for file in self._plan.removed:
            # If the newest version failed or is unfinished, the kept one moves along.
            if file.current is not None:
                key = file.state.size, _suffix(file.path)
                gone.setdefault(key, []).append(file)
        moved: set[str] = set()
        for place, change in enumerate(self._plan.changes):
            if change.kind != "added" or change.replaces is not None:
                continue
            candidates = gone.get((change.state.size, _suffix(change.path)))
            if not candidates:
                continue
            self._renew()
            try:
                digest = self._folder.digest(change.path)
            except OSError:
                continue  # it is stored, or fails, as any other new file
            for file in candidates:
                newest = file.newest
                if newest is not None and newest.sha256 == digest:
                    candidates.remove(file)
                    moved.add(file.key)
                    self._plan.moves.append(Move(file.path, change.path))
                    self._plan.changes[place] = change._replace(
                        kind="moved",
                        replaces=newest.id,
                        current=file.current,
                        superseded=file.pending and file.pending.id,
                        moved_from=file.key,
                    )
                    break
        self._plan.removed = [f for f in self._plan.removed if f.key not in moved]


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
