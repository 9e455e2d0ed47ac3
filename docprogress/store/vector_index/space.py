"""The files of one embedder's vectors, to which rows are only ever added.

A reader sees the rows that the published state counts, whatever is being written
behind them. A writer that was killed leaves bytes that the next one overwrites.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from docprogress.store.vector_index import codes

#: A row of `vectors`: its number and token, the first of its rows here, how many they
#: are, and the number of its first chunk.
PART = np.dtype(
    [
        ("id", "<i8"),
        ("token", "<i8"),
        ("start", "<i8"),
        ("count", "<i4"),
        ("first", "<i4"),
    ]
)


class DamagedError(Exception):
    """Raised when files are missing, or shorter than in the published state."""


class Added(NamedTuple):
    """A row of `vectors` that is added."""

    id: int
    token: int
    #: The number of its first chunk.
    first: int
    vectors: NDArray[np.float32]
    #: The code of each chunk's kind.
    kinds: NDArray[np.uint8]


class Space:
    """The rows of one embedder, mapped into memory as far as they are published."""

    def __init__(self, folder: Path, dimensions: int, *, rows: int, parts: int) -> None:
        self.rows = rows
        self.dimensions = dimensions
        blocks = -(-rows // codes.BLOCK)
        words = codes.words_of(dimensions)
        self.mean = _mapped(folder / "mean", np.float32, (dimensions,))
        self._signs = _mapped(folder / "signs", np.uint64, (blocks, words, codes.BLOCK))
        self._integers = _mapped(folder / "integers", np.int8, (rows, dimensions))
        self._scales = _mapped(folder / "scales", np.float32, (rows,))
        self.kinds = _mapped(folder / "kinds", np.uint8, (rows,))
        self.parts = part_table(folder, parts)

    def candidates(
        self,
        query: NDArray[np.float32],
        count: int,
        admitted: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """About `count` rows likely to be nearest, best first, with their scores.

        `query` is normalized.
        """
        signs = codes.signs_of(query[None], self.mean)[0]
        distances = codes.distances(self._signs, signs, self.rows)
        if admitted is not None:
            distances[~admitted] = codes.NOT_ADMITTED
        rows = codes.smallest(distances, count, self.dimensions)
        scores = codes.scores(self._integers, self._scales, rows, query)
        order = np.argsort(-scores, kind="stable")
        return rows[order], scores[order]

    def part_of(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """The position in `parts` of each row's part."""
        return np.searchsorted(self.parts["start"], rows, side="right") - 1

    def rows_of_parts(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which rows belong to parts with these numbers."""
        found = np.isin(self.parts["id"], ids)
        return np.repeat(found, self.parts["count"])


def part_table(folder: Path, parts: int) -> NDArray[Any]:
    """The parts of a space, ordered by number.

    Raises:
        DamagedError: The file is missing, or too short.
    """
    return _mapped(folder / "parts", PART, (parts,))


def append(
    folder: Path, dimensions: int, added: list[Added], *, rows: int, parts: int
) -> None:
    """Write rows behind those that are published: `rows` in `parts`.

    Raises:
        OSError: The disk is full, or cannot be written.
        DamagedError: Published data is missing.
    """
    folder.mkdir(exist_ok=True)
    vectors = codes.normalized(np.concatenate([each.vectors for each in added]))
    if rows == 0:
        _write(folder / "mean", 0, vectors.mean(axis=0, dtype=np.float32))
    mean = _mapped(folder / "mean", np.float32, (dimensions,))
    integers, scales = codes.integers_of(vectors)
    table = np.zeros(len(added), PART)
    for name in ("id", "token", "first"):
        table[name] = [getattr(each, name) for each in added]
    table["count"] = [len(each.vectors) for each in added]
    table["start"] = rows + np.cumsum(table["count"]) - table["count"]
    _append_signs(folder / "signs", codes.signs_of(vectors, mean), rows)
    _write(folder / "integers", rows * dimensions, integers)
    _write(folder / "scales", rows * scales.itemsize, scales)
    _write(folder / "kinds", rows, np.concatenate([each.kinds for each in added]))
    _write(folder / "parts", parts * PART.itemsize, table)


def _append_signs(path: Path, signs: codes.Signs, rows: int) -> None:
    """Write signs; those that share a block with earlier ones are written with them."""
    block, inside = divmod(rows, codes.BLOCK)
    words = signs.shape[1]
    if inside:
        shape = (block + 1, words, codes.BLOCK)
        last = _mapped(path, np.uint64, shape)[block:]
        signs = np.concatenate([codes.rows_of(last, inside), signs])
    size = words * codes.BLOCK * signs.itemsize
    _write(path, block * size, codes.blocks_of(signs))


def _write(path: Path, offset: int, array: NDArray[Any]) -> None:
    # Not through a mapping: a full disk would kill the process instead of raising.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        file.seek(offset)
        rest = memoryview(np.ascontiguousarray(array).tobytes())
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(descriptor)


def _mapped(path: Path, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    wanted = int(np.prod(shape)) * np.dtype(kind).itemsize
    try:
        if path.stat().st_size < wanted:
            raise DamagedError(f"{path} is too short")
        if not wanted:
            return np.empty(shape, kind)
        return np.asarray(np.memmap(path, kind, "r", shape=shape))
    except OSError as error:
        raise DamagedError(f"{path} cannot be read") from error
