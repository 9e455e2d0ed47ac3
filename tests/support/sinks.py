"""Vector stores of the tests' own: what is in them, and how to take them away."""

import contextlib
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import psycopg
from support.patience import patient
from support.postgres import Postgres
from support.services import eventually, free_port

from docprogress.documents import Chunk
from docprogress.sinks import SinkDocument

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Row = tuple[str, int, str]

#: Documents of so many chunks are written in several parts, into whatever store.
LARGE = {"chunk_characters": 50, "chunk_overlap": 0}


def large_documents(count: int, chunks: int) -> list[tuple[str, bytes]]:
    """Documents of about so many chunks, with `LARGE` settings."""
    return [
        (
            f"large-{n}.txt",
            "".join(f"{n:03} {k:07} {'x' * 30}\n\n" for k in range(chunks)).encode(),
        )
        for n in range(count)
    ]


def chunks_of(*runs: object) -> list[Row]:
    """What a sink must have of runs: the chunks of their completed documents."""
    return sorted(
        (chunk.document_id, chunk.number, chunk.text)
        for run in runs
        for chunk in run.chunks()
    )


class PlainSink:
    """A sink of the user's own that knows nothing of versions, in memory."""

    rows: ClassVar[dict[str, list[str]]] = {}
    calls: ClassVar[list[tuple[object, ...]]] = []
    #: What is done after a document is written.
    after: ClassVar[list[Callable[[], object]]] = []

    def upsert(self, document: SinkDocument, chunks: Sequence[Chunk]) -> None:
        self.calls.append(("upsert", document.id, document.replaces))
        self.rows[document.id] = [chunk.text for chunk in chunks]
        for do in self.after:
            do()

    def delete(self, document_ids: Sequence[str]) -> None:
        self.calls.append(("delete", *document_ids))
        for document_id in document_ids:
            self.rows.pop(document_id, None)


class VectorStore(Protocol):
    """What tests need of a vector store."""

    #: What the setting `sink` names it.
    sink: str
    #: The chunks of a document that takes a moment to store.
    large: int

    def rows(self) -> list[Row]:
        """The document, number and text of all that is in it."""

    def away(self) -> contextlib.AbstractContextManager[None]:
        """Within this block it cannot be reached."""


class LanceFolder:
    """A LanceDB folder."""

    large = 4_000

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "vectors"
        self.sink = f"lancedb://{self.folder}?table=chunks"

    def rows(self) -> list[Row]:
        if not (self.folder / "chunks.lance").exists():
            return []
        import lancedb

        table = lancedb.connect(self.folder).open_table("chunks")
        names = ["document_id", "number", "text"]
        found = table.search().select(names).limit(10_000_000).to_arrow()
        columns = [found[name].to_pylist() for name in names]
        return sorted(zip(*columns, strict=True))

    def away(self) -> contextlib.AbstractContextManager[None]:
        return _renamed(self.folder)


class PgTable:
    """A table in a schema of the user's."""

    large = 1_500

    def __init__(self, server: Postgres, url: str) -> None:
        self.server = server
        self.url = url
        place = url.replace("postgresql+psycopg://", "pgvector://")
        self.sink = f"{place}&table=mine.chunks"

    def rows(self) -> list[Row]:
        with contextlib.suppress(psycopg.errors.UndefinedTable):
            query = "SELECT document_id, number, text FROM mine.chunks"
            return sorted(self.server.execute(query, url=self.url))
        return []

    def away(self) -> contextlib.AbstractContextManager[None]:
        return self.server.away()


class QdrantFolder:
    """A folder of Qdrant's local mode, which one process at a time can open."""

    large = 300

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "points"
        self.sink = f"qdrant://{self.folder}?collection=chunks"

    def rows(self) -> list[Row]:
        if not self.folder.exists():
            return []
        client = eventually(self._client, what="no worker has the folder open")
        with contextlib.closing(client):
            return _points(client)

    def away(self) -> contextlib.AbstractContextManager[None]:
        return _renamed(self.folder)

    def _client(self) -> "QdrantClient | None":
        from qdrant_client import QdrantClient

        with warnings.catch_warnings():
            # The client leaves the lock's file open where it is refused.
            warnings.simplefilter("ignore", ResourceWarning)
            with contextlib.suppress(RuntimeError):
                return QdrantClient(path=str(self.folder))
        return None


class QdrantServer:
    """A server whose interface and client are Qdrant's; see `support.qdrant`."""

    large = 300

    def __init__(self, folder: Path, *, key: str | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.sink = f"qdrant+http://127.0.0.1:{self.port}/chunks"
        self._key = key
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        command = [
            str(self.port),
            str(self.folder),
            *([self._key] if self._key else []),
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.qdrant", *command],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(self._answers, what="Qdrant answers")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(patient(10))

    def client(self) -> "QdrantClient":
        from qdrant_client import QdrantClient

        url = f"http://127.0.0.1:{self.port}"
        with warnings.catch_warnings():
            # The key is not encrypted.
            warnings.simplefilter("ignore", UserWarning)
            return QdrantClient(url=url, api_key=self._key, check_compatibility=False)

    def rows(self) -> list[Row]:
        return _points(self.client())

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def _answers(self) -> bool:
        from qdrant_client.http.exceptions import ApiException

        with contextlib.suppress(ApiException):
            self.client().collection_exists("chunks")
            return True
        return False


def _points(client: "QdrantClient") -> list[Row]:
    if not client.collection_exists("chunks"):
        return []
    found, _ = client.scroll("chunks", limit=10_000_000)
    payloads = [point.payload or {} for point in found]
    return sorted((p["document_id"], p["number"], p["text"]) for p in payloads)


@contextlib.contextmanager
def _renamed(folder: Path) -> Iterator[None]:
    aside = folder.with_name("aside")
    folder.rename(aside)
    try:
        yield
    finally:
        aside.rename(folder)
