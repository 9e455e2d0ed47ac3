"""Documents that were found in other ones, added to the run of their container.

A container's members are added in one transaction with the run's expected number of
documents, so that a run never seems complete without them. Their ids follow from their
positions: adding them again has no effect.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from docprogress.documents import member_id, member_position
from docprogress.errors import Cancelled, LimitExceeded
from docprogress.events import Status, now
from docprogress.formatting import plural
from docprogress.store import schema, versions
from docprogress.store.attempt_statements import update_attempt
from docprogress.store.documents import Documents
from docprogress.store.engine import Database
from docprogress.store.rows import DocumentRow
from docprogress.store.statements import batches
from docprogress.store.submissions import LOCK_DOCUMENTS, NEW_DOCUMENT, insert_document

#: The message of a member whose content is still in its container.
UNPACKING_MESSAGE = "Waiting to be unpacked"

#: Members that one statement inserts.
INSERTED_TOGETHER = 500

_document = schema.document.c
_run = schema.run.c
_ROOT = (
    update(schema.document)
    .where(_document.id == bindparam("root"))
    .values(
        unpacked_members=func.coalesce(_document.unpacked_members, 0)
        + bindparam("members"),
        unpacked_bytes=func.coalesce(_document.unpacked_bytes, 0) + bindparam("bytes"),
    )
    .returning(_document.unpacked_members, _document.unpacked_bytes, _document.name)
)
_EXPECT_MORE = (
    update(schema.run)
    .where(_run.id == bindparam("run"))
    .values(expected=_run.expected + bindparam("more"))
    .returning(_run.expected)
)
_LAST_NUMBER = select(func.max(_document.number)).where(
    _document.run_id == bindparam("run")
)
_WAITING = select(_document.id, _document.name).where(
    _document.run_id == bindparam("run"),
    _document.parent_id == bindparam("container"),
    _document.status == Status.QUEUED.value,
    _document.sha256.is_(None),
)
_STORED = (
    update(schema.document)
    .where(_document.id == bindparam("member"), _document.sha256.is_(None))
    .values(size=bindparam("bytes"), sha256=bindparam("digest"))
)
_QUEUED = (
    update(schema.document)
    .where(
        _document.id == bindparam("member"),
        _document.status == Status.QUEUED.value,
        _document.message == UNPACKING_MESSAGE,
    )
    .values(message="Queued", updated_at=bindparam("moment", type_=schema.Moment))
)


class NewMember(NamedTuple):
    """A member that is about to be added."""

    #: Its position in the container, counted from 1.
    position: int
    name: str
    #: Its size in bytes; None if it is not known yet.
    size: int | None


class WaitingMember(NamedTuple):
    """A member whose content is still in its container."""

    id: str
    name: str


class StoredMember(NamedTuple):
    """A member whose content is in the storage."""

    id: str
    size: int
    sha256: str
    #: Whether its size was not known when it was added.
    unannounced: bool


class Members:
    """The members of containers."""

    def __init__(self, database: Database, documents: Documents) -> None:
        self._database = database
        self._documents = documents

    def containers(self, document: DocumentRow) -> list[DocumentRow]:
        """The containers of a document, the innermost first."""
        found: list[DocumentRow] = []
        while document.parent_id is not None:
            document = self._documents.get(document.parent_id)
            found.append(document)
        return found

    def add(
        self,
        container: DocumentRow,
        members: Sequence[NewMember],
        *,
        root_id: str,
        step: str,
        max_members: int,
        max_bytes: int,
    ) -> list[DocumentRow]:
        """Add the members that are not there yet: all of them, or none.

        Args:
            container: The document that an attempt has opened.
            members: Its members.
            root_id: The outermost container, which the limits are for.
            step: The name of the first step.
            max_members: The maximum number of members, those of nested containers
                included.
            max_bytes: The maximum number of bytes of them.

        Returns:
            All members of the container.

        Raises:
            Superseded: The attempt is over.
            Cancelled: The container is to be cancelled.
            LimitExceeded: There are too many members, or they are too large.
        """
        ids = [member_id(container.id, member.position) for member in members]
        with self._database.writing() as connection:
            # Rows are locked in the order of their ids, and the run last.
            if root_id != container.id:
                connection.execute(_ROOT, {"root": root_id, "members": 0, "bytes": 0})
            row = update_attempt(connection, container.id, container.attempt)
            if row.cancel_requested:
                raise Cancelled(container.id)
            known = _known(connection, ids)
            new = [
                member
                for member, name in zip(members, ids, strict=True)
                if name not in known
            ]
            if new:
                added = {
                    "root": root_id,
                    "members": len(new),
                    "bytes": sum(member.size or 0 for member in new),
                }
                root = connection.execute(_ROOT, added).one()
                _check(root.name, root, max_members, max_bytes)
                _insert(connection, row, new, step)
        rows = {row.id: row for row in self._documents.find(ids=ids)}
        return [rows[name] for name in ids if name in rows]

    def waiting(self, container: DocumentRow) -> dict[int, WaitingMember]:
        """The queued members whose content is still in a container, by position."""
        values = {"run": container.run_id, "container": container.id}
        with self._database.reading() as connection:
            rows = connection.execute(_WAITING, values).all()
        return {member_position(row.id): WaitingMember(*row) for row in rows}

    def set_stored(self, stored: Sequence[StoredMember], *, root_id: str) -> list[str]:
        """Record that the content of members is in the storage.

        Returns:
            Those that do not exist any more: their run was deleted.
        """
        ids = [member.id for member in stored]
        moment = now()
        with self._database.writing() as connection:
            bytes_found = sum(member.size for member in stored if member.unannounced)
            connection.execute(
                _ROOT, {"root": root_id, "members": 0, "bytes": bytes_found}
            )
            if not self._database.is_sqlite:
                connection.execute(LOCK_DOCUMENTS, {"documents": ids})
            for member in stored:
                values = {"member": member.id, "moment": moment}
                connection.execute(
                    _STORED, values | {"bytes": member.size, "digest": member.sha256}
                )
                connection.execute(_QUEUED, values)
            known = _known(connection, ids)
        return [name for name in ids if name not in known]


def _check(name: str, root: Any, max_members: int, max_bytes: int) -> None:
    """Check what has been unpacked from a root against the limits.

    Raises:
        LimitExceeded: It is too much.
    """
    if root.unpacked_members > max_members:
        raise LimitExceeded(
            f"{name}: {plural(root.unpacked_members, 'member')}, the limit is "
            f"{max_members:,} (max_members)"
        )
    if root.unpacked_bytes > max_bytes:
        raise LimitExceeded(
            f"{name}: its members have {root.unpacked_bytes:,} bytes together, the "
            f"limit is {max_bytes:,} (max_unpacked_bytes)"
        )


def _known(connection: Connection, ids: Sequence[str]) -> set[str]:
    return {
        name
        for some in batches(ids)
        for name in connection.scalars(
            select(_document.id).where(_document.id.in_(some))
        )
    }


def _insert(
    connection: Connection,
    container: DocumentRow,
    members: Sequence[NewMember],
    step: str,
) -> None:
    run = {"run": container.run_id}
    expected = connection.execute(
        _EXPECT_MORE, run | {"more": len(members)}
    ).scalar_one()
    last = connection.scalar(_LAST_NUMBER, run) or 0
    first = max(last, expected - len(members)) + 1
    moment = now()
    earlier = versions.earlier_members(connection, container)

    def replaced(name: str) -> str | None:
        """The member of the earlier version of the container that has this name."""
        inside = earlier.get(versions.inner_name(name, container.name))
        return inside.pop(0) if inside else None

    rows = [
        NEW_DOCUMENT
        | {
            "id": member_id(container.id, member.position),
            "run_id": container.run_id,
            "number": number,
            "name": member.name,
            "url": None,
            "size": member.size,
            "case_id": container.case_id,
            "step": step,
            "parent_id": container.id,
            "replaces": replaced(member.name),
            "ready": True,
            "message": UNPACKING_MESSAGE,
            "created_at": moment,
            "updated_at": moment,
        }
        for number, member in enumerate(members, first)
    ]
    for some in batches(rows, INSERTED_TOGETHER):
        connection.execute(insert_document(connection), some)
