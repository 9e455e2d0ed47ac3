"""The rows of chunks: what every built-in sink stores, under the same names."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from docprogress.documents import Chunk
from docprogress.errors import SinkError
from docprogress.sinks.protocol import SinkDocument
from docprogress.store.schema import storable


def row(document: SinkDocument, chunk: Chunk) -> dict[str, Any]:
    """A chunk with the facts about its document, without the vector."""
    return {
        "id": f"{document.id}:{chunk.number}",
        "document_id": document.id,
        "number": int(chunk.number),
        "name": storable(document.name),
        "run_id": document.run_id,
        "case_id": document.case_id,
        "text": storable(chunk.text),
        "start": int(chunk.start),
        "end": int(chunk.end),
        "first_page": int(chunk.first_page),
        "last_page": int(chunk.last_page),
        "headings": [storable(each) for each in chunk.headings],
        "kind": chunk.kind,
        "media_type": document.media_type,
        "title": document.title and storable(document.title),
        "embedder": document.embedder,
        "parent_id": document.parent_id,
        "attempt": document.attempt,
        "metadata": json.dumps(json_value(document.metadata), ensure_ascii=False),
    }


def json_value(value: Any) -> Any:
    """A JSON value without what some stores reject: NUL, surrogates, NaN."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): json_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def vectors(chunks: Sequence[Chunk]) -> "np.ndarray[Any, np.dtype[np.float32]]":
    """The chunks' vectors, one a row.

    Raises:
        SinkError: A chunk has none, or they have different lengths.
    """
    found = [chunk.vector for chunk in chunks]
    missing = [chunk.number for chunk in chunks if chunk.vector is None]
    if missing:
        raise SinkError(f"chunk {missing[0]} has no vector, which sinks need")
    lengths = {len(vector) for vector in found if vector is not None}
    if len(lengths) > 1:
        raise SinkError(f"vectors have different lengths: {sorted(lengths)}")
    return np.asarray(found, dtype=np.float32)


def wrong_length(what: str, *, stored: int, made: int) -> SinkError:
    """The error for vectors whose length differs from that of the stored ones."""
    return SinkError(
        f"{what} has vectors of {stored} dimensions, but the embedder makes {made}: "
        "use another table or collection for this embedder"
    )
