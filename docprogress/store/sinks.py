"""Which documents have rows in a sink, and which of them must be reconciled.

A record is made before anything is written, and it outlives its document, so everything
that was written can be deleted even if a process is killed.
"""

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy import update as update_rows

from docprogress.errors import Superseded
from docprogress.events import Status
from docprogress.store import schema
from docprogress.store.attempt_statements import update_attempt
from docprogress.store.engine import Database
from docprogress.store.rows import UNFINISHED, DocumentRow
from docprogress.store.search_filter import CURRENT
from docprogress.store.statements import batches

_entry = schema.sink_document.c
_document = schema.document.c
_OF = _entry.document_id == bindparam("document")
_HAS = select(_entry.marks).where(_OF)
_UPDATE = update_rows(schema.sink_document).where(_OF)
_STORED_BESIDE = (
    select(_document.id)
    .where(
        _document.run_id == bindparam("run"),
        _document.status == Status.COMPLETED.value,
        _document.chunks > 0,
    )
    .limit(1)
)
# Current documents that a newer version, which is not finished, is about to replace.
_newer = schema.document.alias("newer")
_BEING_REPLACED = and_(
    exists().where(_document.id == _entry.document_id, CURRENT),
    exists().where(
        _newer.c.replaces == _entry.document_id, _newer.c.status.in_(UNFINISHED)
    ),
)
_VERSION = select(_document.id, _document.status, _document.replaces).where(
    _document.id == bindparam("document")
)
_NEWER = select(_document.id, _document.status, _document.retired_at).where(
    _document.replaces.in_(bindparam("documents", expanding=True))
)
_IN_SINK = select(schema.sink_document).where(
    _entry.document_id.in_(bindparam("documents", expanding=True)),
    _entry.sink == bindparam("sink"),
    _entry.folder.is_not_distinct_from(bindparam("folder")),
)
_ENDED = (Status.FAILED.value, Status.CANCELLED.value)
_UNSUCCESSFUL = _document.status.in_(_ENDED)
_MARKED = select(schema.sink_document).where(_entry.marks > 0, ~_BEING_REPLACED)
_LEFT = (
    select(schema.sink_document)
    .join(schema.document, _document.id == _entry.document_id)
    .where(_UNSUCCESSFUL)
)
_ORPHANED = select(schema.sink_document).where(
    ~exists().where(_document.id == _entry.document_id)
)
_SAME = exists().where(
    _document.id == _entry.document_id,
    _document.attempt == bindparam("current_attempt"),
    _document.status == bindparam("current_status"),
)
_SEEN = _entry.marks == bindparam("seen")
_FORGET = delete(schema.sink_document).where(_OF, _SEEN, _SAME)
_UNMARK = update_rows(schema.sink_document).where(_OF, _SEEN, _SAME)
_FORGET_GONE = delete(schema.sink_document).where(
    _OF,
    _SEEN,
    ~exists().where(
        _document.id == _entry.document_id,
        # Not `in_`, whose values cannot be given several times.
        or_(
            _document.retired_at.is_(None),
            *(_document.status == status for status in UNFINISHED),
        ),
    ),
)
_MARK_DELETED = (
    update_rows(schema.sink_document)
    .where(_entry.document_id.in_(bindparam("documents", expanding=True)))
    .values(marks=_entry.marks + 1)
)
_COUNT = (
    select(func.count())
    .select_from(schema.sink_document)
    .where(_entry.run_id == bindparam("run"))
)


class SinkEntry(NamedTuple):
    """A document that has, or may have, something in a sink."""

    document_id: str
    run_id: str
    #: The sink without its secrets, and the folder of a class of the user's.
    sink: str
    folder: str | None
    #: The queue of the workers that reach it.
    queue: str | None
    #: How often it was marked to be reconciled.
    marks: int = 0


class Begun(NamedTuple):
    """The beginning of an attempt to store a document."""

    document: DocumentRow
    #: Whether nothing of it was ever written.
    new: bool
    #: Whether a table that is missing is made, rather than waited for.
    creates: bool
    #: Earlier versions of the document that may have something in the same sink.
    replaces: Sequence[SinkEntry] = ()


class SinkDocuments:
    """The documents that have something in a sink."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def encryption_key(self, sink: str, *, make: bool = False) -> str | None:
        """The key of the secrets of a sink; None if none were ever shared.

        Args:
            sink: The sink without its secrets.
            make: Whether to make one if there is none.
        """
        query = select(schema.sink_key.c.encryption_key).where(
            schema.sink_key.c.sink == sink
        )
        with self._database.writing() if make else self._database.reading() as found:
            key = found.execute(query).scalar_one_or_none()
            if key is None and make:
                key = secrets.token_urlsafe(32)
                values = {"sink": sink, "encryption_key": key}
                found.execute(insert(schema.sink_key), values)
        return key

    def begin(self, entry: SinkEntry, attempt: int) -> Begun:
        """Record that an attempt is about to write a document.

        Its earlier versions are marked: whether it completes or fails, the sink must
        have one of them. None is reconciled before the document is finished.

        Raises:
            Superseded: The attempt is over.
        """
        with self._database.writing() as connection:
            document = update_attempt(connection, entry.document_id, attempt)
            # A mark stays: whoever made it may still write, after this attempt.
            new = _put(connection, entry, marks=None)
            beside = connection.execute(_STORED_BESIDE, {"run": entry.run_id}).first()
            earlier = _in_sink(connection, _earlier(connection, document), entry)
            for each in earlier:
                _put(connection, each, marks=_entry.marks + 1)
        retried = document.first_attempt > 1
        return Begun(
            document,
            new=new,
            creates=retried or beside is None,
            replaces=earlier,
        )

    def replaced_by(self, entry: SinkEntry) -> list[SinkEntry] | None:
        """Newer versions of a document in the same sink, which all are unsuccessful.

        None if one of them has taken its place, or still may.
        """
        found: list[str] = []
        versions = [entry.document_id]
        with self._database.reading() as connection:
            while versions:
                newer = connection.execute(_NEWER, {"documents": versions}).all()
                if any(
                    row.status not in _ENDED and row.retired_at is None for row in newer
                ):
                    return None
                versions = [row.id for row in newer if row.id not in found]
                found += versions
            return _in_sink(connection, found, entry)

    def check(self, document_id: str, attempt: int) -> None:
        """Check that an attempt is not over.

        Raises:
            Superseded: It is.
        """
        query = select(_document.id).where(
            _document.id == document_id,
            _document.attempt == attempt,
            _document.status == Status.PROCESSING.value,
        )
        with self._database.reading() as connection:
            if connection.execute(query).first() is None:
                raise Superseded(document_id, attempt)

    def mark(self, *entries: SinkEntry) -> None:
        """Record that the sink may differ from the store for these documents."""
        with self._database.writing() as connection:
            for entry in entries:
                _put(connection, entry, marks=_entry.marks + 1)

    def mark_known(self, document_id: str) -> None:
        """The same for a document that may have something in a sink."""
        with self._database.writing() as connection:
            mark_deleted(connection, [document_id])

    def to_settle(self, *, limit: int, orphaned: bool = False) -> list[SinkEntry]:
        """Documents whose rows in a sink differ, or may differ, from the store.

        Args:
            limit: The most to return of each kind.
            orphaned: Whether to look for documents that were deleted by a version
                that knows no sinks, which takes longer.
        """
        queries = [_MARKED, _LEFT, *([_ORPHANED] if orphaned else [])]
        found: dict[str, SinkEntry] = {}
        with self._database.reading() as connection:
            for query in queries:
                for row in connection.execute(query.limit(limit)):
                    found[row[0]] = SinkEntry(*row)
        return list(found.values())

    def entries(self, document_ids: Sequence[str]) -> list[SinkEntry]:
        """The records of these documents."""
        query = select(schema.sink_document)
        with self._database.reading() as connection:
            return [
                SinkEntry(*row)
                for some in batches(dict.fromkeys(document_ids))
                for row in connection.execute(query.where(_entry.document_id.in_(some)))
            ]

    def forget_gone(self, entries: Sequence[SinkEntry]) -> None:
        """Forget documents that are deleted or retired, and not in the sink any more.

        Those that were marked again since the entries were read stay.
        """
        values = [{"document": e.document_id, "seen": e.marks} for e in entries]
        with self._database.writing() as connection:
            for some in batches(values):
                connection.execute(_FORGET_GONE, some)

    def settle(self, entry: SinkEntry, document: DocumentRow) -> bool:
        """Record that the sink has what the store had when `document` was read.

        False, without any change, if either has changed since.
        """
        values: dict[str, Any] = {
            "document": entry.document_id,
            "seen": entry.marks,
            "current_attempt": document.attempt,
            "current_status": document.status.value,
        }
        completed = document.status is Status.COMPLETED
        kept = completed and document.retired_at is None
        statement = _UNMARK.values(marks=0) if kept else _FORGET
        with self._database.writing() as connection:
            return connection.execute(statement, values).rowcount > 0

    def of_run(self, run_id: str, *, limit: int) -> list[SinkEntry]:
        """The records of a run's documents."""
        query = select(schema.sink_document).where(_entry.run_id == run_id)
        with self._database.reading() as connection:
            return [SinkEntry(*row) for row in connection.execute(query.limit(limit))]

    def count(self, run_id: str) -> int:
        """How many documents of a run have something in a sink."""
        with self._database.reading() as connection:
            return connection.execute(_COUNT, {"run": run_id}).scalar_one()


def _earlier(connection: Connection, document: DocumentRow) -> list[str]:
    """The earlier versions of a document, up to one that was completed."""
    found: list[str] = []
    following = document.replaces
    while following is not None and following not in found:
        version = connection.execute(_VERSION, {"document": following}).one_or_none()
        if version is None:
            break
        found.append(version.id)
        completed = version.status == Status.COMPLETED.value
        following = None if completed else version.replaces
    return found


def _in_sink(
    connection: Connection, document_ids: Sequence[str], entry: SinkEntry
) -> list[SinkEntry]:
    """Those of these documents that may have something in the sink of an entry."""
    if not document_ids:
        return []
    values = {
        "documents": list(document_ids),
        "sink": entry.sink,
        "folder": entry.folder,
    }
    return [SinkEntry(*row) for row in connection.execute(_IN_SINK, values)]


def mark_deleted(connection: Connection, document_ids: Sequence[str]) -> None:
    """Record that documents are deleted, and their rows in a sink are to be."""
    connection.execute(_MARK_DELETED, {"documents": list(document_ids)})


def _put(connection: Connection, entry: SinkEntry, *, marks: Any) -> bool:
    """Write an entry; whether there was none before.

    Args:
        connection: A transaction.
        entry: The entry.
        marks: How often it is marked; None to leave an entry as it is.
    """
    document = {"document": entry.document_id}
    if connection.execute(_HAS, document).first() is not None:
        if marks is not None:
            connection.execute(_UPDATE.values(marks=marks), document)
        return False
    values = entry._asdict() | {"marks": 0 if marks is None else 1}
    connection.execute(insert(schema.sink_document), values)
    return True
