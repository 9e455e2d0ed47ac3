"""Flat records of documents, pages and chunks: the rows of every export."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from docprogress.documents import Chunk, Page

if TYPE_CHECKING:
    import pyarrow as pa

What = Literal["chunks", "pages", "documents"]
Record = dict[str, Any]

#: The columns of each kind of record, with their Arrow types.
COLUMNS: Mapping[What, Mapping[str, str]] = {
    "chunks": {
        "document_id": "string",
        "document": "string",
        "number": "int32",
        "text": "string",
        "start": "int64",
        "end": "int64",
        "first_page": "int32",
        "last_page": "int32",
        "headings": "list<string>",
        "kind": "string",
        "vector": "list<float>",
    },
    "pages": {
        "document_id": "string",
        "document": "string",
        "number": "int32",
        "title": "string",
        "text": "string",
        "markdown": "string",
        "confidence": "double",
    },
    "documents": {
        "document_id": "string",
        "document": "string",
        "status": "string",
        "error": "string",
        "media_type": "string",
        "title": "string",
        "pages": "int32",
        "chunks": "int32",
        "characters": "int64",
        "size": "int64",
        "sha256": "string",
        "engine": "string",
        "ocr_pages": "int32",
        "confidence": "double",
        "parent_id": "string",
        "metadata": "string",
        "finished_at": "timestamp",
    },
}


def of_chunk(chunk: Chunk, name: str) -> Record:
    """The record of a chunk of the document with this name."""
    return {
        "document_id": chunk.document_id,
        "document": name,
        "number": chunk.number,
        "text": chunk.text,
        "start": chunk.start,
        "end": chunk.end,
        "first_page": chunk.first_page,
        "last_page": chunk.last_page,
        "headings": list(chunk.headings),
        "kind": chunk.kind,
        "vector": chunk.vector,
    }


def of_page(page: Page, name: str) -> Record:
    """The record of a page of the document with this name."""
    return {
        "document_id": page.document_id,
        "document": name,
        "number": page.number,
        "title": page.title,
        "text": page.text,
        "markdown": page.markdown,
        "confidence": page.confidence,
    }


def of_document(row: Any) -> Record:
    """The record of a document, from its row in the store."""
    record = {name: getattr(row, name, None) for name in COLUMNS["documents"]}
    record |= {"document_id": row.id, "document": row.name, "status": str(row.status)}
    metadata = row.metadata or {}
    record["metadata"] = json.dumps(metadata, ensure_ascii=False) if metadata else None
    return record


def schema(what: What) -> "pa.Schema":
    """The Arrow schema of a kind of record."""
    import pyarrow as pa

    types: dict[str, Callable[[], Any]] = {
        "string": pa.string,
        "int32": pa.int32,
        "int64": pa.int64,
        "double": pa.float64,
        "list<string>": lambda: pa.list_(pa.string()),
        "list<float>": lambda: pa.list_(pa.float32()),
        "timestamp": lambda: pa.timestamp("us", tz="UTC"),
    }
    columns = COLUMNS[what].items()
    return pa.schema([(name, types[kind]()) for name, kind in columns])


def table(what: What, records: list[Record]) -> "pa.Table":
    """The records as an Arrow table."""
    import pyarrow as pa

    fields = schema(what)
    columns = [
        _column([record[field.name] for record in records], field.type)
        for field in fields
    ]
    return pa.Table.from_arrays(columns, schema=fields)


def _column(values: list[Any], kind: Any) -> Any:
    """An array; vectors of one length are copied as a whole, not number by number."""
    import numpy as np
    import pyarrow as pa

    if kind != pa.list_(pa.float32()) or any(value is None for value in values):
        return pa.array(values, kind)
    offsets = np.cumsum([0, *map(len, values)], dtype=np.int32)
    flat = np.concatenate(values) if values else np.empty(0, np.float32)
    return pa.ListArray.from_arrays(offsets, pa.array(flat, pa.float32()))


def as_json(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, default=_plain)


def as_text(record: Record) -> dict[str, Any]:
    """A record for a CSV file: lists as JSON."""
    return {
        name: json.dumps(value, ensure_ascii=False, default=_plain)
        if isinstance(value, list) or hasattr(value, "tolist")
        else value
        for name, value in record.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.tolist()
