"""Which embedders made the vectors of documents."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from docprogress.store import schema
from docprogress.store.search_filter import SearchFilter, any_of
from docprogress.store.vector_index.selection import FINISHED

#: The embedder whose vectors count words. The index of words finds what they find, and
#: weights the words.
HASHING = "hashing"

_document = schema.document.c
_run = schema.run.c
_space = schema.vector_space.c
_vectors = schema.vectors.c


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderInUse:
    """An embedder that made vectors of some documents."""

    #: None if a step of a user's made them, without saying how.
    name: str | None
    dimensions: int
    #: The settings of the newest of its runs. A query's vector is made with them.
    settings: dict[str, Any]

    @property
    def words_only(self) -> bool:
        """Whether its vectors know words alone, which the index of words covers."""
        return self.name == HASHING


def in_use_by_runs(connection: Connection, wanted: SearchFilter) -> list[EmbedderInUse]:
    """The same, quickly, where triggers maintain `vector_space`."""
    used = (
        select(_document.id)
        .where(
            _document.run_id == _space.run_id,
            func.coalesce(_document.embedder, "") == _space.embedder,
            wanted.documents(),
        )
        .correlate(schema.vector_space)
        .exists()
    )
    query = (
        select(_space.embedder, _space.dimensions, _space.run_id)
        .join(schema.run, _run.id == _space.run_id)
        .where(used)
        .order_by(_run.created_at)
    )
    newest = {
        (name or None, dimensions): run_id
        for name, dimensions, run_id in connection.execute(query)
    }
    runs = select(_run.id, _run.settings).where(any_of(_run.id, newest.values()))
    settings = {row.id: row.settings for row in connection.execute(runs)}
    return _in_order({key: settings[run_id] for key, run_id in newest.items()})


def in_use(connection: Connection, wanted: SearchFilter) -> list[EmbedderInUse]:
    """The embedders of the documents that the filter admits, in a stable order."""
    uses = (
        select(_document.embedder, _vectors.dimensions, _document.run_id)
        .join_from(schema.document, schema.vectors)
        .where(wanted.documents(), FINISHED)
        .distinct()
        .subquery()
    )
    query = (
        select(uses.c.embedder, uses.c.dimensions, _run.settings)
        .join(schema.run, _run.id == uses.c.run_id)
        .order_by(_run.created_at)
    )
    newest = {
        (name, dimensions): settings
        for name, dimensions, settings in connection.execute(query)
    }
    return _in_order(newest)


def _in_order(
    newest: dict[tuple[str | None, int], dict[str, Any]],
) -> list[EmbedderInUse]:
    return [
        EmbedderInUse(name=key[0], dimensions=key[1], settings=newest[key])
        for key in sorted(newest, key=lambda key: (key[0] or "", key[1]))
    ]
