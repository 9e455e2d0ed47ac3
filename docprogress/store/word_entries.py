"""The entries of the word index for each document.

An entry counts only while the document is current and its attempt is the one that was
indexed. So whatever retires, retries or deletes a document needs not know the index.
"""

import json
import operator
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from docprogress.documents import Chunk
from docprogress.store import schema
from docprogress.store.postings import Postings
from docprogress.store.schema import storable
from docprogress.store.search_filter import any_of
from docprogress.store.statements import CompiledStatement
from docprogress.words import count_terms, heading_tokens, kind_terms

#: The maximum number of chunks of an entry.
MOST_CHUNKS = 16_384

_entry = schema.word_document.c
_TEXTS = (
    select(
        schema.chunk.c.number,
        schema.chunk.c.text,
        schema.chunk.c.kind,
        schema.chunk.c.headings,
    )
    .where(schema.chunk.c.document_id == bindparam("document"))
    .order_by(schema.chunk.c.number)
)
_INSERT = CompiledStatement(insert(schema.word_document))
_DELETE = CompiledStatement(
    delete(schema.word_document).where(_entry.document_id == bindparam("document"))
)


class IndexedChunk(NamedTuple):
    """The indexed parts of a chunk."""

    number: int
    text: str
    kind: str | None
    #: Those above it, outermost first.
    headings: tuple[str, ...] = ()


class Entry(NamedTuple):
    """The words of chunks with consecutive numbers."""

    number: int
    chunks: int
    data: bytes


def entries(chunks: Iterable[IndexedChunk]) -> list[Entry]:
    """The entries of a document's chunks, which are sorted by number."""
    found = []
    for part in _consecutive(chunks):
        counts = count_terms([chunk.text for chunk in part], _besides(part))
        data = Postings.of(counts).pack()
        found.append(Entry(part[0].number, len(part), data))
    return found


def given_chunks(chunks: Iterable[Chunk]) -> list[IndexedChunk]:
    """The chunks of a step, as they are stored."""
    given = (
        IndexedChunk(
            operator.index(chunk.number),
            storable(chunk.text),
            chunk.kind,
            tuple(chunk.headings),
        )
        for chunk in chunks
    )
    return sorted(given, key=operator.attrgetter("number"))


def stored_chunks(connection: Connection, document_id: str) -> list[IndexedChunk]:
    """The chunks of a document in the store."""
    rows = connection.execute(_TEXTS, {"document": document_id})
    return [
        IndexedChunk(number, text, kind, tuple(json.loads(headings or "[]")))
        for number, text, kind, headings in rows
    ]


def replace(
    connection: Connection,
    document_id: str,
    attempt: int,
    given: Sequence[Entry],
    *,
    new: bool = False,
) -> None:
    """Replace a document's entries; a `new` document has none."""
    if not new:
        _DELETE.run(connection, {"document": document_id})
    for entry in given:
        _INSERT.run(
            connection,
            {
                "document_id": document_id,
                "number": entry.number,
                "count": entry.chunks,
                "attempt": attempt,
                "segment": None,
                "first": 0,
                "data": entry.data,
            },
        )


def remove(connection: Connection, document_ids: Sequence[str]) -> None:
    """Remove the entries of documents that searches no longer see."""
    connection.execute(
        delete(schema.word_document).where(any_of(_entry.document_id, document_ids))
    )


def _besides(chunks: Sequence[IndexedChunk]) -> list[tuple[str, ...]]:
    """The terms of chunks in addition to their texts: kinds and headings."""
    tokens = {headings: heading_tokens(headings) for _, _, _, headings in chunks}
    return [kind_terms(chunk.kind) + tokens[chunk.headings] for chunk in chunks]


def _consecutive(chunks: Iterable[IndexedChunk]) -> Iterable[list[IndexedChunk]]:
    part: list[IndexedChunk] = []
    for chunk in chunks:
        if part and (chunk.number != part[-1].number + 1 or len(part) >= MOST_CHUNKS):
            yield part
            part = []
        part.append(chunk)
    if part:
        yield part
