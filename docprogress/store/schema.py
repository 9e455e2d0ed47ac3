"""The tables, and the types of their columns.

Every change of a table needs a new file in `migrations/versions`, or, if earlier
versions can ignore it, an entry in `migrations/additions.py`.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

#: The table of the additions that earlier versions ignore.
ADDITIONS_TABLE = "docprogress_additions"

#: Replaces characters that databases cannot store.
REPLACEMENT = "\ufffd"

# PostgreSQL rejects NUL, and UTF-8 cannot encode single surrogates.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Text(TypeDecorator[str]):
    """Text made `storable`; offsets of chunks stay valid."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC with microseconds; SQLite's text sorts by time."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return moment.isoformat(timespec="microseconds")
        return moment

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A value as JSON in ASCII, which can contain any characters."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


def storable(text: str) -> str:
    """The text with unstorable characters replaced one by one."""
    if "\x00" not in text and _encodes(text):
        return text
    return _UNSTORABLE.sub(REPLACEMENT, text)


def _encodes(text: str) -> bool:
    # Many times faster than a regular expression for surrogates.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


metadata = sa.MetaData()

#: The documents that searches see and the index of words lacks. Written out, since
#: databases compare it with the condition of the index that finds them.
NOT_INDEXED = sa.text(
    "status = 'completed' AND retired_at IS NULL AND chunks > 0"
    " AND coalesce(indexed_attempt, 0) <> attempt"
)


def _column(name: str, type_: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, type_, **{"nullable": False} | options)


def _of(table: str, name: str, **options: Any) -> sa.Column[Any]:
    reference = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, Text, reference, nullable=False, **options)


def _partial_index(name: str, *columns: str) -> sa.Index:
    """An index of the rows that have a value in the last column."""
    present = sa.text(f"{columns[-1]} IS NOT NULL")
    return sa.Index(name, *columns, sqlite_where=present, postgresql_where=present)


run = sa.Table(
    "run",
    metadata,
    _column("id", Text, primary_key=True),
    _column("case_id", Text, nullable=True),
    _column("created_at", Moment),
    _column("expected", sa.Integer),
    _column("steps", Json),
    _column("settings", Json),
    _column("fingerprint", Text),
    _column("encryption_key", Text, nullable=True),
    sa.Index("run_created_at", "created_at"),
    sa.Index("run_case_id", "case_id"),
)

document = sa.Table(
    "document",
    metadata,
    _column("id", Text, primary_key=True),
    _of("run", "run_id"),
    _column("number", sa.Integer),
    _column("case_id", Text, nullable=True),
    _column("name", Text),
    _column("url", Text, nullable=True),
    _column("size", sa.BigInteger, nullable=True),
    _column("sha256", Text, nullable=True),
    _column("ready", sa.Boolean),
    _column("media_type", Text, nullable=True),
    _column("engine", Text, nullable=True),
    _column("title", Text, nullable=True),
    _column("note", Text, nullable=True),
    _column("status", Text),
    _column("step", Text),
    _column("next_step", sa.Integer),
    _column("progress", sa.Double),
    _column("kept_progress", sa.Double),
    _column("message", Text),
    _column("error", Text, nullable=True),
    _column("attempt", sa.Integer),
    _column("first_attempt", sa.Integer),
    _column("cancel_requested", sa.Boolean),
    _column("due_at", sa.Double, nullable=True),
    _column("pages", sa.Integer),
    _column("characters", sa.BigInteger),
    _column("chunks", sa.Integer),
    _column("embedder", Text, nullable=True),
    _column("worker", Text, nullable=True),
    _column("created_at", Moment),
    _column("started_at", Moment, nullable=True),
    _column("finished_at", Moment, nullable=True),
    _column("updated_at", Moment),
    _column("parent_id", Text, nullable=True),
    _column("metadata", Json, nullable=True),
    _column("ocr_pages", sa.Integer, nullable=True),
    _column("confidence", sa.Double, nullable=True),
    _column("unpacked_members", sa.Integer, nullable=True),
    _column("unpacked_bytes", sa.BigInteger, nullable=True),
    # The earlier version of the document, which it retires when it is completed.
    _column("replaces", Text, nullable=True),
    # When a newer version took its place, or its file was removed.
    _column("retired_at", Moment, nullable=True),
    # The attempt whose chunks are in the index of words.
    _column("indexed_attempt", sa.Integer, nullable=True),
    sa.Index("document_run_number", "run_id", "number", unique=True),
    # Covers counting a run's documents, and finding when it finished.
    sa.Index("document_run_status", "run_id", "status", "finished_at"),
    sa.Index("document_status", "status"),
    sa.Index("document_case_id", "case_id"),
    sa.Index("document_sha256", "sha256"),
    sa.Index("document_name", "name"),
    sa.Index(
        "document_not_indexed",
        "id",
        sqlite_where=NOT_INDEXED,
        postgresql_where=NOT_INDEXED,
    ),
    _partial_index("document_parent", "parent_id"),
    _partial_index("document_replaces", "replaces"),
    _partial_index("document_retired", "ready", "retired_at"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    _of("document", "document_id", primary_key=True),
    _column("number", sa.Integer, primary_key=True),
    _column("status", Text),
    _column("worker", Text),
    _column("started_at", Moment),
    _column("finished_at", Moment, nullable=True),
    _column("error", Text, nullable=True),
)

step_timing = sa.Table(
    "step_timing",
    metadata,
    _of("document", "document_id", primary_key=True),
    _column("attempt", sa.Integer, primary_key=True),
    _column("position", sa.Integer, primary_key=True),
    _column("step", Text),
    _column("started_at", Moment),
    _column("seconds", sa.Double),
    _column("items", sa.BigInteger),
    _column("unit", Text),
)

page = sa.Table(
    "page",
    metadata,
    _of("document", "document_id", primary_key=True),
    _column("number", sa.Integer, primary_key=True),
    _column("text", Text),
    _column("title", Text, nullable=True),
    _column("markdown", Text, nullable=True),
    _column("confidence", sa.Double, nullable=True),
)

chunk = sa.Table(
    "chunk",
    metadata,
    _of("document", "document_id", primary_key=True),
    _column("number", sa.Integer, primary_key=True),
    _column("start", sa.BigInteger),
    _column("end", sa.BigInteger),
    _column("first_page", sa.Integer),
    _column("last_page", sa.Integer),
    _column("text", Text),
    _column("kind", Text, nullable=True),
    # A JSON array of strings.
    _column("headings", Text, nullable=True),
)

#: The vectors of consecutive chunks, from number `first` on: `count` rows of
#: `dimensions` little-endian float32 numbers. If it is shorter, `data` instead starts
#: with a bitmap, one bit for each number, highest bit first, followed by the numbers
#: whose bits are set; the others are zero.
vectors = sa.Table(
    "vectors",
    metadata,
    _of("document", "document_id", primary_key=True),
    _column("first", sa.Integer, primary_key=True),
    _column("count", sa.Integer),
    _column("dimensions", sa.Integer),
    _column("embedder", Text, nullable=True),
    _column("data", sa.LargeBinary),
    # Whether the table `embedding` of a PostgreSQL with pgvector has them all.
    _column("compared", sa.Boolean, nullable=True),
)

_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

#: The rows of `vectors` that the index beside SQLite contains, in the order in which
#: they were written. Triggers maintain it; numbers are never used again.
vector_part = sa.Table(
    "vector_part",
    metadata,
    _column("id", _Number, primary_key=True, autoincrement=False),
    # Random. It distinguishes a row from that of a restored database.
    _column("token", sa.BigInteger),
    _column("document_id", Text),
    _column("first", sa.Integer),
    _column("count", sa.Integer),
    _column("dimensions", sa.Integer),
    sa.Index("vector_part_document", "document_id", "first", unique=True),
)

#: The embedders that a run's documents had, or have: empty for one without a name.
#: Triggers maintain it, in SQLite alone.
vector_space = sa.Table(
    "vector_space",
    metadata,
    _of("run", "run_id", primary_key=True),
    _column("embedder", Text, primary_key=True),
    _column("dimensions", sa.Integer, primary_key=True),
)

#: Pages that an unfinished extraction has recognised (OCR).
recognised_page = sa.Table(
    "recognised_page",
    metadata,
    _of("document", "document_id", primary_key=True),
    _column("number", sa.Integer, primary_key=True),
    #: The engine and its options.
    _column("recogniser", Text),
    _column("text", Text),
    _column("confidence", sa.Double, nullable=True),
)

#: Documents that have, or may have, something in a sink. They outlive the documents,
#: so there is no foreign key.
sink_document = sa.Table(
    "sink_document",
    metadata,
    _column("document_id", Text, primary_key=True),
    _column("run_id", Text),
    _column("sink", Text),
    _column("folder", Text, nullable=True),
    _column("queue", Text, nullable=True),
    _column("marks", sa.Integer),
    sa.Index("sink_document_run", "run_id"),
    sa.Index("sink_document_marks", "marks"),
)

#: The key that encrypts the secrets of a sink in Redis.
sink_key = sa.Table(
    "sink_key",
    metadata,
    _column("sink", Text, primary_key=True),
    _column("encryption_key", Text),
)

#: Where the words of consecutive chunks are, from number `number` on: those of an
#: attempt at a document. They are in a segment, from place `first` on, or, until they
#: are merged into one, in `data`.
word_document = sa.Table(
    "word_document",
    metadata,
    _of("document", "document_id", primary_key=True),
    _column("number", sa.Integer, primary_key=True),
    _column("count", sa.Integer),
    _column("attempt", sa.Integer),
    _column("segment", sa.BigInteger, nullable=True),
    _column("first", sa.Integer),
    _column("data", sa.LargeBinary, nullable=True),
    sa.Index("word_document_segment", "segment", "first"),
)

#: The words of many documents, which never change. `lengths` has the number of words of
#: each chunk.
word_segment = sa.Table(
    "word_segment",
    metadata,
    _column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    _column("count", sa.Integer),
    _column("tokens", sa.BigInteger),
    _column("buckets", sa.Integer),
    # 1 once all of its blocks are written.
    _column("complete", sa.Integer, nullable=True),
    _column("lengths", sa.LargeBinary),
)

#: The chunks of a segment that have a word: `key` is the word's hash, or, for rare
#: words, the negative number of a bucket of hashes.
word_block = sa.Table(
    "word_block",
    metadata,
    _column("segment", sa.BigInteger, primary_key=True),
    _column("key", sa.BigInteger, primary_key=True),
    _column("data", sa.LargeBinary),
)

#: Folders that are kept in sync. The root has no secrets; the id follows from it and
#: from the case.
source = sa.Table(
    "source",
    metadata,
    _column("id", Text, primary_key=True),
    _column("root", Text),
    _column("case_id", Text, nullable=True),
    #: Of the steps and settings of the last synchronization, and its run.
    _column("fingerprint", Text, nullable=True),
    _column("run_id", Text, nullable=True),
    #: Seconds since the epoch.
    _column("synced_at", sa.Double, nullable=True),
    #: The process that synchronizes the folder, and until when its lock is valid.
    _column("lock_owner", Text, nullable=True),
    _column("locked_until", sa.Double, nullable=True),
    #: How many files it had when the removal of too many was withheld; null if none is.
    _column("withheld_of", sa.Integer, nullable=True),
)

#: The files of these folders, as they were when their newest documents were submitted.
source_file = sa.Table(
    "source_file",
    metadata,
    _of("source", "source_id", primary_key=True),
    #: Below the root, in an encoding that compares by bytes (`sources.path_key`).
    _column("path", Text, primary_key=True),
    _column("size", sa.BigInteger, nullable=True),
    #: Nanoseconds since the epoch.
    _column("mtime", sa.BigInteger, nullable=True),
    #: The ETag of a file that is not local; when the inode of a local one changed.
    _column("etag", Text, nullable=True),
    #: When the columns above were read, in seconds since the epoch.
    _column("seen_at", sa.Double, nullable=True),
    #: The document that was current when the newest one was submitted.
    _column("document_id", Text, nullable=True),
    #: The newest document, until it has taken its place.
    _column("pending_id", Text, nullable=True),
    sa.Index("source_file_document", "document_id"),
    sa.Index("source_file_pending", "pending_id"),
)

additions = sa.Table(
    ADDITIONS_TABLE, metadata, _column("number", sa.Integer, primary_key=True)
)
