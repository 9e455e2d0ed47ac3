"""Which rows of `vectors` a search considers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, and_, or_

from docprogress.store import schema
from docprogress.store.search_filter import SearchFilter

#: The prefix of the embedder's name in rows of an unfinished step. Only the step itself
#: reads them, when it continues.
UNFINISHED_PREFIX = "unfinished "

_document = schema.document.c
_vectors = schema.vectors.c
_part = schema.vector_part.c

#: Joins a row of `vector_part` with its row of `vectors`.
SAME_PART = and_(
    _vectors.document_id == _part.document_id, _vectors.first == _part.first
)

FINISHED = or_(
    _vectors.embedder.is_(None), _vectors.embedder.not_like(f"{UNFINISHED_PREFIX}%")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorQuery:
    """A search for the nearest vectors."""

    vector: NDArray[np.float32]
    #: None for vectors of a user's step that did not name an embedder.
    embedder: str | None
    filter: SearchFilter
    limit: int

    @property
    def dimensions(self) -> int:
        """The length of the vectors that are compared."""
        return len(self.vector)

    def documents(self) -> ColumnElement[bool]:
        """The condition of documents."""
        # Not the embedder of `vectors`: a later step of a user's may have stored them
        # again.
        made_by = _document.embedder.is_not_distinct_from(self.embedder)
        return and_(self.filter.documents(), made_by)

    def rows(self) -> ColumnElement[bool]:
        """The condition of rows of `vectors`, joined with their documents."""
        return and_(self.documents(), _vectors.dimensions == self.dimensions, FINISHED)
