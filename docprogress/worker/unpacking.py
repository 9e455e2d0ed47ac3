"""Add the members of a container to its run, and store them for other workers.

The members are in the database before the first one is stored. A member whose content
never got there, because this worker died, is unpacked by the worker that processes it.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TYPE_CHECKING

from docprogress.documents import Document, member_position
from docprogress.errors import (
    Cancelled,
    DocumentError,
    LimitExceeded,
    Superseded,
    TransientError,
    Unreadable,
)
from docprogress.events import Status
from docprogress.formatting import plural
from docprogress.reporting.step_progress import StepProgress
from docprogress.settings import Settings
from docprogress.steps import containers, formats
from docprogress.steps.containers import Member
from docprogress.storage.incoming import Stored
from docprogress.store import DocumentRow
from docprogress.store.members import NewMember, StoredMember, WaitingMember
from docprogress.worker.attempt_writer import AttemptWriter
from docprogress.worker.container_listing import (
    LeftOut,
    Listed,
    Unpacked,
    list_members,
)
from docprogress.worker.error_reasons import error_message, error_reason
from docprogress.worker.step_runner import StepRunner

if TYPE_CHECKING:
    from docprogress.worker.processing import DocumentProcessor

#: Members that are sent together, and seconds after which they are, however few.
SENT_TOGETHER = 50
SEND_SECONDS = 0.5


class Unpacker:
    """Unpacks for one attempt at a document."""

    def __init__(
        self,
        processor: "DocumentProcessor",
        row: DocumentRow,
        *,
        settings: Settings,
        writer: AttemptWriter,
        runner: StepRunner,
    ) -> None:
        self._processor = processor
        self._members = processor.store.members
        self._row = row
        self._settings = settings
        self._writer = writer
        self._runner = runner

    def unpack(self, document: Document) -> Unpacked | None:
        """Add the members of a document to its run; None if it is not a container.

        Raises:
            DocumentError: The container is damaged, or beyond a limit.
            Cancelled: The attempt is to be cancelled.
            Superseded: The attempt is over.
        """
        try:
            kind = formats.media_type(document)
        except DocumentError:
            return None  # extraction reports the problem
        if not containers.is_container(kind):
            return None
        if kind in containers.ARCHIVES:
            self._settings = self._processor.with_passwords(
                self._settings, self._row.run_id
            )
        outer = self._members.containers(self._row)
        root = (outer or [self._row])[-1]
        progress = self._runner.progress(
            0, span=(0.0, self._runner.spans[0][1] / 10), verb="Opening", unit="member"
        )
        progress.publish()
        with containers.members(
            document, settings=self._settings, media_type=kind
        ) as found:
            listed, left_out = self._list(found, document, progress)
            if listed and len(outer) >= self._settings.max_depth:
                raise LimitExceeded(
                    f"{self._row.name}: nested {len(outer) + 1} deep, the limit is "
                    f"{self._settings.max_depth} (max_depth)"
                )
            if listed:
                rows = self._add(listed, root.id)
                self._processor.publish_rows(rows)
                self._store(rows, listed, root.id, progress)
        return Unpacked(kind, [entry.name for entry in listed], left_out)

    def unpack_itself(self) -> Stored:
        """Store the content of this document, which is still in its container.

        Raises:
            DocumentError: It cannot be unpacked.
            TransientError: The storage cannot be reached.
        """
        assert self._row.parent_id is not None
        container = self._processor.store.documents.get(self._row.parent_id)
        self._writer.publish_message("Unpacking")
        self._settings = self._processor.with_passwords(
            self._settings, self._row.run_id
        )
        with self._processor.files.local(container.id) as path:
            document = Document(
                id=container.id,
                name=container.name,
                path=path,
                size=container.size or 0,
            )
            kind = formats.media_type(document)
            with containers.members(
                document, settings=self._settings, media_type=kind
            ) as found:
                return self._save_with_siblings(found, container)

    def _save_with_siblings(
        self, found: Iterable[Member], container: DocumentRow
    ) -> Stored:
        """Store this member, and those that wait for the same, in one pass.

        A compressed archive is unpacked from its beginning for each of them otherwise.
        """
        own: Stored | None = None
        own_position = member_position(self._row.id)
        root_id = self._members.containers(self._row)[-1].id
        saved: list[StoredMember] = []
        waiting = self._members.waiting(container)
        due = time.monotonic() + SEND_SECONDS
        numbered = enumerate(found, 1)
        try:
            while waiting or own is None:
                if (following := self._next(numbered)) is None:
                    break
                position, member = following
                if position == own_position:
                    own = self._save(self._row, member, self._settings.max_bytes)
                elif (sibling := waiting.pop(position, None)) is not None:
                    with suppress(DocumentError, TransientError, OSError):
                        # Its own worker reports the problem.
                        stored = self._save(sibling, member, self._settings.max_bytes)
                        unannounced = member.size is None
                        saved.append(StoredMember(sibling.id, *stored, unannounced))
                if time.monotonic() >= due:
                    self._set_stored(saved, root_id)
                    saved.clear()
                    waiting = self._members.waiting(container)
                    self._writer.publish_message("Unpacking")
                    due = time.monotonic() + SEND_SECONDS
        finally:
            self._set_stored(saved, root_id)
        if own is None:
            raise Unreadable(f"it is no longer in {container.name}")
        return own

    def _next(
        self, numbered: Iterator[tuple[int, Member]]
    ) -> tuple[int, Member] | None:
        with self._guard():
            return next(numbered, None)

    def _list(
        self, found: Iterable[Member], document: Document, progress: StepProgress
    ) -> tuple[list[Listed], LeftOut]:
        """The members that become documents, within the limits."""
        with self._guard() as renew:

            def on_listed(count: int) -> None:
                renew()
                # Asks whether to cancel.
                progress.advance(0, message=f"Opening: {plural(count, 'member')}")

            return list_members(found, document, self._settings, on_listed)

    def _add(self, listed: Sequence[Listed], root_id: str) -> list[DocumentRow]:
        new = [
            NewMember(entry.position, entry.name, entry.member.size) for entry in listed
        ]
        add = partial(
            self._members.add,
            self._row,
            new,
            root_id=root_id,
            step=self._runner.first_step,
            max_members=self._settings.max_members,
            max_bytes=self._settings.max_unpacked_bytes,
        )
        return self._writer.write(add)

    def _store(
        self,
        rows: Sequence[DocumentRow],
        listed: Sequence[Listed],
        root_id: str,
        progress: StepProgress,
    ) -> None:
        """Store the members, and send those that are stored to the workers."""
        by_position = {entry.position: entry.member for entry in listed}
        root = self._processor.store.documents.get(root_id)
        room = self._settings.max_unpacked_bytes - (root.unpacked_bytes or 0)
        batch: list[DocumentRow] = []
        stored: list[StoredMember] = []
        left = list(reversed(rows))
        due = time.monotonic() + SEND_SECONDS
        try:
            progress.total = len(rows)
            # Pages list the members when they see this.
            progress.publish()
            while left:
                done = len(rows) - len(left) + 1
                progress.update(
                    done, message=f"Unpacking member {done:,} of {len(rows):,}"
                )
                row = left.pop()
                member = by_position[member_position(row.id)]
                batch.append(row)
                if row.sha256 is None and row.status is Status.QUEUED:
                    known = member.size is not None
                    limit = self._settings.max_bytes
                    try:
                        saved = self._save(
                            row, member, limit if known else min(limit, room)
                        )
                    except DocumentError as error:
                        batch.pop()
                        self._fail(row, error)
                    except (TransientError, OSError):
                        pass  # it is unpacked again by its own worker
                    else:
                        room -= 0 if known else saved.size
                        stored.append(StoredMember(row.id, *saved, not known))
                if len(batch) >= SENT_TOGETHER or time.monotonic() >= due:
                    self._send(batch, stored, root_id)
                    batch, stored = [], []
                    due = time.monotonic() + SEND_SECONDS
            self._send(batch, stored, root_id)
        except (DocumentError, Cancelled):
            # They are unpacked one by one, unless they are cancelled as well.
            self._send([*batch, *left], stored, root_id)
            raise

    def _send(
        self,
        rows: Sequence[DocumentRow],
        stored: Sequence[StoredMember],
        root_id: str,
    ) -> None:
        """Send members to the workers, those that are stored as such."""
        if not rows:
            return
        store = self._processor.store
        self._set_stored(stored, root_id)
        ids = [row.id for row in rows]
        found = self._writer.write(lambda: store.documents.find(ids=ids))
        waiting = [row for row in found if row.status is Status.QUEUED]
        self._processor.publish_rows(waiting)
        self._processor.send(waiting)

    def _set_stored(self, stored: Sequence[StoredMember], root_id: str) -> None:
        """Record which members are stored, and remove those of a deleted run."""
        if stored:
            set_stored = partial(self._members.set_stored, stored, root_id=root_id)
            for document_id in self._writer.write(set_stored):
                self._processor.files.delete(document_id)

    def _save(
        self, row: DocumentRow | WaitingMember, member: Member, max_bytes: int
    ) -> Stored:
        with (
            self._processor.files.incoming(
                row.id, row.name, max_bytes=max_bytes
            ) as incoming,
            self._guard() as renew,
        ):
            for block in containers.blocks(member, row.name):
                incoming.write(block)
                renew()
        return incoming.stored

    def _guard(self) -> AbstractContextManager[Callable[[], None]]:
        """Limit the seconds without progress."""
        return self._processor.guard(self._settings.step_seconds, None)

    def _fail(self, row: DocumentRow, error: DocumentError) -> None:
        """End a member that cannot be unpacked."""
        reason = error_reason(error, self._settings)
        finish = partial(
            self._processor.store.attempts.finish,
            row.id,
            row.attempt,
            Status.FAILED,
            message="Could not be unpacked",
            error=error_message(row.name, reason),
        )
        with suppress(Superseded):
            self._processor.publish_rows([self._writer.write(finish)])
