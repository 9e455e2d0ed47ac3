"""Folders that are kept in sync, and their files as they were last submitted.

One process at a time changes a source: every write here checks that the caller still
holds its lock. A lock ends by itself when its process does not renew it.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from docprogress.errors import SyncBusy
from docprogress.events import Status, now
from docprogress.store import pgvector, results, schema, versions, word_entries
from docprogress.store.engine import Database
from docprogress.store.rows import UNFINISHED, NewDocument, document_row
from docprogress.store.search_filter import CURRENT
from docprogress.store.source_rows import (
    FileState,
    KnownDocument,
    KnownFile,
    Lock,
    SourceRow,
    SubmittedFile,
    source_id,
)
from docprogress.store.statements import batches
from docprogress.store.submissions import add_documents, insert_for

#: Seconds after which the lock of a process that does not renew it ends.
LOCK_SECONDS = 60.0

#: A page with fewer characters may be a scan.
SPARSE_CHARACTERS = 100

#: Files that are read at once, and those that one transaction removes.
FILES_PER_PAGE = 1000
REMOVED_TOGETHER = 200

_source = schema.source.c
_file = schema.source_file.c
_document = schema.document.c
_current = schema.document.alias("current_one")
_pending = schema.document.alias("pending_one")
_BY_ID = select(schema.source).where(_source.id == bindparam("source"))
_held = _source.lock_owner == bindparam("owner")
_LOCK = (
    update(schema.source)
    .where(
        _source.id == bindparam("source"),
        or_(
            _source.lock_owner.is_(None),
            _source.lock_owner.in_(bindparam("owners", expanding=True)),
            _source.locked_until < bindparam("moment"),
            # The clock was set back.
            _source.locked_until > bindparam("latest"),
        ),
    )
    .values(lock_owner=bindparam("new_owner"), locked_until=bindparam("until"))
)
_RENEW = (
    update(schema.source)
    .where(_source.id == bindparam("source"), _held)
    .values(locked_until=bindparam("until"))
)
_UNLOCK = (
    update(schema.source)
    .where(_source.id == bindparam("source"), _held)
    .values(lock_owner=None, locked_until=None)
)
_WITHHOLD = (
    update(schema.source)
    .where(_source.id == bindparam("source"))
    .values(withheld_of=bindparam("of", type_=Integer))
)
_HOLD = select(_source.id).where(_source.id == bindparam("source"), _held)
_COUNT = select(func.count()).where(_file.source_id == bindparam("source"))
_KNOWN = (
    "id",
    "run_id",
    "name",
    "status",
    "ready",
    "sha256",
    "note",
    "media_type",
    "ocr_pages",
    "unpacked_members",
    "error",
)
_FILES = (
    select(
        _file.path,
        _file.size,
        _file.mtime,
        _file.etag,
        _file.seen_at,
        *(_current.c[name].label(f"current_{name}") for name in _KNOWN),
        *(_pending.c[name].label(f"pending_{name}") for name in _KNOWN),
    )
    .select_from(schema.source_file)
    .outerjoin(_current, _current.c.id == _file.document_id)
    .outerjoin(_pending, _pending.c.id == _file.pending_id)
    .where(_file.source_id == bindparam("source"), _file.path > bindparam("after"))
    .order_by(_file.path)
    .limit(FILES_PER_PAGE)
)
_completed = exists().where(
    _document.id == _file.pending_id,
    _document.status == Status.COMPLETED.value,
    _document.retired_at.is_(None),
)
_SETTLE = (
    update(schema.source_file)
    .where(_file.source_id == bindparam("source"), _completed)
    .values(document_id=_file.pending_id, pending_id=None)
)
_OF = _file.source_id == bindparam("source")
_SEEN = update(schema.source_file).where(_OF, _file.path == bindparam("key"))
_SOME = select(schema.source_file).where(
    _OF, _file.path.in_(bindparam("keys", expanding=True))
)
_REMOVE = delete(schema.source_file).where(
    _OF, _file.path.in_(bindparam("keys", expanding=True))
)
_chosen = _document.id.in_(bindparam("documents", expanding=True))
_SOME_KNOWN = select(*(_document[name] for name in _KNOWN)).where(_chosen, CURRENT)
_COUNT_KEPT = select(func.count()).where(
    _document.run_id == bindparam("run"),
    _document.status.in_((Status.FAILED.value, Status.CANCELLED.value)),
    _document.message.endswith(versions.KEPT, autoescape=True),
)
_UNFINISHED = select(_document.id).where(_chosen, _document.status.in_(UNFINISHED))
_SPARSE = (
    select(schema.page.c.number)
    .where(
        schema.page.c.document_id == bindparam("document"),
        func.length(func.trim(schema.page.c.text)) < SPARSE_CHARACTERS,
    )
    .limit(1)
)
_same = schema.document.alias("same")
# Documents with the same content may be about to copy the results.
_DISCARDABLE = (
    select(_document.id)
    .where(
        _document.retired_at.is_not(None),
        _document.ready,
        _document.status.not_in(UNFINISHED),
        ~exists().where(
            _same.c.sha256 == _document.sha256, _same.c.status.in_(UNFINISHED)
        ),
    )
    .limit(bindparam("most"))
)
_DISCARDED = update(schema.document).where(_chosen).values(ready=False)


class Sources:
    """The sources of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, root: str, case_id: str | None) -> SourceRow | None:
        """The source of a folder in a case; None if it was never synchronized."""
        values = {"source": source_id(root, case_id)}
        with self._database.reading() as connection:
            row = connection.execute(_BY_ID, values).mappings().one_or_none()
        return None if row is None else SourceRow(**row)

    def newest(self, case_id: str | None, *, limit: int) -> list[SourceRow]:
        """The sources synchronized last, of a case or of all, newest first."""
        query = select(schema.source).where(_source.synced_at.is_not(None))
        if case_id is not None:
            query = query.where(_source.case_id == case_id)
        query = query.order_by(_source.synced_at.desc()).limit(limit)
        with self._database.reading() as connection:
            return [SourceRow(**row) for row in connection.execute(query).mappings()]

    def add(self, root: str, case_id: str | None) -> SourceRow:
        """The source of a folder in a case, made if there is none."""
        values = {"id": source_id(root, case_id), "root": root, "case_id": case_id}
        with self._database.writing() as connection:
            statement = insert_for(connection, schema.source)
            connection.execute(statement.on_conflict_do_nothing(), values)
        found = self.get(root, case_id)
        assert found is not None
        return found

    def lock(self, lock: Lock, *, instead_of: Sequence[str] = ()) -> None:
        """Take the lock of a source.

        Args:
            lock: The source, and who is to hold it.
            instead_of: Owners that are known to be gone.

        Raises:
            SyncBusy: Another process holds it.
        """
        moment = time.time()
        values = {
            "source": lock.source_id,
            "owners": [lock.owner, *instead_of],
            "new_owner": lock.owner,
            "moment": moment,
            "latest": moment + 2 * LOCK_SECONDS,
            "until": moment + LOCK_SECONDS,
        }
        with self._database.writing() as connection:
            if not connection.execute(_LOCK, values).rowcount:
                raise SyncBusy("another process synchronizes this folder")

    def renew(self, lock: Lock) -> None:
        """Hold the lock for longer.

        Raises:
            SyncBusy: Another process has taken it.
        """
        values = lock._asdict() | {"until": time.time() + LOCK_SECONDS}
        with self._database.writing() as connection:
            changed = connection.execute(_RENEW, _named(lock) | values)
            if not changed.rowcount:
                raise SyncBusy("another process synchronizes this folder")

    def unlock(self, lock: Lock) -> None:
        """Release the lock, if it is still held."""
        with self._database.writing() as connection:
            connection.execute(_UNLOCK, _named(lock))

    def count(self, source_id: str) -> int:
        """The number of files of a source."""
        with self._database.reading() as connection:
            return connection.execute(_COUNT, {"source": source_id}).scalar_one()

    def files(self, source_id: str) -> Iterator[KnownFile]:
        """The files of a source in the order of their keys, in bounded memory."""
        after = ""
        while True:
            values = {"source": source_id, "after": after}
            with self._database.reading() as connection:
                rows = connection.execute(_FILES, values).all()
            yield from map(_known_file, rows)
            if len(rows) < FILES_PER_PAGE:
                return
            after = rows[-1].path

    def settle(self, source_id: str | None = None) -> int:
        """Let completed documents take their places where no worker did it for them.

        Workers of earlier versions do not. Returns how many did.
        """
        with self._database.writing() as connection:
            rows = connection.execute(versions.UNSETTLED).all()
            for row in rows:
                versions.take_place(connection, document_row(row), now())
            if source_id is not None:
                connection.execute(_SETTLE, {"source": source_id})
        return len(rows)

    def submit(
        self, lock: Lock, given: Sequence[tuple[SubmittedFile, NewDocument]]
    ) -> None:
        """Add documents of files: all of them, or none.

        Raises:
            SyncBusy: Another process has taken the lock.
        """
        if not given:
            return
        moved = [file.moved_from for file, _ in given if file.moved_from is not None]
        rows = [
            {
                "source_id": lock.source_id,
                "path": file.key,
                **_state_columns(file.state),
                "document_id": file.current_id,
                "pending_id": document.id,
            }
            for file, document in given
        ]
        with self._database.writing() as connection:
            _hold(connection, lock)
            add_documents(connection, [document for _, document in given])
            if moved:
                values = {"source": lock.source_id, "keys": moved}
                connection.execute(_REMOVE, values)
            statement = insert_for(connection, schema.source_file)
            changed = {name: statement.excluded[name] for name in rows[0]}
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["source_id", "path"], set_=changed
                ),
                rows,
            )

    def touch(self, lock: Lock, seen: Sequence[tuple[str, FileState]]) -> None:
        """Record what files with the same content look like now, by their keys.

        Raises:
            SyncBusy: Another process has taken the lock.
        """
        if not seen:
            return
        with self._database.writing() as connection:
            _hold(connection, lock)
            for some in batches(seen):
                rows = [
                    {"source": lock.source_id, "key": key} | _state_columns(state)
                    for key, state in some
                ]
                connection.execute(_SEEN, rows)

    def remove(self, lock: Lock, keys: Sequence[str]) -> list[str]:
        """Retire the documents of files that are gone, with all members.

        Returns:
            The documents that were retired.

        Raises:
            SyncBusy: Another process has taken the lock.
        """
        retired: list[str] = []
        for some in batches(keys, REMOVED_TOGETHER):
            values = {"source": lock.source_id, "keys": some}
            with self._database.writing() as connection:
                _hold(connection, lock)
                rows = connection.execute(_SOME, values).all()
                ids = [
                    document_id
                    for row in rows
                    for document_id in (row.document_id, row.pending_id)
                    if document_id is not None
                ]
                connection.execute(_REMOVE, values)
                retired += retire(connection, ids, versions.REMOVED)
        return retired

    def withhold(self, lock: Lock, of: int | None) -> None:
        """Record that removals are withheld, and how many files there were before.

        Args:
            lock: The source.
            of: How many; None if no removal is withheld.

        Raises:
            SyncBusy: Another process has taken the lock.
        """
        with self._database.writing() as connection:
            _hold(connection, lock)
            connection.execute(_WITHHOLD, {"source": lock.source_id, "of": of})

    def finish(self, lock: Lock, *, fingerprint: str, run_id: str | None) -> None:
        """Record that a source is in sync.

        Raises:
            SyncBusy: Another process has taken the lock.
        """
        with self._database.writing() as connection:
            _hold(connection, lock)
            connection.execute(
                update(schema.source)
                .where(_source.id == lock.source_id)
                .values(fingerprint=fingerprint, run_id=run_id, synced_at=time.time())
            )

    def count_kept(self, run_id: str) -> int:
        """How many documents of a run failed or were cancelled beside a current one."""
        with self._database.reading() as connection:
            return connection.execute(_COUNT_KEPT, {"run": run_id}).scalar_one()

    def members(self, document_id: str) -> list[KnownDocument]:
        """The members of a container, and theirs, as far as they are current."""
        with self._database.reading() as connection:
            found = versions.members(connection, [document_id])
            rows = [
                row
                for some in batches(found)
                for row in connection.execute(_SOME_KNOWN, {"documents": some})
            ]
        return [known for row in rows if (known := _known_document(row)) is not None]

    def unfinished(self, document_ids: Sequence[str]) -> list[str]:
        """Those of these documents and of their members that are unfinished."""
        with self._database.reading() as connection:
            found = [*document_ids, *versions.members(connection, document_ids)]
            return [
                document_id
                for some in batches(found)
                for document_id in connection.scalars(_UNFINISHED, {"documents": some})
            ]

    def has_sparse_pages(self, document_id: str) -> bool:
        """Whether a document has pages with hardly any text: scans, perhaps."""
        with self._database.reading() as connection:
            found = connection.execute(_SPARSE, {"document": document_id})
            return found.first() is not None

    def discardable(self, *, limit: int = 100) -> list[str]:
        """Retired documents whose files and results can be deleted."""
        with self._database.reading() as connection:
            return list(connection.scalars(_DISCARDABLE, {"most": limit}))

    def discard(self, document_ids: Sequence[str]) -> None:
        """Delete the results of retired documents whose files are deleted."""
        if not document_ids:
            return
        with self._database.writing() as connection:
            results.discard(connection, document_ids)
            word_entries.remove(connection, document_ids)
            if self._database.compares_vectors:
                pgvector.discard(connection, document_ids)
            connection.execute(_DISCARDED, {"documents": list(document_ids)})


def retire(
    connection: Connection, document_ids: Sequence[str], reason: str
) -> list[str]:
    """Retire documents with their members and with the earlier versions of all."""
    chosen = versions.whole(connection, document_ids)
    return versions.retire(connection, chosen, reason, now())


def _named(lock: Lock) -> dict[str, Any]:
    return {"source": lock.source_id, "owner": lock.owner}


def _hold(connection: Connection, lock: Lock) -> None:
    """Check that a lock is held, and that it is until the end of this transaction.

    Raises:
        SyncBusy: It is not.
    """
    held = connection.execute(_HOLD.with_for_update(), _named(lock)).first()
    if held is None:
        raise SyncBusy(
            "another process synchronizes this folder: this one did not renew its lock "
            "in time"
        )


def _state_columns(state: FileState) -> dict[str, Any]:
    return state._asdict()


def _known_file(row: Row[Any]) -> KnownFile:
    width = len(_KNOWN)
    current = _known_document(row[5 : 5 + width])
    pending = _known_document(row[5 + width :])
    if pending is not None and pending.status is Status.COMPLETED:
        current, pending = pending, None  # it is settled by the next synchronization
    state = FileState(row.size, row.mtime, row.etag, row.seen_at)
    return KnownFile(row.path, state, current, pending)


def _known_document(values: Sequence[Any]) -> KnownDocument | None:
    if values[0] is None:
        return None
    found = dict(zip(_KNOWN, values, strict=True))
    return KnownDocument(**found | {"status": Status(found["status"])})
