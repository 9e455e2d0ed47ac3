"""Flat records of documents, pages, tables and chunks: the rows of every export."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from docprogress.documents import Chunk, Page, Table

What = Literal["chunks", "pages", "documents", "tables"]
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
        "vector": "vector",
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
    "tables": {
        "document_id": "string",
        "document": "string",
        "number": "int32",
        "page": "int32",
        "title": "string",
        "rows": "list<list<string>>",
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


def of_table(table: Table, name: str) -> Record:
    """The record of a table of the document with this name."""
    return {
        "document_id": table.document_id,
        "document": name,
        "number": table.number,
        "page": table.page,
        "title": table.title,
        "rows": [list(row) for row in table.rows],
    }


def of_document(row: Any) -> Record:
    """The record of a document, from its row in the store."""
    record = {name: getattr(row, name, None) for name in COLUMNS["documents"]}
    record |= {"document_id": row.id, "document": row.name, "status": str(row.status)}
    metadata = row.metadata or {}
    record["metadata"] = json.dumps(metadata, ensure_ascii=False) if metadata else None
    return record
