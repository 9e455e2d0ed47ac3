"""Versions of documents: a newer one replaces an earlier one.

The transaction that completes a document retires the one that it replaces. Searches and
exports see one of them at every moment: never both, never neither. The functions here
are parts of such transactions.

A document names the version before it (`replaces`), whatever became of that one. Its
chain is that version, the one which that replaces, and so on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, case, func, or_, select, update

from docprogress.events import Status
from docprogress.store import schema
from docprogress.store.rows import UNFINISHED, AttemptStatus, DocumentRow
from docprogress.store.sinks import mark_deleted
from docprogress.store.statements import batches

#: The messages of retired documents.
REPLACED = "Replaced by a newer version"
REMOVED = "Removed from the folder"

#: Added to the message of a document that failed or was cancelled.
KEPT = "the version before it is kept"

_document = schema.document.c
_file = schema.source_file.c
_VERSIONS = select(
    _document.id,
    _document.name,
    _document.replaces,
    _document.status,
    _document.retired_at,
)
_BY_IDS = _VERSIONS.where(_document.id.in_(bindparam("documents", expanding=True)))
_MEMBERS = _VERSIONS.where(
    _document.parent_id.in_(bindparam("documents", expanding=True))
)
_NAMED_MEMBERS = (
    select(_document.id, _document.name)
    .where(_document.parent_id == bindparam("document"))
    .order_by(_document.number)
)
_chosen = _document.id.in_(bindparam("documents", expanding=True))
# The newest first, as a document that is completed is locked before its earlier
# versions: on PostgreSQL, transactions that lock rows in different orders deadlock.
_LOCK = select(_document.id).where(_chosen).order_by(_document.id.desc())
_waiting = _document.status == Status.QUEUED.value
_unfinished = _document.status.in_(UNFINISHED)
_moment = bindparam("moment", type_=schema.Moment)
_RETIRE = (
    update(schema.document)
    .where(_chosen, _document.retired_at.is_(None))
    .values(
        retired_at=_moment,
        updated_at=_moment,
        # The process that stored its file may have been killed before recording it.
        ready=True,
        message=bindparam("reason"),
        status=case((_waiting, Status.CANCELLED.value), else_=_document.status),
        due_at=case((_waiting, None), else_=_document.due_at),
        finished_at=case((_waiting, _moment), else_=_document.finished_at),
        cancel_requested=case((_unfinished, True), else_=_document.cancel_requested),
    )
)
_END_ATTEMPTS = (
    update(schema.attempt)
    .where(
        schema.attempt.c.document_id.in_(
            select(_document.id).where(
                _chosen, _document.status == Status.CANCELLED.value
            )
        ),
        schema.attempt.c.status == AttemptStatus.PROCESSING.value,
    )
    .values(status=AttemptStatus.CANCELLED.value, finished_at=_moment)
)
_BEFORE = select(_file.document_id).where(
    _file.pending_id == bindparam("document"), _file.document_id.is_not(None)
)
_MOVE_POINTER = (
    update(schema.source_file)
    .where(
        or_(
            _file.pending_id == bindparam("document"),
            _file.document_id.in_(bindparam("earlier", expanding=True)),
        )
    )
    .values(
        document_id=bindparam("document"),
        pending_id=case(
            (_file.pending_id == bindparam("document"), None), else_=_file.pending_id
        ),
    )
)
_NOTE = (
    update(schema.document)
    .where(_document.id == bindparam("document"))
    .values(message=bindparam("noted"))
)


class _Version(NamedTuple):
    id: str
    name: str
    replaces: str | None
    status: str
    retired_at: datetime | None

    @property
    def current(self) -> bool:
        return self.status == Status.COMPLETED.value and self.retired_at is None


def take_place(
    connection: Connection, document: DocumentRow, moment: datetime
) -> list[str]:
    """Retire the earlier versions of a document that has just been completed.

    Of a container they are retired with their members, but for members whose newer
    versions are not completed: those retire them by themselves. A document that was
    retired while it was processed takes no place.

    Returns:
        The documents that were retired.
    """
    if document.replaces is None or document.retired_at is not None:
        return []
    # The version in between may have been deleted with its run.
    before = connection.scalars(_BEFORE, {"document": document.id})
    earlier = [document.replaces, *before]
    members = _versions(connection, _MEMBERS, [document.id])
    replaced = [member.replaces for member in members if member.replaces is not None]
    kept = {version.id for version in _chains(connection, replaced)}
    left = _whole(connection, earlier, without={document.id, *kept})
    retired = retire(connection, left, REPLACED, moment)
    connection.execute(_MOVE_POINTER, {"document": document.id, "earlier": left})
    return retired


def retire(
    connection: Connection, document_ids: Iterable[str], reason: str, moment: datetime
) -> list[str]:
    """Retire documents, whatever their state; those that are unfinished are cancelled.

    Their rows in a sink are marked, so that a worker deletes them.

    Returns:
        Those of them that exist.
    """
    retired: list[str] = []
    for some in batches(sorted(set(document_ids), reverse=True)):
        chosen: dict[str, Any] = {"documents": some}
        locked = connection.scalars(_LOCK.with_for_update(), chosen).all()
        connection.execute(_RETIRE, chosen | {"moment": moment, "reason": reason})
        connection.execute(_END_ATTEMPTS, chosen | {"moment": moment})
        mark_deleted(connection, some)
        retired += locked
    return retired


def whole(connection: Connection, document_ids: Sequence[str]) -> list[str]:
    """These documents with all members, and the earlier versions of all of them."""
    return _whole(connection, document_ids, without=set())


def members(connection: Connection, document_ids: Sequence[str]) -> list[str]:
    """The members of documents, and theirs, and so on."""
    found: list[str] = []
    parents = list(document_ids)
    while parents:
        parents = [each.id for each in _versions(connection, _MEMBERS, parents)]
        found += parents
    return found


def note_kept(connection: Connection, document: DocumentRow) -> DocumentRow:
    """A document that failed or was cancelled, saying so if an earlier one is kept."""
    if document.replaces is None or document.retired_at is not None:
        return document
    if not any(each.current for each in _chains(connection, [document.replaces])):
        return document
    message = f"{document.message}; {KEPT}"
    connection.execute(_NOTE, {"document": document.id, "noted": message})
    return replace(document, message=message)


def current_before(connection: Connection, document_id: str) -> list[str]:
    """Versions that stay current while none after them is completed."""
    chain = _chains(connection, [document_id])
    return [version.id for version in chain if version.current]


def earlier_members(
    connection: Connection, container: DocumentRow
) -> dict[str, list[str]]:
    """The members of a container's earlier versions, by their names inside it.

    Several may have the same name; the newest version that has it counts.
    """
    found: dict[str, list[str]] = {}
    if container.replaces is None:
        return found
    for version in _chains(connection, [container.replaces]):
        inside: dict[str, list[str]] = {}
        named = connection.execute(_NAMED_MEMBERS, {"document": version.id})
        for document_id, name in named:
            inside.setdefault(inner_name(name, version.name), []).append(document_id)
        found = inside | found
    return found


def inner_name(name: str, container: str) -> str:
    """A member's name inside its container."""
    return name.removeprefix(f"{container}/")


def _chains(connection: Connection, document_ids: Sequence[str]) -> list[_Version]:
    """These versions and those before them, the newest first.

    A chain ends with a completed version, which has retired what it replaced.
    """
    found: dict[str, _Version] = {}
    following = list(document_ids)
    while following:
        versions = _versions(connection, _BY_IDS, following)
        found |= {version.id: version for version in versions}
        following = _before(versions, found)
    return list(found.values())


def _whole(
    connection: Connection, document_ids: Sequence[str], *, without: set[str]
) -> list[str]:
    """Documents, their earlier versions, and the members of all of them."""
    found = {
        version.id: version
        for version in _versions(connection, _BY_IDS, document_ids)
        if version.id not in without
    }
    new = list(found.values())
    while new:
        versions = [
            *_versions(connection, _MEMBERS, [version.id for version in new]),
            *_versions(connection, _BY_IDS, _before(new, found)),
        ]
        new = [v for v in versions if v.id not in found and v.id not in without]
        found |= {version.id: version for version in new}
    return list(found)


def _before(versions: Sequence[_Version], known: Mapping[str, _Version]) -> list[str]:
    """What versions replace, unless they have retired it."""
    return [
        version.replaces
        for version in versions
        if version.replaces is not None
        and version.replaces not in known
        and version.status != Status.COMPLETED.value
    ]


def _versions(
    connection: Connection, query: Select[Any], document_ids: Sequence[str]
) -> list[_Version]:
    return [
        _Version(*row)
        for some in batches(document_ids)
        for row in connection.execute(query, {"documents": some})
    ]


#: Documents that no worker has completed by these rules: one of an earlier version did.
_earlier = schema.document.alias("earlier")
UNSETTLED = (
    select(schema.document)
    .join(_earlier, _earlier.c.id == _document.replaces)
    .where(
        _document.replaces.is_not(None),
        _document.retired_at.is_(None),
        # Not by the index of the status: most documents are completed.
        func.coalesce(_document.status, "") == Status.COMPLETED.value,
        _earlier.c.retired_at.is_(None),
    )
)
