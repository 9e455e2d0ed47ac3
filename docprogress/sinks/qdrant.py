"""Qdrant: a collection of a server, or of a folder that one process at a time opens.

A chunk's point has an id that follows from the document and the number, so it cannot be
there twice. Points of earlier attempts are deleted after the new ones are written.

Qdrant has no transactions. The points of a document that replaces another one and the
deletion of the other's go into one request, which the server carries out in this order:
for a moment, a search may find both. Of a document whose points are more than
`REQUEST_BYTES`, it may find a part before that. It never finds neither.
"""

import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import unquote

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from docprogress.documents import Chunk
from docprogress.errors import ServiceUnavailable, SinkError
from docprogress.settings import redacted
from docprogress.sinks.location import DEFAULT_TABLE, SinkLocation
from docprogress.sinks.protocol import SinkDocument
from docprogress.sinks.rows import json_value, row, vectors, wrong_length

#: Points in one request, and documents that are deleted in one.
BATCH = 64
DELETED_TOGETHER = 500

#: The maximum number of bytes, about, of the request that replaces a document; a server
#: accepts 32 MB. A number and a character take at most about so many, and what else a
#: point has.
REQUEST_BYTES = 16_000_000
NUMBER_BYTES = 12
CHARACTER_BYTES = 4
PAYLOAD_BYTES = 3_000

#: Seconds for a response, and for another process that has the folder open.
RESPONSE_SECONDS = 20
LOCK_SECONDS = 5.0
LOCK_TICK = 0.02

#: The namespace of points' ids.
_NAMESPACE = uuid.UUID("5b0a4ea6-0a0f-4d0e-9a4f-4f7a2a1f6a55")

#: Fields by which points are found quickly.
_INDEXED = ("document_id", "run_id", "case_id")

#: Transient HTTP statuses, and those of a missing or existing collection.
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
_GONE = 404
_CONFLICT = 409


def open_sink(location: SinkLocation) -> "QdrantSink":
    """The sink on a server, or in a folder."""
    options, parts = location.options, location.parts
    if location.scheme == "qdrant":
        collection = options.get("collection", DEFAULT_TABLE)
        return QdrantSink({"path": location.path}, collection)
    prefix, _, collection = unquote(parts.path).strip("/").rpartition("/")
    scheme = location.scheme.partition("+")[2]
    key = options.get("api_key") or (parts.password and unquote(parts.password))
    place = {
        "url": f"{scheme}://{parts.hostname}:{parts.port or 6333}",
        "prefix": prefix or None,
        "api_key": key or None,
        "timeout": RESPONSE_SECONDS,
        # Asks the server, which may be unavailable.
        "check_compatibility": False,
    }
    return QdrantSink(place, collection or DEFAULT_TABLE)


class QdrantSink:
    """One collection.

    Args:
        place: What its client is made with.
        collection: Its name.
    """

    replaces_documents = True

    def __init__(self, place: dict[str, Any], collection: str) -> None:
        self._place = place
        self._collection = collection
        self._client: QdrantClient | None = None
        # The name of its vectors, once it is known; None if they have none.
        self._vector: list[str | None] = []
        self._dimensions = 0

    def check(self) -> str:
        """Describe the collection.

        Raises:
            ServiceUnavailable: The server cannot be reached.
            SinkError: It refuses.
        """
        with self._opened() as client:
            there = "its collection is made when it is needed"
            if client.collection_exists(self._collection):
                there = f"{client.count(self._collection).count:,} chunks"
        return f"Qdrant, {self._collection}: {there}"

    def upsert(self, document: SinkDocument, chunks: Sequence[Chunk]) -> Iterator[int]:
        """Replace a document's points, a batch a request.

        The last request of a document that replaces others has as many points as
        possible, and deletes the others'. The last number is given before it.
        """
        made = vectors(chunks) if chunks else None
        first = len(chunks)
        with self._opened() as client:
            if made is not None:
                self._prepare(client, made.shape[1], creates=document.creates)
                if document.replaces:
                    first = _first_of_last_request(chunks, made.shape[1])
            points = partial(self._points, document, chunks, made)
            for start in range(0, first, BATCH):
                end = min(start + BATCH, first)
                client.upsert(self._collection, points(start, end), wait=True)
                yield end
            if document.replaces:
                yield len(chunks)
            self._finish(client, document, points(first, len(chunks)))

    def _finish(
        self,
        client: QdrantClient,
        document: SinkDocument,
        points: list[models.PointStruct],
    ) -> None:
        """Write the last points, and delete those of earlier attempts and versions."""
        operations: list[Any] = []
        if points:
            listed = models.PointsList(points=points)
            operations.append(models.UpsertOperation(upsert=listed))
        if not document.new:
            others = models.Filter(
                must=[_of([document.id])],
                must_not=[
                    models.FieldCondition(
                        key="attempt",
                        match=models.MatchValue(value=document.attempt),
                    )
                ],
            )
            operations.append(_deletion(others))
        if document.replaces:
            replaced = models.Filter(must=[_of(list(document.replaces))])
            operations.append(_deletion(replaced))
        if operations and client.collection_exists(self._collection):
            client.batch_update_points(self._collection, operations, wait=True)

    def delete(self, document_ids: Sequence[str]) -> None:
        """Delete the points of documents."""
        with self._opened() as client:
            if not client.collection_exists(self._collection):
                return
            for start in range(0, len(document_ids), DELETED_TOGETHER):
                some = list(document_ids[start : start + DELETED_TOGETHER])
                chosen = models.FilterSelector(filter=models.Filter(must=[_of(some)]))
                client.delete(self._collection, chosen, wait=True)

    def _points(
        self,
        document: SinkDocument,
        chunks: Sequence[Chunk],
        made: Any,
        start: int,
        end: int,
    ) -> list[models.PointStruct]:
        metadata = json_value(document.metadata)
        points = []
        for index in range(start, end):
            values = row(document, chunks[index]) | {"metadata": metadata}
            del values["id"]
            name = self._vector[0]
            numbers = made[index].tolist()
            point = models.PointStruct(
                id=_id(document.id, chunks[index].number),
                vector=numbers if name is None else {name: numbers},
                payload=values,
            )
            points.append(point)
        return points

    def _prepare(self, client: QdrantClient, dimensions: int, *, creates: bool) -> None:
        """Find the collection, or make it."""
        if not self._vector:
            if not client.collection_exists(self._collection):
                if not creates:
                    raise _away(f"collection {self._collection!r} is missing")
                self._create(client, dimensions)
            found = client.get_collection(self._collection).config.params.vectors
            if isinstance(found, dict):
                if len(found) != 1:
                    raise SinkError(
                        f"collection {self._collection!r} has {len(found)} kinds of "
                        "vectors: use one that has one"
                    )
                [(name, parameters)] = found.items()
            elif found is None:
                raise SinkError(f"collection {self._collection!r} has no vectors")
            else:
                name, parameters = None, found
            self._vector, self._dimensions = [name], parameters.size
        if self._dimensions != dimensions:
            what = f"collection {self._collection!r}"
            raise wrong_length(what, stored=self._dimensions, made=dimensions)

    def _create(self, client: QdrantClient, dimensions: int) -> None:
        config = models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
        try:
            client.create_collection(self._collection, vectors_config=config)
        except UnexpectedResponse as error:
            # Another worker may have made it.
            if error.status_code != _CONFLICT and not client.collection_exists(
                self._collection
            ):
                raise
        if "path" in self._place:
            return
        for name in _INDEXED:
            client.create_payload_index(
                self._collection, name, models.PayloadSchemaType.KEYWORD
            )

    @contextmanager
    def _opened(self) -> Iterator[QdrantClient]:
        """The client; of a folder, only as long as this block lasts."""
        try:
            if "path" not in self._place:
                if self._client is None:
                    with warnings.catch_warnings():
                        # A key that is sent without encryption is the user's choice.
                        warnings.simplefilter("ignore", UserWarning)
                        self._client = QdrantClient(**self._place)
                yield self._client
                return
            client = self._open_folder()
            self._vector = []
            try:
                yield client
            finally:
                client.close()
        except (ApiException, OSError) as error:
            # It may have been made again in the meantime.
            self._vector = []
            raise _translated(error) from error

    def _open_folder(self) -> QdrantClient:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            with suppress(RuntimeError):
                return QdrantClient(**self._place)
            if time.monotonic() >= deadline:
                raise _away("another process has its folder open")
            time.sleep(LOCK_TICK)


def _translated(error: ApiException | OSError) -> Exception:
    if isinstance(error, UnexpectedResponse):
        reason = f"HTTP {error.status_code} {error.reason_phrase}".strip()
        with suppress(ValueError, KeyError, TypeError):
            reason = str(error.structured()["status"]["error"])
        reason = redacted(reason)
        if error.status_code in _TRANSIENT or error.status_code == _GONE:
            return _away(reason)
        return SinkError(f"Qdrant rejected the chunks: {reason}")
    cause = error.source if isinstance(error, ResponseHandlingException) else error
    return _away(redacted(str(cause)) or type(cause).__name__)


def _away(reason: str) -> ServiceUnavailable:
    message = f"Qdrant cannot be used: {reason}"
    return ServiceUnavailable(message, service="Qdrant", reason=reason)


def _first_of_last_request(chunks: Sequence[Chunk], dimensions: int) -> int:
    """How many chunks go into requests before the one that replaces a document."""
    left = REQUEST_BYTES
    for place in range(len(chunks), 0, -1):
        characters = CHARACTER_BYTES * len(chunks[place - 1].text)
        left -= NUMBER_BYTES * dimensions + characters + PAYLOAD_BYTES
        if left < 0:
            return place
    return 0


def _deletion(filter_: models.Filter) -> models.DeleteOperation:
    return models.DeleteOperation(delete=models.FilterSelector(filter=filter_))


def _of(document_ids: list[str]) -> models.FieldCondition:
    match = models.MatchAny(any=document_ids)
    return models.FieldCondition(key="document_id", match=match)


def _id(document_id: str, number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{document_id}:{number}"))
