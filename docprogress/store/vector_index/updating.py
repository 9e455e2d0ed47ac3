"""Brings the index beside a SQLite database up to date with it.

Whoever searches does it first, if enough vectors have been added; the few that were
not are compared exactly. One process writes at a time.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection

from docprogress.store.engine import Database
from docprogress.store.packing import FLOAT, unpack
from docprogress.store.vector_index import feed
from docprogress.store.vector_index.folder import Folder, SpaceState, State
from docprogress.store.vector_index.space import Added, DamagedError, append, part_table

log = logging.getLogger(__name__)

#: The maximum number of vectors that wait to be added, and are compared exactly in the
#: meantime.
MOST_WAITING = 4096
#: Bytes of vectors that are added at a time.
BATCH_BYTES = 32 * 1024 * 1024
#: Seconds without an attempt to write after one that failed.
PAUSE_SECONDS = 60.0
#: An index is rebuilt when this share of its parts is no longer in the database.
_MOST_GONE = 0.5
_FEWEST_GONE = 1000
#: The code of all other kinds.
OTHER_KIND = 255


class Updater:
    """Adds new vectors to the index of a database."""

    def __init__(self, database: Database, folder: Folder) -> None:
        self._database = database
        self._folder = folder
        self._paused_until = 0.0

    def state(self) -> State | None:
        """The published state, after it was brought up to date; None if there is none.

        It is not, if another process is doing it, or the disk cannot be written.
        """
        state = self._folder.read()
        if time.monotonic() < self._paused_until:
            return state
        try:
            with self._database.snapshot() as connection:
                due = self._due(connection, state)
            if due:
                return self._update()
        except (OSError, DamagedError) as error:
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            log.warning(
                "searches are slower because the index %s cannot be written: %s",
                self._folder.path,
                error,
            )
            return self._folder.read()
        return state

    def usable(self, connection: Connection, state: State) -> bool:
        """Whether the index is one of this database, in its present state.

        A database that was restored has other rows with the same numbers. Their tokens
        differ.
        """
        newest = feed.newest_up_to(connection, state.last)
        if newest is None or newest == (state.last, state.token):
            return True
        for position, space in enumerate(state.spaces):
            parts = part_table(self._folder.space(state, position), space.parts)
            at = int(np.searchsorted(parts["id"], newest[0]))
            if at < len(parts) and parts["id"][at] == newest[0]:
                return bool(parts["token"][at] == newest[1])
        return False

    def _due(self, connection: Connection, state: State | None) -> bool:
        last = state.last if state and self._sound(connection, state) else 0
        return feed.waiting(connection, last) > MOST_WAITING

    def _sound(self, connection: Connection, state: State) -> bool:
        """Whether the index can be added to, rather than made again."""
        try:
            if not self.usable(connection, state):
                return False
            for position in range(len(state.spaces)):
                self._folder.open(state, position)
        except DamagedError:
            return False
        gone = state.parts - feed.count(connection)
        return gone < max(_FEWEST_GONE, _MOST_GONE * state.parts)

    def _update(self) -> State | None:
        with self._folder.locked() as mine:
            state = self._folder.read()
            if not mine:
                return state
            with self._database.snapshot() as connection:
                sound = state is not None and self._sound(connection, state)
            if state is None or not sound:
                state = self._folder.begin()
            while added := self._next(state):
                state = added
            return state

    def _next(self, state: State) -> State | None:
        """Add some more vectors, and publish them; None if there are no more."""
        with self._database.snapshot() as connection:
            rows = list(_some(feed.after(connection, state.last)))
            if not rows:
                return None
            kinds = feed.kinds(connection, {row.document_id for row in rows})
        known = list(state.kinds)
        spaces = list(state.spaces)
        by_space: defaultdict[tuple[str | None, int], list[Added]] = defaultdict(list)
        for row in rows:
            codes = _codes(row, kinds.get(row.document_id, {}), known)
            vectors = unpack(row.count, row.dimensions, row.data)
            by_space[row.embedder, row.dimensions].append(
                Added(row.id, row.token, row.first, vectors, codes)
            )
        for (embedder, dimensions), added in by_space.items():
            position = state.position_of(embedder, dimensions)
            if position is None:
                position = len(spaces)
                spaces.append(
                    SpaceState(
                        embedder=embedder, dimensions=dimensions, rows=0, parts=0
                    )
                )
            before = spaces[position]
            append(
                self._folder.space(state, position),
                dimensions,
                added,
                rows=before.rows,
                parts=before.parts,
            )
            spaces[position] = SpaceState(
                embedder=embedder,
                dimensions=dimensions,
                rows=before.rows + sum(len(each.vectors) for each in added),
                parts=before.parts + len(added),
            )
        published = State(
            version=state.version,
            generation=state.generation,
            last=rows[-1].id,
            token=rows[-1].token,
            spaces=tuple(spaces),
            kinds=tuple(known),
        )
        self._folder.publish(published)
        return published


def _some(rows: Iterator[Any]) -> Iterator[Any]:
    """As many rows as are added at a time."""
    size = 0
    for row in rows:
        yield row
        size += row.count * row.dimensions * FLOAT.itemsize
        if size >= BATCH_BYTES:
            return


def _codes(row: Any, kinds: dict[int, str], known: list[str]) -> Any:
    """The codes of the kinds of a row's chunks; new kinds are added to `known`."""
    codes = np.zeros(row.count, np.uint8)
    for number, kind in kinds.items():
        place = number - row.first
        if 0 <= place < row.count:
            if kind not in known and len(known) < OTHER_KIND:
                known.append(kind)
            codes[place] = known.index(kind) if kind in known else OTHER_KIND
    return codes
