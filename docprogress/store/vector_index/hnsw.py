"""The HNSW indexes of the table `embedding`, one for each length of vectors.

They are made in the background, without blocking writers, once there are many vectors.
"""

import logging
import threading
import time

import sqlalchemy as sa
from sqlalchemy import Connection, text

from docprogress.store.engine import Database

log = logging.getLogger(__name__)

#: Vectors of one length from which on an index is made.
MIN_VECTORS = 50_000
#: The maximum number of dimensions that an index takes.
MAX_DIMENSIONS = 4000
#: Seconds between two looks whether one is missing.
LOOK_SECONDS = 60.0
#: The advisory lock for making one: "docphnsw" as a number.
_LOCK = 0x646F6370686E7377

_READY = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
_COUNT = text(
    "SELECT count(*) FROM (SELECT 1 FROM embedding"
    " WHERE vector_dims(vector) = :dimensions LIMIT :most) AS found"
)


class HnswIndexes:
    """The indexes of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked: dict[int, float] = {}
        self._making = threading.Lock()

    def ready(self, connection: Connection, dimensions: int) -> bool:
        """Whether there is an index; if one is missing, it is made in the meantime."""
        name = {"name": _name(dimensions)}
        if connection.execute(_READY, name).scalar():
            return True
        if dimensions <= MAX_DIMENSIONS and self._due(connection, dimensions):
            thread = threading.Thread(
                target=self.make, args=(dimensions,), daemon=True, name="hnsw"
            )
            thread.start()
        return False

    def make(self, dimensions: int) -> None:
        """Make the index, unless another process or thread is making one."""
        if not self._making.acquire(blocking=False):
            return
        try:
            # Not as a transaction of this package: forks would wait for its end.
            engine = self._database.engine.execution_options(
                isolation_level="AUTOCOMMIT"
            )
            with engine.connect() as connection:
                _make(connection, dimensions)
                # It has settings of its own.
                connection.invalidate()
        except sa.exc.SQLAlchemyError as error:
            message = "search is slower, since the index %s cannot be made: %s"
            log.warning(message, _name(dimensions), error)
        finally:
            self._making.release()

    def _due(self, connection: Connection, dimensions: int) -> bool:
        moment = time.monotonic()
        if moment - self._looked.get(dimensions, -LOOK_SECONDS) < LOOK_SECONDS:
            return False
        self._looked[dimensions] = moment
        values = {"dimensions": dimensions, "most": MIN_VECTORS}
        found: int = connection.execute(_COUNT, values).scalar_one()
        return found >= MIN_VECTORS


def expression(dimensions: int) -> str:
    """What is indexed: numbers of 16 bits, which normalized vectors cannot exceed."""
    return f"(l2_normalize(vector)::halfvec({dimensions:d}))"


def _make(connection: Connection, dimensions: int) -> None:
    if not connection.execute(text(f"SELECT pg_try_advisory_lock({_LOCK:d})")).scalar():
        return
    connection.execute(text("SET lock_timeout = 0"))
    name = _name(dimensions)
    valid = connection.execute(_READY, {"name": name}).scalar()
    if valid is False:
        # Whoever made it was interrupted.
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
    if not valid:
        connection.execute(
            text(
                f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON embedding"
                f" USING hnsw ({expression(dimensions)} halfvec_cosine_ops)"
                f" WHERE vector_dims(vector) = {dimensions:d}"
            )
        )
        # Without statistics of what is indexed, the planner may not use it.
        connection.execute(text("ANALYZE embedding"))


def _name(dimensions: int) -> str:
    return f"embedding_hnsw_{dimensions:d}"
